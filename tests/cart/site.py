"""The cart module behind the edge, and somebody who sends requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import httpx
from litestar import Litestar
from tests.cart.world import TTL
from tests.fakes.products import FakeProducts

from shop.app import assemble
from shop.kit.clock import Clock
from shop.kit.identity import Verifier
from shop.kit.ids import uuid7
from shop.kit.problems import Unauthenticated
from shop.modules.cart.checkouts import Checkouts
from shop.ports.cart import Owner
from shop.ports.products import Products
from shop.settings import Databases, Runtime, Settings


class Tokens(Verifier):
    """Takes `customer-1` for a customer and `staff` for staff."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self.ids: dict[str, UUID] = {}

    async def verify(self, token: str) -> tuple[UUID, frozenset[str]]:
        """Give the same id for the same token."""
        role = token.partition("-")[0]
        if role not in ("customer", "staff"):
            raise Unauthenticated
        return self.ids.setdefault(token, uuid7()), frozenset([role])


class Shop:
    """The cart module behind the edge, products in memory, and somebody who sends requests."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Assemble the cart alone."""
        self.products = FakeProducts(clock)
        self.tokens = Tokens()
        settings = Settings(runtime=Runtime(modules=("cart",)), databases=Databases(url=url))
        self.app = assemble(["cart"], settings, (Products, self.products), (Clock, clock), (Verifier, self.tokens), run_jobs=False)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, self.app)), base_url="http://shop/api/v1")

    async def send(self, method: str, path: str, body: Any = None, token: str | None = None, cart: Any = None, **headers: str) -> httpx.Response:
        """Send a request as a customer or staff (`token`), or with the token of a guest's cart."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        sent |= {"X-Cart-Token": cart["cart_token"]} if cart else {}
        return await self.client.request(method, path, json=body, headers=sent)

    async def cart(self, lines: dict[str, int] | None = None, token: str | None = None) -> Any:
        """Open a cart with these lines; a guest's has its token in it."""
        opened = (await self.send("POST", "/carts", token=token)).json()
        guest = None if token else opened
        for sku, quantity in (lines or {}).items():
            answer = await self.send("PUT", f"/carts/{opened['id']}/lines/{sku}", {"quantity": quantity}, token, guest)
            assert answer.status_code == 200, answer.text
            opened = opened | answer.json()
        return opened

    async def coupon(self, code: str = "TENTH", **terms: Any) -> dict[str, Any]:
        """Make a coupon as staff: a tenth off, or on other terms."""
        answer = await self.send("POST", "/coupons", {"code": code} | ({} if "amount" in terms else {"percent": 10}) | terms, token="staff")
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def puts_coupon(self, cart: Any, code: str, token: str | None = None) -> httpx.Response:
        """Put a coupon on a customer's cart, or on a guest's."""
        return await self.send("PUT", f"/carts/{cart['id']}/coupon", {"code": code}, token, None if token else cart)

    async def checkouts(self) -> Checkouts:
        """Give what sales would call."""
        found: Checkouts = await self.app.state.dishka_container.get(Checkouts, component="cart")
        return found

    async def begin(self, cart: Any, token: str | None = None) -> UUID:
        """Begin a checkout and give the order's id."""
        order = uuid7()
        owner = Owner(customer_id=self.tokens.ids[token]) if token else Owner(cart_token=cart["cart_token"])
        await (await self.checkouts()).begin(id=order, cart_id=UUID(cart["id"]), owner=owner, ttl=TTL)
        return order


def euros(amount: int) -> dict[str, Any]:
    """Write minor units of EUR."""
    return {"amount": amount, "currency": "EUR"}


@asynccontextmanager
async def started(app: Litestar) -> AsyncIterator[None]:
    """Hold the lifespan in a task of its own: the two halves of a fixture run in different ones."""
    up, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with app.lifespan():
            up.set()
            await done.wait()

    holding = asyncio.create_task(hold())
    await asyncio.wait([holding, asyncio.create_task(up.wait())], return_when=asyncio.FIRST_COMPLETED)
    yield
    done.set()
    await holding
