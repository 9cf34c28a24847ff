"""Comparing payments and orders in both directions, and repairing what a lost message left behind."""

import logging
from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from shop.kit.database import Database
from shop.kit.problems import Unavailable
from shop.modules.sales.checkout import Advance
from shop.modules.sales.domain import Order, RefundRow, RefundStatus
from shop.modules.sales.states import MONEY_IN, State
from shop.modules.sales.store import SalesStore
from shop.ports.payments import Payment, PaymentFinal, PaymentNotFound, Payments, Refund

log = logging.getLogger("shop.sales")
PAGE = 100
WAITING = frozenset({State.PAYING, State.CANCELLING})
GIVEN_UP = frozenset({State.RELEASING, State.CANCELLED})


class Finding(Struct, frozen=True):
    """Something that does not agree. `kind` is not_recorded, paid_but_cancelled, second_payment, amount_differs, still_open, not_paid,
    unknown_order, unknown_payment, unknown_refund or missing_refund.
    """

    kind: str
    order_id: UUID | None
    payment_id: str | None
    detail: str
    repaired: bool = False


class Report(Struct, frozen=True):
    """How many payments and orders were compared, and what did not agree."""

    payments: int
    orders: int
    findings: list[Finding]


class Reconciliation:
    """Compares the provider's books with ours."""

    def __init__(self, database: Database[SalesStore], payments: Payments, advance: Advance) -> None:
        """Read both."""
        self.database, self._payments, self._advance = database, payments, advance

    async def reconcile(self, since: timedelta, repair: bool) -> Report:
        """Compare what was created in this time in both directions; raises Unavailable when the provider does not answer."""
        seen: set[str] = set()
        findings = await self._from_payments(since, repair, seen)
        compared = 0
        after: UUID | None = None
        while orders := await self._orders(since, after):
            for order in orders:
                findings += await self._from_order(order, seen, repair)
            compared, after = compared + len(orders), orders[-1].id
        for finding in findings:
            log.warning("reconciliation: %s, order %s, payment %s", finding.kind, finding.order_id, finding.payment_id)
        return Report(len(seen), compared, findings)

    async def _from_payments(self, since: timedelta, repair: bool, seen: set[str]) -> list[Finding]:
        findings: list[Finding] = []
        cursor: str | None = None
        while True:
            page = await self._payments.since(seconds=int(since.total_seconds()), cursor=cursor)
            ours = [payment for payment in page.items if payment.order_id is not None]
            async with self.database.read() as store:
                orders = await store.by_ids([payment.order_id for payment in ours if payment.order_id])
            for payment in ours:
                seen.add(payment.id)
                if differs(payment, orders.get(payment.order_id) if payment.order_id else None):
                    findings += await self._confirmed(payment.id, repair)
            cursor = page.next_cursor
            if cursor is None:
                return findings

    async def _confirmed(self, payment_id: str, repair: bool) -> list[Finding]:
        """Look again at a difference, for one of the two may just have changed."""
        payment = await self._payments.payment(id=payment_id)
        async with self.database.read() as store:
            order = await store.order(payment.order_id) if payment.order_id else None
        kind = differs(payment, order)
        if kind is None:
            return []
        repaired = repair and order is not None and await self._repair(kind, payment, order)
        return [Finding(kind, payment.order_id, payment.id, f"payment {payment.status}, order {order.state if order else 'unknown'}", repaired)]

    async def _repair(self, kind: str, payment: Payment, order: Order) -> bool:
        try:
            if kind == "not_recorded":
                return await self._advance.advance(order.id)
            if kind == "still_open":
                return (await self._payments.cancel(id=payment.id)).status == "canceled"
        except (Unavailable, PaymentFinal) as problem:
            log.warning("order %s could not be repaired: %s", order.id, problem.detail)
            return False
        if kind == "paid_but_cancelled":
            got = payment.received
            async with self.database.write() as store:
                return await store.move(
                    order, State.REVIEW, data={"reason": kind}, payment_id=payment.id, captured=got.amount, paid_currency=got.currency
                )
        return False

    async def _orders(self, since: timedelta, after: UUID | None) -> list[Order]:
        async with self.database.read() as store:
            return await store.created_since(await store.now() - since, after, PAGE)

    async def _from_order(self, order: Order, seen: set[str], repair: bool) -> list[Finding]:
        if order.payment_id is None:
            return []
        findings: list[Finding] = []
        try:
            if order.payment_id not in seen:
                findings += await self._confirmed(order.payment_id, repair)
            async with self.database.read() as store:
                rows = await store.refunds_of(order.id)
            if rows:
                findings += refund_differences(order, rows, await self._payments.refunds(payment_id=order.payment_id))
        except PaymentNotFound:
            findings.append(Finding("unknown_payment", order.id, order.payment_id, f"the provider does not know the payment of order {order.number}"))
        return findings


def differs(payment: Payment, order: Order | None) -> str | None:
    """Name what does not agree between a payment and its order; None when nothing does."""
    if order is None:
        return "unknown_order"
    mine = order.payment_id in (None, payment.id)
    if payment.status == "succeeded":
        return _paid(payment, order, mine)
    if mine and order.payment_id and order.total and order.state in MONEY_IN - {State.REVIEW}:
        return "not_paid"
    is_open = payment.status not in ("canceled", "processing")
    return "still_open" if is_open and (order.state in GIVEN_UP or not mine) else None


def _paid(payment: Payment, order: Order, mine: bool) -> str | None:
    if not mine:
        return "second_payment"
    if order.state in WAITING:
        return "not_recorded"
    if order.state not in MONEY_IN:
        return "paid_but_cancelled"
    same = (payment.received.amount, payment.received.currency) == (order.captured, order.paid_currency)
    return None if same else "amount_differs"


def refund_differences(order: Order, rows: list[RefundRow], given: list[Refund]) -> list[Finding]:
    """Name the refunds that only one side knows."""
    ours = {row.id for row in rows}
    theirs = {refund.refund_id for refund in given if refund.status != "failed"}
    unknown = [refund for refund in given if refund.status != "failed" and refund.refund_id not in ours]
    missing = [row for row in rows if row.status is RefundStatus.SUCCEEDED and row.amount and row.id not in theirs]
    return [
        *(Finding("unknown_refund", order.id, order.payment_id, f"{refund.id} was not asked for here") for refund in unknown),
        *(Finding("missing_refund", order.id, order.payment_id, f"refund {row.id} is not at the provider") for row in missing),
    ]
