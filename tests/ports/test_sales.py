"""What every adapter of the purchase history promises."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from msgspec import Struct
from tests.fakes.sales import FakePurchaseHistory
from tests.ports.adapters import KINDS, adapted
from tests.sales.world import World, open_world

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Invalid, Unavailable
from shop.modules.sales.domain import Order
from shop.ports.sales import Purchase, PurchaseHistory, PurchaseLine


class Subject(Struct, frozen=True):
    """The port under test, the world behind it, and a way to let a customer have bought something."""

    history: PurchaseHistory
    world: World
    fake: FakePurchaseHistory
    buy: Callable[[UUID], Awaitable[Purchase]]


def purchase_of(order: Order) -> Purchase:
    """Give the purchase that an order of two mugs is."""
    lines = [PurchaseLine("mug", "Mug", 2, Money(1000, "EUR"))]
    return Purchase(order.id, order.number, order.status, order.created_at, Money(2495, "EUR"), lines)


@pytest.fixture(params=KINDS)
async def subject(request: pytest.FixtureRequest, database_url: str, clock: Clock) -> AsyncIterator[Subject]:
    """Give the port behind each kind of adapter in turn."""
    fake = FakePurchaseHistory()
    async with open_world(database_url, clock) as world:
        world.stock("mug", 100)

        async def buy(customer_id: UUID) -> Purchase:
            purchase = purchase_of(await world.confirmed(world.customer(customer_id=customer_id)))
            fake.bought(customer_id, purchase)
            return purchase

        @asynccontextmanager
        async def scope() -> AsyncIterator[PurchaseHistory]:
            yield world.history

        async with adapted(request.param, PurchaseHistory, fake, scope) as history:
            yield Subject(history, world, fake, buy)


async def test_a_customer_sees_what_they_bought_newest_first(subject: Subject) -> None:
    """Each purchase with its lines, and nobody else's."""
    ana, ben = uuid7(), uuid7()
    first, second = await subject.buy(ana), await subject.buy(ana)
    await subject.buy(ben)
    page = await subject.history.purchases(customer_id=ana)
    assert (page.items, page.next_cursor) == ([second, first], None)
    assert page.items[0].lines == [PurchaseLine("mug", "Mug", 2, Money(1000, "EUR"))]
    assert isinstance(page.items[0].placed_at, datetime)
    assert page.items[0].placed_at.utcoffset() == timedelta(0)


async def test_who_bought_nothing_has_an_empty_history(subject: Subject) -> None:
    """It is a page without items."""
    page = await subject.history.purchases(customer_id=uuid7())
    assert (page.items, page.next_cursor) == ([], None)


async def test_pages_follow_each_other_without_gap_or_overlap(subject: Subject) -> None:
    """Five purchases in pages of two."""
    ana = uuid7()
    bought = [await subject.buy(ana) for _ in range(5)]
    seen: list[Purchase] = []
    cursor = None
    while True:
        page = await subject.history.purchases(customer_id=ana, limit=2, cursor=cursor)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == bought[::-1]


async def test_a_cursor_that_is_none_is_invalid(subject: Subject) -> None:
    """It is told as the caller's mistake, on the other side of a wire too."""
    with pytest.raises(Invalid) as told:
        await subject.history.purchases(customer_id=uuid7(), cursor="nonsense")
    assert told.value.errors[0].field == "cursor"


async def test_a_customer_gets_all_that_is_held_about_them(subject: Subject) -> None:
    """Their orders and nobody else's, in plain JSON, and the part of cart beside it."""
    ana = uuid7()
    bought = await subject.buy(ana)
    await subject.buy(uuid7())
    records = await subject.history.records(customer_id=ana)
    assert [order["number"] for order in records.sales["orders"]] == [bought.number]
    assert records.sales["mails"] is not None
    assert isinstance(records.cart["carts"], list)


async def test_a_forgotten_customer_leaves_a_receipt_of_each_module(subject: Subject) -> None:
    """What is paid and not shipped waits; a second round is as good as the first, and who is not known has a receipt too."""
    ana, ben = uuid7(), uuid7()
    bought = await subject.buy(ben)
    for _ in range(2):
        receipts = await subject.history.erase(customer_id=ben)
        assert [(receipt.module, receipt.waiting) for receipt in receipts] == [("sales", 1), ("cart", 0)]
    assert [order["number"] for order in (await subject.history.records(customer_id=ben)).sales["orders"]] == [bought.number]
    for _ in range(2):
        receipts = await subject.history.erase(customer_id=ana)
        assert [(receipt.module, receipt.waiting) for receipt in receipts] == [("sales", 0), ("cart", 0)]
        assert receipts[0].erased == {"orders": 0, "kept_answers": 0}
    assert (await subject.history.records(customer_id=ana)).sales["orders"] == []


async def test_only_confirmed_orders_are_purchases(sqlite_url: str, clock: Clock) -> None:
    """An open and a cancelled order are none; one that was refunded later still is."""
    async with open_world(sqlite_url, clock) as world:
        world.stock("mug", 100)
        ana = uuid7()
        await world.customer(customer_id=ana).buys()
        buyer = world.customer(customer_id=ana)
        await world.cancelling.cancel(await buyer.buys(), buyer.caller)
        order = await world.confirmed(world.customer(customer_id=ana))
        await world.refund(order.id)
        (purchase,) = (await world.history.purchases(customer_id=ana)).items
        assert (purchase.order_id, purchase.status) == (order.id, "refunded")


async def test_the_fake_fails_when_it_is_told_to() -> None:
    """A test of a neighbour can let sales be down for one call."""
    fake = FakePurchaseHistory()
    fake.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await fake.purchases(customer_id=uuid7())
    assert (await fake.purchases(customer_id=uuid7())).items == []
