"""What every adapter of the carts port promises."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from msgspec import Struct
from tests.cart.stages import FakeStage, ModuleStage, Stage
from tests.cart.world import TTL, World, persistent
from tests.fakes.cart import FakeCarts
from tests.ports.adapters import KINDS, adapted

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.problems import Conflict, Gone, Problem, Unavailable
from shop.kit.values import Line
from shop.ports.cart import (
    CartEmpty,
    CartNotFound,
    CartOrdered,
    Carts,
    CheckoutInProgress,
    CheckoutOfAnotherCart,
    InsufficientStock,
    Owner,
    Quote,
)


class Subject(Struct, frozen=True):
    """The port under test and its stage."""

    carts: Carts
    stage: Stage

    async def begin(self, id: UUID, cart: tuple[UUID, Owner]) -> Quote:
        """Begin the checkout of a cart."""
        return await persistent(lambda: self.carts.begin(id=id, cart_id=cart[0], owner=cart[1], ttl=TTL))

    async def release(self, id: UUID) -> None:
        """Release a checkout."""
        await persistent(lambda: self.carts.release(id=id))


SUBJECTS = [(kind, database) for kind in KINDS for database in ("sqlite", "postgresql") if (kind, database) != ("fake", "postgresql")]


@pytest.fixture(params=SUBJECTS, ids="-".join)
def kind_and_url(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Give each kind of adapter on each database; the fake needs none."""
    kind, database = request.param
    return kind, request.getfixturevalue(f"{database}_url")


@pytest.fixture
async def subject(kind_and_url: tuple[str, str], clock: Clock) -> AsyncIterator[Subject]:
    """Give the port behind each kind of adapter in turn, with ten mugs and ten lids."""
    kind, url = kind_and_url
    world, fake = World(url, clock), FakeCarts()

    @asynccontextmanager
    async def scope() -> AsyncIterator[Carts]:
        yield world.checkouts

    stage: Stage = FakeStage(fake) if kind == "fake" else ModuleStage(world)
    stage.stock("mug", 10, price=1250)
    stage.stock("lid", 10, price=300)
    async with adapted(kind, Carts, fake, scope) as carts:
        yield Subject(carts, stage)
    await world.close()


async def refusal(kind: type[Problem], subject: Subject, id: UUID, cart: tuple[UUID, Owner]) -> Problem:
    """Give the problem with which a begin is refused."""
    with pytest.raises(kind) as caught:
        await subject.begin(id, cart)
    assert type(caught.value) is kind
    return caught.value


async def test_begin_locks_the_cart_holds_its_stock_and_gives_the_quote(subject: Subject) -> None:
    """The quote names every line by SKU, at today's price, and adds up."""
    cart = await subject.stage.cart({"mug": 2, "lid": 3})
    quote = await subject.begin(uuid7(), cart)
    assert (quote.cart_id, quote.customer_id, quote.coupon) == (cart[0], None, None)
    assert [(line.sku, line.title, line.quantity) for line in quote.lines] == [("lid", "Lid", 3), ("mug", "Mug", 2)]
    assert [(line.unit_price.amount, line.line_total.amount, line.discount.amount) for line in quote.lines] == [(300, 900, 0), (1250, 2500, 0)]
    assert (quote.subtotal.amount, quote.subtotal.currency, quote.discount.amount) == (3400, "EUR", 0)
    assert await subject.stage.status(cart[0]) == "checking_out"
    assert (subject.stage.available("mug"), subject.stage.available("lid")) == (8, 7)


async def test_the_same_id_gives_the_same_quote(subject: Subject) -> None:
    """Whatever the price is by now, and also once it is committed; the stock is held once."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 2}, customer_id := uuid7())
    quote = await subject.begin(id, cart)
    assert quote.customer_id == customer_id
    subject.stage.stock("mug", 8, price=9999)
    assert await subject.begin(id, cart) == quote
    assert subject.stage.available("mug") == 8
    await subject.carts.commit(id=id)
    assert await subject.begin(id, cart) == quote
    assert subject.stage.available("mug") == 8


async def test_too_little_stock_leaves_the_cart_open_and_nothing_held(subject: Subject) -> None:
    """The refusal names the SKUs, and stays the answer of this id; the next one may have more luck."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 2, "lid": 10})
    subject.stage.stock("lid", 9)
    problem = await refusal(InsufficientStock, subject, id, cart)
    assert problem.extra == {"skus": ["lid"]}
    assert await subject.stage.status(cart[0]) == "open"
    assert (subject.stage.available("mug"), subject.stage.available("lid")) == (10, 9)
    subject.stage.stock("lid", 10)
    assert (await refusal(InsufficientStock, subject, id, cart)).extra == {"skus": ["lid"]}
    assert (subject.stage.available("mug"), subject.stage.available("lid")) == (10, 10)
    await subject.begin(uuid7(), cart)
    await refusal(InsufficientStock, subject, id, cart)
    assert await subject.stage.status(cart[0]) == "checking_out"


async def test_an_empty_cart_is_refused(subject: Subject) -> None:
    """There is nothing to buy, and the cart stays open."""
    cart = await subject.stage.cart({})
    await refusal(CartEmpty, subject, uuid7(), cart)
    assert await subject.stage.status(cart[0]) == "open"


async def test_only_the_owner_checks_a_cart_out(subject: Subject) -> None:
    """Somebody else's cart, a guest's without its token and one that never was are all not found."""
    guests, mine = await subject.stage.cart({"mug": 1}), await subject.stage.cart({"mug": 1}, customer_id := uuid7())
    strangers = [Owner(), Owner(cart_token="x"), Owner(customer_id=uuid7()), Owner(cart_token="ü" * 50), Owner(uuid7(), "x")]
    for stranger in [*strangers, mine[1]]:
        await refusal(CartNotFound, subject, uuid7(), (guests[0], stranger))
    for stranger in [*strangers, guests[1]]:
        await refusal(CartNotFound, subject, uuid7(), (mine[0], stranger))
    await refusal(CartNotFound, subject, uuid7(), (uuid7(), mine[1]))
    assert await subject.stage.status(mine[0]) == "open"
    await subject.begin(uuid7(), (guests[0], Owner(customer_id, guests[1].cart_token)))


async def test_a_cart_is_in_one_checkout_at_a_time(subject: Subject) -> None:
    """Another id learns which order has it, while it is in checkout and when it is ordered."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 1})
    await subject.begin(id, cart)
    assert (await refusal(CheckoutInProgress, subject, uuid7(), cart)).extra == {"order_id": str(id)}
    await subject.carts.commit(id=id)
    assert (await refusal(CartOrdered, subject, uuid7(), cart)).extra == {"order_id": str(id)}
    assert subject.stage.available("mug") == 9


async def test_an_id_belongs_to_one_cart(subject: Subject) -> None:
    """An id that is the checkout of another cart is refused, and this cart stays open."""
    id, cart, other = uuid7(), await subject.stage.cart({"mug": 1}), await subject.stage.cart({"mug": 1})
    await subject.begin(id, cart)
    await refusal(CheckoutOfAnotherCart, subject, id, other)
    assert await subject.stage.status(other[0]) == "open"


async def test_commit_sells_what_is_held_and_closes_the_cart(subject: Subject) -> None:
    """As often as it is repeated, it happens once; a late release changes nothing."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 4})
    await subject.begin(id, cart)
    for _ in range(2):
        await subject.carts.commit(id=id)
        await subject.carts.release(id=id)
        assert await subject.stage.status(cart[0]) == "ordered"
        assert subject.stage.available("mug") == 6


async def test_release_gives_the_stock_back_and_opens_the_cart(subject: Subject) -> None:
    """The id is gone for good, the cart is ready for another."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 4})
    await subject.begin(id, cart)
    for _ in range(2):
        await subject.carts.release(id=id)
        assert await subject.stage.status(cart[0]) == "open"
        assert subject.stage.available("mug") == 10
    await refusal(Gone, subject, id, cart)
    with pytest.raises(Gone):
        await subject.carts.commit(id=id)
    await subject.begin(uuid7(), cart)
    await subject.carts.release(id=id)
    assert await subject.stage.status(cart[0]) == "checking_out"


async def test_a_begin_that_comes_after_its_release_is_gone(subject: Subject) -> None:
    """The release of an id that was never seen leaves a tombstone."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 4})
    await subject.carts.release(id=id)
    await refusal(Gone, subject, id, cart)
    assert await subject.stage.status(cart[0]) == "open"
    assert subject.stage.available("mug") == 10


async def test_a_refused_checkout_can_be_released(subject: Subject) -> None:
    """Its tombstone takes the place of the refusal."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 11})
    await refusal(InsufficientStock, subject, id, cart)
    await subject.carts.release(id=id)
    await refusal(Gone, subject, id, cart)


async def test_nothing_is_committed_that_never_began(subject: Subject) -> None:
    """An unknown id and a refused one are gone."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 11})
    await refusal(InsufficientStock, subject, id, cart)
    for each in (id, uuid7()):
        with pytest.raises(Gone):
            await subject.carts.commit(id=each)
    assert await subject.stage.status(cart[0]) == "open"


async def test_a_commit_after_the_hard_limit_is_gone_and_the_cart_waits_for_its_release(subject: Subject) -> None:
    """The stock is somebody else's by now; the cart opens when the money was given back."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 4})
    await subject.begin(id, cart)
    subject.stage.expire(id)
    for _ in range(2):
        with pytest.raises(Gone):
            await subject.carts.commit(id=id)
    assert await subject.stage.status(cart[0]) == "checking_out"
    await subject.carts.release(id=id)
    assert await subject.stage.status(cart[0]) == "open"
    assert subject.stage.available("mug") == 10


async def test_a_restock_takes_sold_pieces_back_once(subject: Subject) -> None:
    """The same restock id counts once, and never more comes back than was sold."""
    id, restock_id, cart = uuid7(), uuid7(), await subject.stage.cart({"mug": 4})
    await subject.begin(id, cart)
    with pytest.raises(Conflict):
        await subject.carts.restock(restock_id=uuid7(), id=id, lines=[Line("mug", 1)])
    await subject.carts.commit(id=id)
    for _ in range(2):
        await subject.carts.restock(restock_id=restock_id, id=id, lines=[Line("mug", 3)])
        assert subject.stage.available("mug") == 9
    with pytest.raises(Conflict):
        await subject.carts.restock(restock_id=uuid7(), id=id, lines=[Line("mug", 2)])
    assert subject.stage.available("mug") == 9


async def test_of_fifty_checkouts_of_one_cart_exactly_one_begins(subject: Subject) -> None:
    """The others learn which one it is, and the stock is held once."""
    cart = await subject.stage.cart({"mug": 2})
    ids = [uuid7() for _ in range(50)]
    results = await asyncio.gather(*(subject.begin(id, cart) for id in ids), return_exceptions=True)
    won = [id for id, result in zip(ids, results, strict=True) if isinstance(result, Quote)]
    assert len(won) == 1
    assert {type(result) for result in results} == {Quote, CheckoutInProgress}
    assert {result.extra["order_id"] for result in results if isinstance(result, CheckoutInProgress)} == {str(won[0])}
    assert subject.stage.available("mug") == 8


async def test_one_id_begun_ten_times_at_once_is_one_checkout(subject: Subject) -> None:
    """Everybody gets the same quote."""
    id, cart = uuid7(), await subject.stage.cart({"mug": 2})
    quotes = await asyncio.gather(*(subject.begin(id, cart) for _ in range(10)))
    assert quotes == [quotes[0]] * 10
    assert subject.stage.available("mug") == 8


async def test_a_coupon_is_redeemed_in_the_quote_once_for_an_id(subject: Subject) -> None:
    """The discount is split over the lines; it is the same however often it is asked for, and stays redeemed once the order is committed."""
    await subject.stage.coupon("TENTH", 10, max_redemptions=1)
    id, cart, other = uuid7(), await subject.stage.cart({"mug": 1, "lid": 1}, coupon="TENTH"), await subject.stage.cart({"lid": 1}, coupon="TENTH")
    quote = await subject.begin(id, cart)
    assert [(line.sku, line.line_total.amount, line.discount.amount) for line in quote.lines] == [("lid", 300, 30), ("mug", 1250, 125)]
    assert (quote.subtotal.amount, quote.discount.amount, quote.coupon) == (1550, 155, "TENTH")
    assert await subject.begin(id, cart) == quote
    await persistent(lambda: subject.carts.commit(id=id))
    assert await subject.begin(id, cart) == quote
    without = await subject.begin(uuid7(), other)
    assert (without.discount.amount, without.coupon, without.lines[0].discount.amount) == (0, None, 0)


async def test_a_released_checkout_gives_its_coupon_back_once(subject: Subject) -> None:
    """Whoever comes next can redeem it; a release before its begin has nothing to give back."""
    await subject.stage.coupon("TENTH", 10, max_redemptions=1)
    early, first, second = uuid7(), uuid7(), uuid7()
    cart, other = await subject.stage.cart({"mug": 1}, coupon="TENTH"), await subject.stage.cart({"lid": 1}, coupon="TENTH")
    await subject.release(early)
    await refusal(Gone, subject, early, cart)
    assert (await subject.begin(first, cart)).coupon == "TENTH"
    for id in (early, first, first):
        await subject.release(id)
    assert (await subject.begin(second, other)).coupon == "TENTH"
    await subject.release(first)
    assert (await subject.begin(uuid7(), cart)).coupon is None


async def test_a_customer_redeems_a_coupon_no_more_often_than_allowed(subject: Subject) -> None:
    """Also from a guest's cart while logged in; guests without a name are not counted."""
    await subject.stage.coupon("MINE", 10, max_per_customer=1)
    ana, carts = uuid7(), [await subject.stage.cart({"lid": 1}, coupon="MINE") for _ in range(4)]
    mine = await subject.stage.cart({"lid": 1}, ana, coupon="MINE")
    guests = [(id, Owner(ana, owner.cart_token)) for id, owner in carts[:2]]
    quotes = [await subject.begin(uuid7(), cart) for cart in (guests[0], mine, guests[1], *carts[2:])]
    assert [quote.coupon for quote in quotes] == ["MINE", None, None, "MINE", "MINE"]


async def test_of_eight_checkouts_with_a_coupon_for_three_exactly_three_get_it(subject: Subject) -> None:
    """The others are quoted what they come to without it; three releases make room for three more."""
    await subject.stage.coupon("THREE", 10, max_redemptions=3)
    carts = {uuid7(): await subject.stage.cart({"lid": 1}, coupon="THREE") for _ in range(8)}
    quotes = dict(zip(carts, await asyncio.gather(*(subject.begin(id, cart) for id, cart in carts.items())), strict=True))
    redeemed = [id for id, quote in quotes.items() if quote.coupon]
    assert sorted(quote.discount.amount for quote in quotes.values()) == [0] * 5 + [30] * 3
    assert len(redeemed) == 3
    await asyncio.gather(*(subject.release(id) for id in quotes))
    again = await asyncio.gather(*(subject.begin(uuid7(), cart) for cart in carts.values()))
    assert sum(quote.coupon is not None for quote in again) == 3


async def test_the_fake_fails_and_loses_answers_when_it_is_told_to() -> None:
    """A test of sales can let cart be down, or do its work without anybody hearing of it."""
    fake = FakeCarts()
    fake.stock("mug", 3)
    cart, id = fake.cart({"mug": 1}), uuid7()
    fake.fail_next()
    with pytest.raises(Unavailable):
        await fake.begin(id=id, cart_id=cart.id, owner=cart.owner, ttl=TTL)
    assert cart.status == "open"
    fake.lose_next()
    with pytest.raises(Unavailable):
        await fake.begin(id=id, cart_id=cart.id, owner=cart.owner, ttl=TTL)
    assert cart.status == "checking_out"


async def test_a_customer_sees_their_carts_and_nobody_elses(subject: Subject) -> None:
    """With their lines; who is not known has none."""
    ana = uuid7()
    cart_id, _ = await subject.stage.cart({"mug": 2, "lid": 1}, ana)
    await subject.stage.cart({"mug": 1}, uuid7())
    (cart,) = (await subject.carts.records(customer_id=ana)).carts
    assert (cart.id, cart.status, cart.lines) == (cart_id, "open", [Line("mug", 2), Line("lid", 1)])
    assert cart.created_at.tzinfo is not None
    stranger = await subject.carts.records(customer_id=uuid7())
    assert (stranger.carts, stranger.redemptions) == ([], [])


async def test_a_customer_sees_what_they_redeemed_until_they_are_forgotten(subject: Subject) -> None:
    """With which order; afterwards it is nobody's, and still counts."""
    await subject.stage.coupon("ONCE", 10, max_redemptions=1)
    ana, order = uuid7(), uuid7()
    await subject.begin(order, await subject.stage.cart({"mug": 1}, ana, coupon="ONCE"))
    await persistent(lambda: subject.carts.commit(id=order))
    records = await subject.carts.records(customer_id=ana)
    assert [(found.coupon, found.order_id) for found in records.redemptions] == [("ONCE", order)]
    assert [cart.coupon for cart in records.carts] == ["ONCE"]
    for _ in range(2):
        assert (await persistent(lambda: subject.carts.erase(customer_id=ana))).erased["redemptions"] == 1
    assert (await subject.carts.records(customer_id=ana)).redemptions == []
    fresh = await subject.stage.cart({"mug": 1})
    assert (await subject.begin(uuid7(), fresh)).coupon is None


async def test_a_forgotten_customer_has_no_cart_any_more(subject: Subject) -> None:
    """The open one is gone, the ordered one nobody's; a second round finds nothing and has the same receipt."""
    ana, order = uuid7(), uuid7()
    await subject.begin(order, await subject.stage.cart({"mug": 1}, ana))
    await persistent(lambda: subject.carts.commit(id=order))
    await subject.stage.cart({"lid": 1}, ana)
    for _ in range(2):
        receipt = await persistent(lambda: subject.carts.erase(customer_id=ana))
        assert (receipt.module, receipt.waiting, receipt.at.tzinfo is not None) == ("cart", 0, True)
        assert receipt.erased == {"open_carts": 1, "ordered_carts": 1, "redemptions": 0, "kept_answers": 0}
    assert (await subject.carts.records(customer_id=ana)).carts == []


async def test_a_cart_in_checkout_waits_until_the_checkout_has_ended(subject: Subject) -> None:
    """The checkout goes on as if nothing were; after its end the next round takes the cart too."""
    ana, order = uuid7(), uuid7()
    cart = await subject.stage.cart({"mug": 1}, ana)
    quote = await subject.begin(order, cart)
    assert (await persistent(lambda: subject.carts.erase(customer_id=ana))).waiting == 1
    assert await subject.begin(order, cart) == quote
    await persistent(lambda: subject.carts.release(id=order))
    receipt = await persistent(lambda: subject.carts.erase(customer_id=ana))
    assert (receipt.waiting, receipt.erased["open_carts"]) == (0, 1)
