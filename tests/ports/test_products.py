"""What every adapter of the products port promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import pytest
from msgspec import Struct
from tests.fakes.products import FakeProducts
from tests.ports.adapters import KINDS, adapted
from tests.products.world import TTL, World

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Conflict, Gone, Problem, Unavailable
from shop.kit.values import Line
from shop.modules.products.commands import Price, VariantChanges
from shop.ports.products import HeldLine, OutOfStock, Products, ReservedDifferently


class Stage(Protocol):
    """What a case does besides calling the port, on the fake and on the real module."""

    async def stock(self, sku: str, quantity: int) -> None:
        """Sell so many pieces at 10.00."""

    async def price(self, sku: str, price: int) -> None:
        """Change a price."""

    async def archive(self, sku: str) -> None:
        """Stop selling a SKU."""

    async def level(self, sku: str) -> tuple[int, int]:
        """Give on hand and reserved."""
        ...


class FakeStage:
    """The fake's own controls."""

    def __init__(self, fake: FakeProducts) -> None:
        """Set this fake."""
        self.fake = fake

    async def stock(self, sku: str, quantity: int) -> None:
        """Sell so many pieces."""
        self.fake.stock(sku, quantity)

    async def price(self, sku: str, price: int) -> None:
        """Change a price."""
        self.fake.stock(sku, self.fake.shelf(sku).on_hand, price=price)

    async def archive(self, sku: str) -> None:
        """Stop selling a SKU."""
        self.fake.archive(sku)

    async def level(self, sku: str) -> tuple[int, int]:
        """Give on hand and reserved."""
        return self.fake.shelf(sku).on_hand, self.fake.shelf(sku).reserved


class ModuleStage:
    """The real module."""

    def __init__(self, world: World) -> None:
        """Set this world."""
        self.world = world

    async def stock(self, sku: str, quantity: int) -> None:
        """Sell so many pieces."""
        await self.world.sells(sku, on_hand=quantity)

    async def price(self, sku: str, price: int) -> None:
        """Change a price."""
        await self.world.catalogue.change_variant(sku, VariantChanges(price=Price(price, "EUR")), None)

    async def archive(self, sku: str) -> None:
        """Stop selling a SKU."""
        await self.world.catalogue.archive_variant(sku, None)

    async def level(self, sku: str) -> tuple[int, int]:
        """Give on hand and reserved."""
        return await self.world.level(sku)


class Case(Struct):
    """A port behind one kind of adapter, and its stage."""

    port: Products
    stage: Stage
    clock: Clock

    async def reserves(self, id: UUID, **quantities: int) -> list[HeldLine]:
        """Reserve pieces of SKUs for a day."""
        return (await self.port.reserve(id=id, lines=lines(**quantities), ttl=TTL)).lines


@pytest.fixture(params=["fake", *(f"{kind} {database}" for kind in KINDS if kind != "fake" for database in ("sqlite", "postgresql"))])
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Give each kind of adapter, and the URL of each kind of database behind it; the fake has none."""
    name, _, database = request.param.partition(" ")
    return name, request.getfixturevalue(f"{database}_url") if database else ""


@pytest.fixture
async def case(kind: tuple[str, str], clock: Clock) -> AsyncIterator[Case]:
    """Give the port behind each kind of adapter."""
    name, url = kind
    fake = FakeProducts(clock)
    if name == "fake":
        yield Case(fake, FakeStage(fake), clock)
        return
    world = World(url, clock)
    async with adapted(name, Products, fake, world.scope) as products:
        yield Case(products, ModuleStage(world), clock)
    await world.close()


def lines(**quantities: int) -> list[Line]:
    """Write lines of a command."""
    return [Line(sku, quantity) for sku, quantity in quantities.items()]


async def outcome(call: Awaitable[object]) -> type[Problem] | None:
    """Give what kind of problem a call ended in; None when it was done."""
    try:
        await call
    except Problem as problem:
        return type(problem)
    return None


async def test_what_is_held_is_sold_and_comes_back(case: Case) -> None:
    """Holding reserves, committing takes out, restocking puts in."""
    await case.stage.stock("mug", 10)
    order, restock = uuid7(), uuid7()
    await case.reserves(order, mug=3)
    assert await case.stage.level("mug") == (10, 3)
    await case.port.commit(id=order)
    assert await case.stage.level("mug") == (7, 0)
    await case.port.restock(restock_id=restock, id=order, lines=lines(mug=2))
    assert await case.stage.level("mug") == (9, 0)


async def test_variants_give_what_is_sold_and_leave_out_the_rest(case: Case) -> None:
    """Unknown and archived SKUs are left out, what is reserved is not available, nothing asked gives nothing."""
    for sku in ("mug", "cup", "old"):
        await case.stage.stock(sku, 5)
    await case.stage.archive("old")
    await case.reserves(uuid7(), cup=2)
    found = await case.port.variants(skus=["mug", "old", "cup", "never", "mug"])
    assert [(variant.sku, variant.title, variant.price, variant.available) for variant in found] == [
        ("cup", "Cup", Money(1000, "EUR"), 3),
        ("mug", "Mug", Money(1000, "EUR"), 5),
    ]
    assert await case.port.variants(skus=[]) == []


async def test_the_same_id_always_gives_the_same_answer(case: Case) -> None:
    """A repeated reserve holds nothing more, and shows the prices of the first time even after the price changed and the order was sold."""
    await case.stage.stock("mug", 10)
    order = uuid7()
    first = await case.reserves(order, mug=3)
    assert [(line.sku, line.quantity, line.unit_price) for line in first] == [("mug", 3, Money(1000, "EUR"))]
    await case.stage.price("mug", 2000)
    assert await case.reserves(order, mug=3) == first
    assert await case.stage.level("mug") == (10, 3)
    await case.port.commit(id=order)
    assert await case.reserves(order, mug=3) == first
    assert await case.stage.level("mug") == (7, 0)


async def test_lines_of_a_sku_are_added_up(case: Case) -> None:
    """Two lines of a SKU are one, in whatever order they come."""
    await case.stage.stock("mug", 5)
    await case.stage.stock("cup", 5)
    order = uuid7()
    parts = [Line("mug", 1), Line("cup", 2), Line("mug", 2)]
    held = await case.port.reserve(id=order, lines=parts, ttl=TTL)
    assert [(line.sku, line.quantity) for line in held.lines] == [("cup", 2), ("mug", 3)]
    assert await case.port.reserve(id=order, lines=parts[::-1], ttl=TTL) == held
    too_many = [Line("mug", 2), Line("mug", 2)]
    with pytest.raises(OutOfStock):
        await case.port.reserve(id=uuid7(), lines=too_many, ttl=TTL)


async def test_other_lines_under_a_known_id_are_refused(case: Case) -> None:
    """An id names one command."""
    await case.stage.stock("mug", 10)
    order = uuid7()
    await case.reserves(order, mug=3)
    assert await outcome(case.reserves(order, mug=4)) is ReservedDifferently
    assert await case.stage.level("mug") == (10, 3)


async def test_out_of_stock_names_every_sku_and_holds_nothing(case: Case) -> None:
    """Too few, unknown and archived ones are all named; of the others nothing is held, and the id may try again."""
    for sku in ("mug", "cup", "old"):
        await case.stage.stock(sku, 2)
    await case.stage.archive("old")
    order = uuid7()
    with pytest.raises(OutOfStock) as refused:
        await case.reserves(order, mug=3, cup=2, old=1, never=1)
    assert refused.value.extra == {"skus": ["mug", "never", "old"]}
    assert await case.stage.level("cup") == (2, 0)
    await case.reserves(order, mug=2, cup=2)
    assert await case.stage.level("mug") == (2, 2)


async def test_a_release_gives_back_and_stays(case: Case) -> None:
    """After a release the id is gone for reserve and commit; releasing again changes nothing."""
    await case.stage.stock("mug", 10)
    order = uuid7()
    await case.reserves(order, mug=3)
    for _ in range(2):
        await case.port.release(id=order)
    assert await case.stage.level("mug") == (10, 0)
    assert await outcome(case.reserves(order, mug=3)) is Gone
    assert await outcome(case.reserves(order, mug=4)) is Gone
    assert await outcome(case.port.commit(id=order)) is Gone
    assert await case.stage.level("mug") == (10, 0)


async def test_a_release_before_the_reserve_leaves_a_tombstone(case: Case) -> None:
    """A reserve that was overtaken by its release must not hold anything."""
    await case.stage.stock("mug", 10)
    order = uuid7()
    await case.port.release(id=order)
    assert await outcome(case.reserves(order, mug=3)) is Gone
    assert await case.stage.level("mug") == (10, 0)


async def test_a_commit_of_an_unknown_id_is_gone_for_good(case: Case) -> None:
    """The answer Gone makes sales refund, so a reserve that comes later must not make it a lie."""
    await case.stage.stock("mug", 10)
    order = uuid7()
    assert await outcome(case.port.commit(id=order)) is Gone
    assert await outcome(case.reserves(order, mug=3)) is Gone
    assert await outcome(case.port.commit(id=order)) is Gone


async def test_what_is_sold_stays_sold(case: Case) -> None:
    """A repeated commit takes nothing more, and a late release gives nothing back."""
    await case.stage.stock("mug", 10)
    order = uuid7()
    await case.reserves(order, mug=3)
    for _ in range(2):
        await case.port.commit(id=order)
    await case.port.release(id=order)
    assert await case.stage.level("mug") == (7, 0)
    await case.port.commit(id=order)


async def test_the_hard_limit_ends_what_nobody_came_back_for(case: Case) -> None:
    """After its lifetime a reservation is gone, also when no job ran in between; until then it is not."""
    await case.stage.stock("mug", 10)
    in_time, too_late, renewed = uuid7(), uuid7(), uuid7()
    for order in (in_time, too_late, renewed):
        await case.reserves(order, mug=3)
    case.clock.advance(timedelta(seconds=TTL - 60))
    await case.port.commit(id=in_time)
    case.clock.advance(timedelta(seconds=61))
    assert await outcome(case.port.commit(id=too_late)) is Gone
    assert await outcome(case.reserves(renewed, mug=3)) is Gone
    assert await case.stage.level("mug") == (7, 0)
    await case.port.commit(id=in_time)


async def test_a_restock_happens_once(case: Case) -> None:
    """A repeated restock puts nothing more in; the same id with something else is refused."""
    await case.stage.stock("mug", 10)
    order, restock = uuid7(), uuid7()
    await case.reserves(order, mug=3)
    await case.port.commit(id=order)
    for _ in range(2):
        await case.port.restock(restock_id=restock, id=order, lines=lines(mug=1))
    assert await case.stage.level("mug") == (8, 0)
    assert await outcome(case.port.restock(restock_id=restock, id=order, lines=lines(mug=2))) is Conflict
    assert await outcome(case.port.restock(restock_id=restock, id=uuid7(), lines=lines(mug=1))) is Conflict
    assert await case.stage.level("mug") == (8, 0)


async def test_never_more_comes_back_than_was_sold(case: Case) -> None:
    """The sum of all restocks of an order stays within what was sold under its id, and a refused one puts nothing in."""
    await case.stage.stock("mug", 10)
    await case.stage.stock("cup", 10)
    sold, held = uuid7(), uuid7()
    await case.reserves(sold, mug=3, cup=1)
    await case.port.commit(id=sold)
    await case.reserves(held, mug=3)
    await case.port.restock(restock_id=uuid7(), id=sold, lines=lines(mug=2))
    for id, back in ((sold, lines(mug=2)), (sold, lines(cup=1, mug=2)), (sold, lines(pot=1)), (held, lines(mug=1)), (uuid7(), lines(mug=1))):
        assert await outcome(case.port.restock(restock_id=uuid7(), id=id, lines=back)) is Conflict
    assert await case.stage.level("mug") == (9, 3)
    assert await case.stage.level("cup") == (9, 0)


async def test_pieces_of_an_archived_sku_are_still_sold_and_taken_back(case: Case) -> None:
    """Archiving stops new reservations only."""
    await case.stage.stock("mug", 10)
    order = uuid7()
    await case.reserves(order, mug=3)
    await case.stage.archive("mug")
    await case.port.commit(id=order)
    await case.port.restock(restock_id=uuid7(), id=order, lines=lines(mug=3))
    assert await case.stage.level("mug") == (10, 0)


async def test_one_command_sent_twice_at_once_is_done_once(case: Case) -> None:
    """A retry that meets its first try holds, sells and restocks once; a reserve and its release end with nothing held."""
    await case.stage.stock("mug", 10)
    order, other, restock = uuid7(), uuid7(), uuid7()
    first, second = await asyncio.gather(case.reserves(order, mug=3), case.reserves(order, mug=3))
    assert first == second
    await asyncio.gather(*(case.port.commit(id=order) for _ in range(3)))
    await asyncio.gather(*(case.port.restock(restock_id=restock, id=order, lines=lines(mug=1)) for _ in range(3)))
    assert await case.stage.level("mug") == (8, 0)
    await asyncio.gather(outcome(case.reserves(other, mug=2)), case.port.release(id=other))
    assert await case.stage.level("mug") == (8, 0)
    assert await outcome(case.port.commit(id=other)) is Gone


async def test_the_fake_fails_on_demand() -> None:
    """Tests of the neighbours let products be away, or refuse."""
    fake = FakeProducts()
    fake.fail_next(Unavailable(), times=2)
    assert [await outcome(fake.variants(skus=[])) for _ in range(3)] == [Unavailable, Unavailable, None]
