"""Whatever people, prices, stock and sales do in whatever order, a cart is what a simple model says it is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.cart.model import Bag, Voucher, vouchers
from tests.cart.world import TTL, World, customer, held, owner

from shop.kit.clock import Clock
from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Gone, Problem, Unavailable
from shop.kit.values import Line
from shop.modules.cart.coupons import CouponNotApplicable
from shop.modules.cart.domain import CartFull
from shop.modules.cart.pricing import AppliedCoupon, CartView, CouponRefused, NotEnough, PriceChanged
from shop.modules.cart.service import Claim
from shop.ports.cart import CartEmpty, CartOrdered, CheckoutInProgress, InsufficientStock, Quote

SKUS: tuple[str, ...] = ("cup", "lid", "mug")
sku, index, pieces = st.sampled_from(SKUS), st.integers(0, 50), st.integers(1, 4) | st.sampled_from([500, 999])


class CartMachine(RuleBasedStateMachine):
    """The real service beside the model."""

    run: Callable[[Awaitable[Any]], Any]
    world: World

    def __init__(self) -> None:
        """Begin with a few pieces of everything and nobody in the shop."""
        super().__init__()
        self.bags: list[Bag] = []
        self.customers = [customer(), customer()]
        self.orders: dict[UUID, Bag] = {}
        self.answers: dict[UUID, Any] = {}
        self.price = dict.fromkeys(SKUS, 100)
        self.left = dict.fromkeys(SKUS, 3)
        self.vouchers = vouchers()
        for one in self.vouchers:
            self.run(self.world.coupon(one.code, **one.terms))
        self.world.products.reservations.clear()
        self.world.products.shelves.clear()
        for sku in SKUS:
            self.shelve(sku)

    def shelve(self, sku: str) -> None:
        """Tell products what the model says."""
        reserved = self.world.products.shelves[sku].reserved if sku in self.world.products.shelves else 0
        self.world.products.stock(sku, self.left[sku] + reserved, price=self.price[sku])

    def outcome(self, call: Awaitable[Any]) -> Any:
        """Give what a call gives, or the type of its problem."""
        try:
            return self.run(call)
        except Problem as problem:
            return type(problem)

    def bag(self, index: int) -> Bag:
        """Choose a cart."""
        return self.bags[index % len(self.bags)]

    @rule()
    def a_guest_opens_a_cart(self) -> None:
        """Every time a new one."""
        self.bags.append(Bag(*self.run(self.world.guest())))

    @rule(who=st.integers(0, 1))
    def a_customer_opens_a_cart(self, who: int) -> None:
        """The same one until it is ordered."""
        me = self.customers[who]
        opened = self.run(self.world.service.open(None, me))
        mine = self.of(me)
        if mine is None:
            self.bags.append(Bag(opened.id, me))
        else:
            assert opened.id == mine.id

    def of(self, caller: Caller) -> Bag | None:
        """Find a customer's cart that is not ordered yet."""
        mine = [bag for bag in self.bags if bag.caller.user_id == caller.user_id and bag.status != "ordered"]
        return mine[0] if mine else None

    @precondition(lambda self: self.bags)
    @rule(index=index, sku=sku, quantity=pieces)
    def pieces_are_added(self, index: int, sku: str, quantity: int) -> None:
        """They add up, to 999 at most."""
        bag = self.bag(index)
        total = bag.lines.get(sku, 0) + quantity
        expected = bag.refusal() or (CartFull if total > 999 else None)
        self.change(bag, sku, total, self.world.service.add(bag.id, Line(sku, quantity), bag.caller), expected)

    @precondition(lambda self: self.bags)
    @rule(index=index, sku=sku, quantity=st.just(0) | pieces)
    def a_quantity_is_set(self, index: int, sku: str, quantity: int) -> None:
        """Zero removes the line."""
        bag = self.bag(index)
        self.change(bag, sku, quantity, self.world.service.set_quantity(bag.id, sku, quantity, bag.caller), bag.refusal())

    def change(self, bag: Bag, sku: str, quantity: int, call: Awaitable[CartView], expected: type[Problem] | None) -> None:
        """Expect the refusal, or the change."""
        answer = self.outcome(call)
        if expected is not None:
            assert answer is expected
        else:
            bag.put(sku, quantity, self.price[sku])
            self.compare(bag, answer)

    @precondition(lambda self: self.bags)
    @rule(index=index, which=st.integers(0, 2))
    def a_coupon_is_put_on(self, index: int, which: int) -> None:
        """If it applies now; it takes the place of another."""
        bag, voucher = self.bag(index), self.vouchers[which]
        reason = voucher.reason(bag.caller.user_id, bag.subtotal(self.price))
        call = self.world.service.put_coupon(bag.id, voucher.code.lower(), bag.caller)
        self.change_coupon(bag, voucher, call, bag.refusal() or (CouponNotApplicable if reason else None))

    def change_coupon(self, bag: Bag, voucher: Voucher | None, call: Awaitable[CartView], expected: type[Problem] | None) -> None:
        """Expect the refusal, or the coupon."""
        answer = self.outcome(call)
        if expected is not None:
            assert answer is expected
        else:
            bag.take(voucher)
            self.compare(bag, answer)

    @rule(who=st.integers(-1, 1), sku=sku, which=st.integers(0, 2))
    def somebody_shops_with_a_coupon(self, who: int, sku: str, which: int) -> None:
        """A guest or a customer goes the way that would be rare otherwise."""
        self.a_guest_opens_a_cart() if who < 0 else self.a_customer_opens_a_cart(who)
        place = len(self.bags) - 1 if who < 0 else next(place for place, bag in enumerate(self.bags) if bag is self.of(self.customers[who]))
        self.pieces_are_added(place, sku, 1)
        self.a_coupon_is_put_on(place, which)
        self.a_checkout_begins(place)

    @precondition(lambda self: self.bags)
    @rule(index=index)
    def a_coupon_is_taken_off(self, index: int) -> None:
        """Where there is none, nothing changes."""
        bag = self.bag(index)
        self.change_coupon(bag, None, self.world.service.remove_coupon(bag.id, bag.caller), bag.refusal())

    @rule(sku=sku, price=st.sampled_from([100, 150, 999]))
    def a_price_changes(self, sku: str, price: int) -> None:
        """From now on."""
        self.price[sku] = price
        self.shelve(sku)

    @rule(sku=sku, left=st.integers(0, 8) | st.just(2000))
    def stock_changes(self, sku: str, left: int) -> None:
        """Beside what is reserved."""
        self.left[sku] = left
        self.shelve(sku)

    @precondition(lambda self: self.bags)
    @rule(index=index, who=st.integers(0, 1))
    def a_cart_is_claimed(self, index: int, who: int) -> None:
        """A guest's pieces go over as far as there are any."""
        guests, me = self.bag(index), self.customers[who]
        if guests.caller.user_id is not None:
            return
        mine = self.of(me)
        claim = self.outcome(self.world.service.claim(guests.id, Caller(me.user_id, me.roles, guests.caller.cart_token)))
        expected = guests.refusal() or (mine.refusal() if mine else None)
        if expected is not None:
            assert claim is expected
            return
        assert isinstance(claim, Claim)
        self.bags.remove(guests)
        self.orders = {id: bag for id, bag in self.orders.items() if bag is not guests}
        target = mine or Bag(guests.id, me, guests.version)
        taken = guests.pour(target, self.left)
        voucher = target.voucher or guests.voucher
        target.version += bool(taken or mine is None or voucher is not target.voucher)
        target.voucher = voucher
        if mine is None:
            self.bags.append(target)
        assert {line.sku: line.quantity for line in claim.merged} == taken
        assert {line.sku: line.quantity for line in claim.dropped} == {
            sku: quantity - taken.get(sku, 0) for sku, quantity in guests.lines.items() if quantity > taken.get(sku, 0)
        }
        self.compare(target, claim.cart)

    @precondition(lambda self: self.bags)
    @rule(index=index)
    def a_checkout_begins(self, index: int) -> None:
        """If the cart is open and everything is there."""
        bag, id = self.bag(index), uuid7()
        answer = self.outcome(self.world.checkouts.begin(id=id, cart_id=bag.id, owner=owner(bag.caller), ttl=TTL))
        if bag.status != "open":
            assert answer is {"checking_out": CheckoutInProgress, "ordered": CartOrdered}[bag.status]
        elif not bag.lines:
            assert answer is CartEmpty
        else:
            self.orders[id], self.answers[id] = bag, answer
            if any(quantity > self.left[sku] for sku, quantity in bag.lines.items()):
                assert answer is InsufficientStock
                return
            assert isinstance(answer, Quote)
            bag.agreed = bag.effect(self.price)
            if bag.voucher is not None and bag.agreed[1] is None:
                bag.voucher.redeemed[id] = bag.caller.user_id
            assert (answer.subtotal.amount, answer.discount.amount) == (bag.subtotal(self.price), bag.agreed[0])
            assert answer.coupon == (bag.voucher.code if bag.voucher and not bag.agreed[1] else None)
            bag.status, bag.order, bag.quoted = "checking_out", id, {sku: self.price[sku] for sku in bag.lines}
            for sku, quantity in bag.lines.items():
                self.left[sku] -= quantity

    @precondition(lambda self: self.orders)
    @rule(index=index)
    def a_begin_is_repeated(self, index: int) -> None:
        """The same id has the same answer."""
        id, bag = list(self.orders.items())[index % len(self.orders)]
        assert self.outcome(self.world.checkouts.begin(id=id, cart_id=bag.id, owner=owner(bag.caller), ttl=TTL)) == self.answers[id]

    @precondition(lambda self: self.orders)
    @rule(index=index)
    def a_checkout_is_released(self, index: int) -> None:
        """Also a second time, a refused one, or a committed one, where it changes nothing."""
        id, bag = list(self.orders.items())[index % len(self.orders)]
        assert self.outcome(self.world.checkouts.release(id=id)) is None
        if bag.order == id and bag.status == "ordered":
            return
        if bag.order == id:
            for voucher in self.vouchers:
                voucher.redeemed.pop(id, None)
            bag.status, bag.order = "open", None
            for sku, quantity in bag.lines.items():
                self.left[sku] += quantity
        self.answers[id] = Gone

    @precondition(lambda self: self.orders)
    @rule(index=index)
    def a_checkout_is_committed(self, index: int) -> None:
        """What is held is sold; what is not is gone."""
        id, bag = list(self.orders.items())[index % len(self.orders)]
        answer = self.outcome(self.world.checkouts.commit(id=id))
        assert answer is (None if bag.order == id else Gone)
        if bag.order == id:
            bag.status = "ordered"

    @precondition(lambda self: self.bags)
    @rule(index=index)
    def products_is_down(self, index: int) -> None:
        """A cart opens all the same, with everything in it."""
        bag = self.bag(index)
        if bag.status == "open" and bag.lines:
            self.world.products.fail_next(Unavailable())
            seen = self.run(self.world.service.cart(bag.id, bag.caller))
            assert (held(seen), seen.version, seen.stale) == (bag.lines, bag.version, True)

    @invariant()
    def every_cart_is_what_the_model_says(self) -> None:
        """And so is the stock."""
        for bag in self.bags:
            self.compare(bag, self.run(self.world.service.cart(bag.id, bag.caller)))
        assert {sku: self.world.available(sku) for sku in SKUS} == self.left
        for sku in SKUS:
            reserved = sum(bag.lines.get(sku, 0) for bag in self.bags if bag.status == "checking_out")
            assert self.world.products.shelf(sku).reserved == reserved

    @invariant()
    def a_coupon_is_redeemed_by_the_checkouts_that_have_it_and_no_more_than_it_may_be(self) -> None:
        """Under way or committed; the counter, the redemptions and the model agree."""
        for voucher in self.vouchers:
            assert self.run(self.world.redeemed(voucher.code)) == len(voucher.redeemed) <= (voucher.most or 50)

    def compare(self, bag: Bag, seen: CartView) -> None:
        """Check a cart against the model."""
        price = self.price if bag.status == "open" else bag.quoted
        assert (seen.status.value, seen.version, held(seen), seen.stale) == (bag.status, bag.version, bag.lines, False)
        assert {line.sku: line.unit_price.amount for line in seen.lines} == {sku: price[sku] for sku in bag.lines}
        discount, reason = bag.effect(price)
        assert (seen.subtotal.amount, seen.discount.amount) == (bag.subtotal(price), discount)
        assert seen.coupon == (AppliedCoupon(bag.voucher.code, Money(discount, "EUR"), reason is None) if bag.voucher else None)
        assert [one.reason for one in seen.problems if isinstance(one, CouponRefused)] == [reason] * bool(reason)
        changed = {one.sku: (one.old.amount, one.new.amount) for one in seen.problems if isinstance(one, PriceChanged)}
        assert changed == {sku: (bag.added[sku], price[sku]) for sku in bag.lines if price[sku] != bag.added[sku]}
        short = {one.sku: one.available for one in seen.problems if isinstance(one, NotEnough)}
        missing = {sku: self.left[sku] for sku, quantity in bag.lines.items() if quantity > self.left[sku]}
        assert short == (missing if bag.status == "open" else {})


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_carts_follow_the_model(request: pytest.FixtureRequest, kind: str) -> None:
    """Add, set, remove, price and stock changes, coupons, claims and checkouts in any order."""
    url = request.getfixturevalue(f"{kind}_url")
    calm = settings(max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=(HealthCheck.too_slow,), database=None)
    with asyncio.Runner() as runner:
        world = World(url, Clock())
        machine = type("Machine", (CartMachine,), {"world": world, "run": staticmethod(runner.run)})
        try:
            run_state_machine_as_test(machine, settings=calm)
        finally:
            runner.run(world.close())
