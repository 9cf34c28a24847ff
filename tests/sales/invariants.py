"""The invariants of checkout.md, over the books of everybody who takes part; whoever can fill in `Books` can check them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from shop.modules.sales.domain import Order, RefundRow
from shop.modules.sales.states import MONEY_IN, State, status_of
from shop.ports.payments import Payment, Refund

PATIENCE = timedelta(seconds=60)


class Shelf(Struct):
    """The pieces of a SKU; `received` is what was ever put on it from outside."""

    received: int
    available: int
    held: int
    sold: int
    restocked: int


class Letter(Struct):
    """An owed mail; `delivered` is how often it reached somebody, None when nobody counts."""

    order_id: UUID
    status: str
    unknown: int = 0
    delivered: int | None = None


class Redeemed(Struct):
    """What is written down about a coupon: how often it is redeemed, at most how often, and the status of each checkout that redeemed it."""

    count: int
    limit: int | None
    checkouts: dict[UUID, str]


class Books(Struct):
    """What everybody has written down. `held` and `sold` are pieces by order, `carts` has status and order of each cart in a checkout or after one,
    `keys` the order that each idempotency key of an order made, `confirmed` who was ever confirmed.
    """

    now: datetime
    orders: list[Order]
    quantities: dict[UUID, dict[str, int]]
    confirmed: set[UUID]
    refunds: list[RefundRow]
    payments: list[Payment]
    money_back: list[Refund]
    shelves: dict[str, Shelf]
    held: dict[UUID, dict[str, int]]
    sold: dict[UUID, dict[str, int]]
    carts: dict[UUID, tuple[str, UUID | None]]
    keys: dict[str, UUID | None]
    letters: list[Letter]
    hard_limits: set[UUID] = set()
    line_discounts: dict[UUID, int] = {}
    coupons: dict[str, Redeemed] = {}


def check(books: Books, *, settled: bool) -> None:
    """Assert every invariant; `settled` asserts also what must be true once faults have stopped and time has passed."""
    by_id = {order.id: order for order in books.orders}
    payments: dict[UUID, list[Payment]] = {order.id: [] for order in books.orders}
    for payment in books.payments:
        if payment.order_id is not None and payment.order_id in payments:
            payments[payment.order_id].append(payment)
    for sku, shelf in books.shelves.items():
        total = shelf.available + shelf.held + shelf.sold - shelf.restocked
        assert total == shelf.received, f"1: {sku}: {shelf}"
        assert shelf.available >= 0, f"1: {sku}: {shelf}"
    for order in books.orders:
        _check_order(books, order, payments[order.id])
    _check_refunds(books, by_id)
    _check_carts(books)
    _check_coupons(books)
    _check_keys(books)
    for payment in books.payments:
        owner = by_id.get(payment.order_id) if payment.order_id else None
        if payment.status == "succeeded":
            known = owner is not None and (owner.state in MONEY_IN or (not settled and owner.state in (State.PAYING, State.CANCELLING)))
            assert known, f"13: {payment} of {owner}"
    if settled:
        for order in books.orders:
            _check_settled(books, order, payments[order.id])
        _check_mail(books)


def _check_order(books: Books, order: Order, payments: list[Payment]) -> None:
    succeeded = [payment for payment in payments if payment.status == "succeeded"]
    assert len(succeeded) <= 1, f"2: {payments}"
    assert order.status == status_of(order.facts), f"the status is not that of the facts: {order}"
    pieces = books.quantities.get(order.id, {})
    if order.state is State.CONFIRMED:
        assert books.sold.get(order.id) == pieces, f"3: {order}: sold {books.sold.get(order.id)}, ordered {pieces}"
        assert not books.held.get(order.id), f"3: {order}"
        if order.total:
            assert [payment.received for payment in succeeded] == [order.due], f"3: {order}: {payments}"
        assert (order.captured, order.paid_currency or order.currency) == (order.total, order.currency), f"3: {order}"
    else:
        assert not books.sold.get(order.id) or order.state is State.PAID, f"3: sold without a confirmation: {order}"
    if order.state is State.CANCELLED:
        assert all(payment.status == "canceled" for payment in payments), f"4: {payments}"
        assert not books.held.get(order.id), f"4: {order} holds {books.held}"
    if order.state in (State.RELEASING, State.CANCELLED):
        assert all(payment.status == "canceled" for payment in payments), f"the stock is released before the money is cancelled: {payments}"


def _check_refunds(books: Books, orders: dict[UUID, Order]) -> None:
    given = Counter[str]()
    for refund in books.money_back:
        given[refund.payment_id] += refund.amount.amount if refund.status != "failed" else 0
    for payment in books.payments:
        assert given[payment.id] <= payment.received.amount, f"5: {payment} gave back {given[payment.id]}"
    promised = Counter[UUID]()
    for row in books.refunds:
        promised[row.order_id] += row.amount if row.status != "failed" else 0
    for order in orders.values():
        assert promised[order.id] == order.refunded <= order.captured, f"5: {order} promised {promised[order.id]}"
        assert given[order.payment_id or ""] <= promised[order.id], f"5: {order} was given back {given[order.payment_id or '']}"
        if order.state in (State.REFUNDING, State.UNLOCKING, State.REFUNDED):
            assert order.id in books.hard_limits, f"9: charged and refunded: {order}"


def _check_carts(books: Books) -> None:
    live = Counter(order.cart_id for order in books.orders if order.state not in (State.CANCELLED, State.REFUNDED, State.REVIEW))
    assert all(count == 1 for count in live.values()), f"6, 11: {live}"
    paid = Counter(order.cart_id for order in books.orders if order.state in MONEY_IN and order.captured > order.refunded)
    assert all(count == 1 for count in paid.values()), f"6: {paid}"
    orders = {order.id: order for order in books.orders}
    for cart_id, (status, order_id) in books.carts.items():
        order = orders.get(order_id) if order_id else None
        if status == "ordered":
            assert order is not None, f"10: cart {cart_id} is ordered by nobody"
            assert order.state in (State.PAID, State.CONFIRMED), f"10: cart {cart_id} is ordered: {order}"
        if status == "checking_out":
            assert order is not None, f"10: cart {cart_id} is locked by nobody"
            assert order.state not in (State.CONFIRMED, State.CANCELLED, State.REFUNDED), f"10: cart {cart_id} is locked: {order}"


def _check_coupons(books: Books) -> None:
    redeemers = [id for coupon in books.coupons.values() for id in coupon.checkouts]
    assert len(redeemers) == len(set(redeemers)), f"14: a checkout redeemed twice: {books.coupons}"
    for code, coupon in books.coupons.items():
        assert coupon.count == len(coupon.checkouts), f"14: {code}: {coupon}"
        assert coupon.limit is None or coupon.count <= coupon.limit, f"14: {code}: {coupon}"
        assert set(coupon.checkouts.values()) <= {"begun", "committed"}, f"14: {code}: {coupon}"
    for order in books.orders:
        if order.state is State.CONFIRMED:
            assert books.line_discounts[order.id] == order.discount, f"14: {order}: the lines say {books.line_discounts[order.id]}"
            assert order.discount == 0 or order.id in redeemers, f"14: less paid without a coupon: {order}"
        if order.state in (State.CANCELLED, State.REFUNDED):
            assert order.id not in redeemers, f"14: {order} keeps its coupon"


def _check_keys(books: Books) -> None:
    made = [order_id for order_id in books.keys.values() if order_id is not None]
    assert len(made) == len(set(made)), f"8: two keys made one order: {books.keys}"


def _check_settled(books: Books, order: Order, payments: list[Payment]) -> None:
    status, locked_by = books.carts.get(order.cart_id, ("open", None))
    if order.state is State.CONFIRMED:
        assert (status, locked_by) == ("ordered", order.id), f"10: {order}: cart {status} by {locked_by}"
    if order.state in (State.CANCELLED, State.REFUNDED):
        assert locked_by != order.id, f"10: {order} still locks its cart"
    succeeded = any(payment.status == "succeeded" for payment in payments)
    processing = any(payment.status == "processing" for payment in payments)
    if succeeded:
        assert order.state in (State.CONFIRMED, State.REFUNDED, State.REVIEW), f"7: paid, and not confirmed: {order}"
    elif not processing and books.now > order.expires_at + PATIENCE and order.total:
        assert order.state in (State.CANCELLED, State.REVIEW), f"7: unpaid, and not cancelled: {order}"


def _check_mail(books: Books) -> None:
    letters: dict[UUID, list[Letter]] = {}
    for letter in books.letters:
        letters.setdefault(letter.order_id, []).append(letter)
    for order_id in books.confirmed:
        assert len(letters.get(order_id, [])) == 1, f"12: {order_id}: {letters.get(order_id)}"
    for letter in books.letters:
        assert letter.order_id in books.confirmed, f"12: a mail about an order that was never confirmed: {letter}"
        if letter.delivered is not None and letter.status == "sent":
            assert 1 <= letter.delivered <= 1 + letter.unknown, f"12: {letter}"


def sum_by_order(rows: Iterable[tuple[UUID, str, int]]) -> dict[UUID, dict[str, int]]:
    """Add up pieces by order and SKU."""
    found: dict[UUID, dict[str, int]] = {}
    for order_id, sku, quantity in rows:
        lines = found.setdefault(order_id, {})
        lines[sku] = lines.get(sku, 0) + quantity
    return found
