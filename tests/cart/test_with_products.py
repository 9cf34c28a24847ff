"""Carts over the real products, both modules in one process, with and without JSON between them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from tests.cart.site import Tokens, started
from tests.cart.world import TTL, persistent

from shop.app import assemble
from shop.kit.clock import Clock
from shop.kit.identity import Verifier
from shop.kit.ids import uuid7
from shop.kit.problems import Gone
from shop.ports.cart import Carts, CheckoutInProgress, InsufficientStock, Owner, Quote
from shop.settings import Databases, Runtime, Settings

STAFF = {"Authorization": "Bearer staff"}


class Mall:
    """Both modules behind the edge, and the port that sales would use."""

    def __init__(self, url: str, clock: Clock, *, rehearse: bool) -> None:
        """Assemble them on this database."""
        settings = Settings(runtime=Runtime(modules=("products", "cart")), databases=Databases(url=url))
        self.app = assemble(["products", "cart"], settings, (Clock, clock), (Verifier, Tokens()), rehearse=rehearse, run_jobs=False)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, self.app)), base_url="http://shop/api/v1")
        self.carts: Carts

    async def call(self, method: str, path: str, body: Any = None, headers: Any = STAFF) -> Any:
        """Send a request and give what its answer holds."""
        answer = await self.client.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def sells(self, pieces: dict[str, int]) -> None:
        """Put variants on sale at 10 EUR, with so many pieces."""
        variants = [{"sku": sku, "price": {"amount": 1000, "currency": "EUR"}} for sku in pieces]
        await self.call("POST", "/products", {"title": "Mug", "variants": variants})
        for sku, delta in pieces.items():
            await self.call("POST", f"/variants/{sku}/stock", {"delta": delta, "reason": "delivery"})

    async def cart(self, lines: dict[str, int]) -> Any:
        """Open a guest's cart with these lines."""
        cart = await self.call("POST", "/carts", headers={})
        for sku, quantity in lines.items():
            await self.call("PUT", f"/carts/{cart['id']}/lines/{sku}", {"quantity": quantity}, {"X-Cart-Token": cart["cart_token"]})
        return cart

    async def read(self, cart: Any) -> Any:
        """Read a guest's cart."""
        return await self.call("GET", f"/carts/{cart['id']}", headers={"X-Cart-Token": cart["cart_token"]})

    async def begin(self, cart: Any, id: UUID) -> Quote:
        """Begin a checkout."""
        owner = Owner(cart_token=cart["cart_token"])
        return await persistent(lambda: self.carts.begin(id=id, cart_id=UUID(cart["id"]), owner=owner, ttl=TTL))

    async def release(self, id: UUID) -> None:
        """Release a checkout."""
        await persistent(lambda: self.carts.release(id=id))

    async def levels(self, sku: str) -> tuple[int, int, int]:
        """Give on hand, reserved and available."""
        level = await self.call("GET", f"/variants/{sku}/stock")
        return level["on_hand"], level["reserved"], level["available"]


@pytest.fixture(params=[False, True], ids=["in_process", "rehearsed"])
async def mall(request: pytest.FixtureRequest, database_url: str, clock: Clock) -> AsyncIterator[Mall]:
    """Give both modules, with five mugs and two lids."""
    made = Mall(database_url, clock, rehearse=request.param)
    async with started(made.app), made.client:
        made.carts = await made.app.state.dishka_container.get(Carts)
        await made.sells({"mug": 5, "lid": 2})
        yield made


async def test_a_checkout_from_the_cart_to_what_is_sold(mall: Mall) -> None:
    """Held, then sold; the cart is ordered."""
    cart, id = await mall.cart({"mug": 2, "lid": 1}), uuid7()
    quote = await mall.begin(cart, id)
    assert ([(line.sku, line.quantity) for line in quote.lines], quote.subtotal.amount) == ([("lid", 1), ("mug", 2)], 3000)
    assert await mall.begin(cart, id) == quote
    assert await mall.levels("mug") == (5, 2, 3)
    await mall.carts.commit(id=id)
    assert await mall.levels("mug") == (3, 0, 3)
    assert (await mall.read(cart))["status"] == "ordered"


async def test_prices_and_stock_are_live(mall: Mall) -> None:
    """What staff change is a problem in the next reading, archiving too."""
    cart = await mall.cart({"mug": 2, "lid": 2})
    await mall.call("PATCH", "/variants/mug", {"price": {"amount": 1200, "currency": "EUR"}})
    await mall.call("DELETE", "/variants/lid")
    read = await mall.read(cart)
    assert [(problem["code"], problem["sku"]) for problem in read["problems"]] == [("price_changed", "mug"), ("insufficient_stock", "lid")]
    assert read["subtotal"]["amount"] == 4400
    with pytest.raises(InsufficientStock) as caught:
        await mall.begin(cart, uuid7())
    assert caught.value.extra == {"skus": ["lid"]}
    assert (await mall.read(cart))["status"] == "open"
    assert await mall.levels("mug") == (5, 0, 5)


async def test_a_release_before_its_begin_leaves_nothing_held(mall: Mall) -> None:
    """Both modules remember."""
    cart, id = await mall.cart({"mug": 2}), uuid7()
    await mall.release(id)
    with pytest.raises(Gone):
        await mall.begin(cart, id)
    assert await mall.levels("mug") == (5, 0, 5)


async def test_of_thirty_carts_the_last_five_pieces_go_to_five(mall: Mall) -> None:
    """The others are told, their carts are open, and nothing is held twice."""
    carts = [await mall.cart({"mug": 1}) for _ in range(30)]
    results = await asyncio.gather(*(mall.begin(cart, uuid7()) for cart in carts), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["InsufficientStock"] * 25 + ["Quote"] * 5
    assert await mall.levels("mug") == (5, 5, 0)
    states = [(await mall.read(cart))["status"] for cart in carts]
    assert [state == "checking_out" for state in states] == [isinstance(result, Quote) for result in results]


async def test_begins_and_releases_of_one_cart_at_once_balance(mall: Mall) -> None:
    """Twenty orders fight for one cart and each is released: in the end nothing is held and the cart is open."""
    cart = await mall.cart({"mug": 5})
    ids = [uuid7() for _ in range(20)]

    async def fight(id: UUID) -> None:
        await asyncio.gather(mall.begin(cart, id), mall.release(id), return_exceptions=True)
        with pytest.raises((Gone, CheckoutInProgress)):
            await mall.begin(cart, id)
        await mall.release(id)

    await asyncio.gather(*(fight(id) for id in ids))
    assert await mall.levels("mug") == (5, 0, 5)
    assert (await mall.read(cart))["status"] == "open"
