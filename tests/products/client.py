"""The public API of products, hosted alone, as staff and strangers call it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import httpx
from tests.fakes.images import FakeImages

from shop.app import assemble
from shop.kit.clock import Clock
from shop.kit.identity import Verifier
from shop.kit.problems import Unauthenticated
from shop.ports.images import ImageStore
from shop.settings import Databases, Runtime, Settings

STAFF = {"Authorization": "Bearer staff"}
CUSTOMER = {"Authorization": "Bearer customer"}
STAFF_ID = UUID(int=7)


class TokensByName(Verifier):
    """Takes `staff` and `customer` for tokens, and nothing else."""

    async def verify(self, token: str) -> tuple[UUID, frozenset[str]]:
        """Give a fixed user with the role that the token names."""
        if token not in ("staff", "customer"):
            raise Unauthenticated
        return STAFF_ID, frozenset([token])


class Client:
    """Sends requests; as staff unless told otherwise."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """`http` has the base URL of the API."""
        self.http = http

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str, clock: Clock, images: ImageStore | None = None) -> AsyncGenerator["Client"]:
        """Host products alone on this database, with pictures kept there."""
        settings = Settings(runtime=Runtime(modules=("products",)), databases=Databases(url=url))
        app = assemble(["products"], settings, (Clock, clock), (Verifier, TokensByName()), (ImageStore, images or FakeImages()), run_jobs=False)
        async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, app)), base_url="http://shop/api/v1") as http:
            yield cls(http)

    async def call(self, method: str, path: str, json: Any = None, status: int | None = None, **headers: str) -> httpx.Response:
        """Send a request as staff; with a status, expect it."""
        answer = await self.http.request(method, path, json=json, headers=STAFF | _named(headers))
        assert status is None or answer.status_code == status, (answer.status_code, answer.text)
        return answer

    async def get(self, path: str, status: int = 200, **headers: str) -> httpx.Response:
        """Read as a stranger."""
        answer = await self.http.get(path, headers=_named(headers))
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer

    async def sells(self, *skus: str, title: str = "Mug", price: int = 1000, on_hand: int = 0, **more: Any) -> dict[str, Any]:
        """Put a product on sale, with so many pieces of each SKU."""
        made = (await self.call("POST", "/products", product(*skus, title=title, price=price, **more), status=201)).json()
        for sku in skus if on_hand else ():
            await self.call("POST", f"/variants/{sku}/stock", {"delta": on_hand, "reason": "delivery"}, status=200)
        return dict(made)


def product(*skus: str, title: str = "Mug", price: int = 1000, **more: Any) -> dict[str, Any]:
    """Write the body of a new product."""
    return {"title": title, "variants": [{"sku": sku, "price": euros(price)} for sku in skus], **more}


def euros(amount: int) -> dict[str, Any]:
    """Write minor units of EUR as the API does."""
    return {"amount": amount, "currency": "EUR"}


def fields(answer: httpx.Response) -> list[str]:
    """Name the fields that a 400 complains of."""
    assert answer.status_code == 400, answer.text
    return [error["field"] for error in answer.json()["errors"]]


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
