"""The way of an order from the cart to its confirmation, and what is refused on it."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from tests.sales.books import world_books
from tests.sales.invariants import check
from tests.sales.world import World

from shop.kit.money import Money
from shop.kit.problems import NotFound, Problem, Unavailable
from shop.modules.sales.domain import Order
from shop.modules.sales.problems import PriceChanged, TotalTooLarge
from shop.modules.sales.states import State
from shop.modules.sales.tables import METADATA, outbox
from shop.ports.cart import CartEmpty, CartNotFound, CartOrdered, CheckoutInProgress, InsufficientStock
from shop.ports.payments import PaymentRefused
from shop.ports.users import Customer


async def test_a_guest_orders_pays_and_is_confirmed(world: World) -> None:
    """The order waits for its payment, which confirms it, sells the stock and owes one mail."""
    buyer = world.guest()
    order = await buyer.buys()
    assert (order.status, order.total, order.tax, order.number) == ("awaiting_payment", 2495, 347 + 86, "A-1001")
    assert buyer.cart.status == "checking_out"
    order = await world.pays(order.id)
    assert (order.status, order.captured) == ("confirmed", 2495)
    assert (buyer.cart.status, world.carts.sold) == ("ordered", Counter(mug=2))
    check(await world_books(world), settled=True)


async def test_fifty_submits_of_one_cart_are_one_order_and_one_payment(world: World) -> None:
    """Fifty requests under fifty keys: one is accepted, the others are told which order has the cart."""
    buyer = world.guest()
    answers = await asyncio.gather(*(buyer.buys() for _ in range(50)), return_exceptions=True)
    accepted = [answer for answer in answers if isinstance(answer, Order)]
    told = [answer for answer in answers if isinstance(answer, CheckoutInProgress)]
    assert (len(accepted), len(told)) == (1, 49)
    assert {problem.extra["order_id"] for problem in told} == {str(accepted[0].id)}
    assert [payment.order_id for payment in world.payments.payments.values()] == [accepted[0].id]
    assert len(await world.all_orders()) == 1


async def test_orders_are_numbered_one_after_the_other(world: World) -> None:
    """Numbers begin at A-1001 and no two orders share one, however many are placed at once."""
    placed = await asyncio.gather(*(world.guest({"mug": 1}).buys() for _ in range(10)))
    assert sorted(order.number for order in placed) == [f"A-{number}" for number in range(1001, 1011)]


async def test_nothing_is_charged_but_what_was_expected(world: World) -> None:
    """Another total, or another currency, is told with what it would come to, before any money is touched."""
    buyer = world.guest()
    with pytest.raises(PriceChanged) as told:
        await buyer.buys(expected=2494)
    assert told.value.extra == {"total": {"amount": 2495, "currency": "EUR"}}
    with pytest.raises(PriceChanged):
        await buyer.buys(expected_total=Money(2495, "USD"))
    assert world.payments.calls["create"] == 0
    assert (buyer.cart.status, world.carts.held["mug"]) == ("open", 0)
    check(await world_books(world), settled=True)


REFUSED: list[tuple[dict[str, int], type[Problem]]] = [({"mug": 101}, InsufficientStock), ({"gold": 2}, TotalTooLarge)]


@pytest.mark.parametrize("lines, problem", REFUSED)
async def test_a_refusal_leaves_the_cart_open_and_is_the_answer_of_its_key(world: World, lines: dict[str, int], problem: type[Problem]) -> None:
    """What cannot be ordered is refused, again under the same key, and another order of the cart may follow."""
    world.stock("gold", 5, 60_000_000)
    buyer = world.guest(lines)
    for _ in range(2):
        with pytest.raises(problem) as told:
            await buyer.buys(key="k")
        assert told.value.extra == ({"skus": ["mug"]} if problem is InsufficientStock else {})
    assert buyer.cart.status == "open"
    buyer.cart.lines = {"mug": 1}
    assert (await buyer.buys()).status == "awaiting_payment"


async def test_an_empty_a_foreign_and_an_ordered_cart_cannot_be_ordered(world: World) -> None:
    """Each is refused by its own problem; somebody else's cart is not there."""
    empty = world.guest()
    empty.cart.lines = {}
    with pytest.raises(CartEmpty):
        await empty.buys()
    foreign = world.guest()
    foreign.cart = world.carts.cart({"mug": 1}, uuid4())
    foreign.cart.customer_id, owner = None, foreign.cart.customer_id
    wish, caller = foreign.wish(), foreign.caller
    foreign.cart.customer_id = owner
    with pytest.raises(CartNotFound):
        await world.orders.place(wish, caller, await world.once("orders x"))
    buyer = world.guest()
    order = await world.confirmed(buyer)
    with pytest.raises(CartOrdered) as told:
        await buyer.buys()
    assert told.value.extra == {"order_id": str(order.id)}


async def test_a_stranger_learns_nothing_of_a_cart_in_checkout(world: World) -> None:
    """Who cannot prove that the cart is theirs is not told that it is in a checkout."""
    buyer, stranger = world.guest(), world.guest()
    await buyer.buys()
    stranger.cart.id = buyer.cart.id
    with pytest.raises(NotFound):
        await stranger.buys()


async def test_a_lost_answer_of_any_neighbour_is_unavailable_and_the_same_key_goes_on(world: World) -> None:
    """Whichever call is lost, before or after it was done, a repeat ends with the one order."""
    for name in ("carts.begin", "payments.create"):
        for fate in ("before", "after"):
            buyer = world.guest({"mug": 1})
            world.network.lose(name, fate)
            with pytest.raises(Unavailable):
                await buyer.buys(key=f"{name}{fate}")
            order = await buyer.buys(key=f"{name}{fate}")
            assert order.status == "awaiting_payment"
            assert len(world.payments.of(order.id)) == 1
    assert len(await world.all_orders()) == 4


async def test_a_refused_order_is_not_answered_before_its_cart_is_open_again(world: World) -> None:
    """The release is lost: unavailable first, and under the same key the refusal, once the cart is open."""
    buyer = world.guest()
    world.network.lose("carts.release")
    with pytest.raises(Unavailable):
        await buyer.buys(expected=1, key="k")
    assert buyer.cart.status == "checking_out"
    with pytest.raises(PriceChanged):
        await buyer.buys(expected=1, key="k")
    assert buyer.cart.status == "open"


async def test_what_costs_nothing_is_confirmed_without_the_provider(world: World) -> None:
    """A total of 0 needs no payment."""
    world.stock("flyer", 5, 0)
    order = await world.guest({"flyer": 1}).buys(method="free")
    assert (order.status, order.total, order.payment_id) == ("confirmed", 0, None)
    assert sum(world.payments.calls.values()) == 0
    check(await world_books(world), settled=True)


async def test_what_the_provider_refuses_is_refused_and_the_cart_is_open(world: World) -> None:
    """An amount that the provider does not take is the customer's answer."""
    buyer = world.guest()

    async def refuse(**_: Any) -> None:
        raise PaymentRefused(reason="amount_too_small")

    world.payments.create = refuse  # type: ignore[method-assign, assignment]
    world.start()
    with pytest.raises(PaymentRefused):
        await buyer.buys()
    assert buyer.cart.status == "open"


async def test_a_confirmation_and_its_mail_are_one(world: World) -> None:
    """The mail is owed in the transaction that confirms, in the language of the order, and once."""
    order = await world.confirmed(world.guest())
    await world.tell(order.payment_id or "")
    async with world.database.read() as store:
        (row,) = await store.rows(sa.select(outbox))
    assert (row.kind, row.subject_id, row.recipient, row.locale) == ("order_confirmed", order.id, "ana@example.com", "es")
    assert row.data["shipping_method"] == "Estándar"


async def test_no_token_of_cart_or_order_is_stored(world: World) -> None:
    """Neither capability can be read from the database."""
    buyer = world.guest()
    order = await buyer.buys()
    tokens = {buyer.cart.token, await world.orders.token(order.id)}
    async with world.database.read() as store:
        for table in METADATA.sorted_tables:
            for row in await store.rows(sa.select(table)):
                assert not any(token in str(tuple(row)) for token in tokens)


async def test_a_customers_order_takes_mail_address_and_language_from_the_account(world: World) -> None:
    """Users is asked who buys; without an answer the order is not placed, and a guest's order never asks."""
    buyer = world.customer()
    world.customers.add(Customer(buyer.cart.customer_id or uuid4(), "eva@example.com", "Eva", "es"))
    world.network.lose("customers.customer")
    with pytest.raises(Unavailable):
        await buyer.buys(email=None, locale=None)
    assert await world.all_orders() == []
    order = await buyer.buys(email=None, locale=None)
    assert (order.email, order.locale) == ("eva@example.com", "es")


async def test_a_guests_begin_waits_for_the_guest_and_a_customers_does_not(world: World) -> None:
    """Without its token a guest's new order only waits for the end of its lease."""
    world.network.lose("carts.begin", times=2)
    guest, customer = world.guest(), world.customer()
    for buyer in (guest, customer):
        with pytest.raises(Unavailable):
            await buyer.buys()
    await world.passes(timedelta(seconds=60))
    assert {order.customer_id is None: order.state for order in await world.all_orders()} == {True: State.NEW, False: State.PAYING}
    await world.passes(timedelta(minutes=16))
    assert {order.state for order in await world.all_orders()} == {State.CANCELLED}


async def test_a_key_that_is_repeated_later_gives_the_order_as_it_is_now(world: World) -> None:
    """The same key never makes a second order, whatever became of the first."""
    buyer = world.guest()
    order = await buyer.buys(key="k")
    await world.pays(order.id)
    again = await world.orders.place(buyer.wish(), buyer.caller, await _reopened(world, buyer.caller.scope))
    assert (again.id, again.status) == (order.id, "confirmed")


async def _reopened(world: World, scope: str) -> Any:
    world.clock.advance(timedelta(seconds=61))
    return await world.once(f"orders {scope}", "k")
