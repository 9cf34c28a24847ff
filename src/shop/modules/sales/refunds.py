"""Refunds: the row first, then the money, then the pieces. A refund is never more than what is left of the payment, whoever else refunds."""

import logging
from uuid import UUID

from msgspec.structs import replace

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Conflict, Invalid, Unavailable
from shop.kit.values import Line
from shop.modules.sales.domain import DONE, Order, Pause, RefundRow, RefundStatus, backoff, summed
from shop.modules.sales.letters_of import owe_refund
from shop.modules.sales.problems import OrderNotConfirmed, OrderNotFound, RefundExceedsPayment, RestockExceedsOrder
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import audit_log, refunds
from shop.ports.cart import Carts
from shop.ports.payments import PaymentNotFound, PaymentRefused, Payments, Refund

log = logging.getLogger("shop.sales")
BATCH = 8
LONGEST_WAIT = 3600.0


class Refunds:
    """Gives money back, and takes pieces back into stock."""

    def __init__(self, database: Database[SalesStore], carts: Carts, payments: Payments) -> None:
        """Speak to the cart and the payment provider through their ports."""
        self.database, self.carts, self.payments = database, carts, payments

    async def request(self, order_id: UUID, amount: Money | None, reason: str, note: str | None, lines: list[Line], once: Once) -> UUID:
        """Refund an order in part or in full on behalf of staff; gives the refund's id. Raises RefundExceedsPayment, RestockExceedsOrder."""
        new_id = uuid7()
        async with self.database.write() as store:
            order = await store.order(order_id, lock=True)
            if order is None or order.refusal is not None:
                raise OrderNotFound
            if await once.first(store, subject=new_id):
                if lines and order.state is not State.CONFIRMED:
                    raise OrderNotConfirmed
                row, pieces = _row(new_id, order, _amount(order, amount), reason, note), summed(lines)
                await self._add(store, row, pieces)
                given = {"refund": new_id, "amount": row.money, "reason": reason, "restock": pieces}
                await record(store, audit_log, "refund.create", order_id, None, given)
        refund_id = once.subject or new_id
        await self.try_now(refund_id)
        return refund_id

    async def read(self, refund_id: UUID) -> tuple[RefundRow, list[Line]]:
        """Give a refund and the pieces that come back with it; raises OrderNotFound."""
        async with self.database.read() as store:
            refund, lines = await store.refund(refund_id), await store.refund_lines(refund_id)
        if refund is None:
            raise OrderNotFound
        return refund, lines

    async def withdraw(self, store: SalesStore, order: Order) -> UUID:
        """Refund all that is left of a confirmed order and take all its pieces back, within a transaction of the caller's."""
        lines = [Line(line.sku, line.quantity - line.refunded) for line in await store.lines(order.id) if line.quantity > line.refunded]
        row = _row(uuid7(), order, order.left, "requested_by_customer", None)
        await self._add(store, row, lines, withdrawn=True)
        return row.id

    async def _add(self, store: SalesStore, row: RefundRow, lines: list[Line], **values: bool) -> None:
        if not await store.claim_money(row.order_id, row.amount):
            raise RefundExceedsPayment
        for line in lines:
            if not await store.claim_pieces(row.order_id, line):
                raise RestockExceedsOrder(sku=line.sku)
        now = await store.now()
        await store.add_refund(replace(row, created_at=now), lines, queued=True)
        order = await store.order(row.order_id)
        if order is None or not await store.amend(order, "refund_requested", {"refund_id": row.id, "amount": row.money}, **values):
            raise AssertionError("a locked order changed")

    async def try_now(self, refund_id: UUID) -> None:
        """Work on a refund within a request; what cannot be done now is done later."""
        try:
            await self.advance(refund_id)
        except Unavailable as problem:
            log.warning("refund %s waits: %s", refund_id, problem.detail)

    async def run(self) -> bool:
        """Work on the refunds that are due; a job."""
        async with self.database.read() as store:
            if not await store.is_due(refunds):
                return False
        async with self.database.write() as store:
            leases = await store.lease_due(refunds, BATCH)
        for id, lease in leases.items():
            try:
                await self._work(id, lease)
            except Exception:
                log.warning("refund %s waits", id, exc_info=True)
        return bool(leases)

    async def advance(self, refund_id: UUID) -> None:
        """Bring a refund as far as it goes now; raises Unavailable."""
        async with self.database.write() as store:
            lease = await store.lease(refunds, refund_id)
        if lease is not None:
            await self._work(refund_id, lease)

    async def _work(self, refund_id: UUID, lease: UUID) -> None:
        while (refund := await self._read(refund_id, lease)) is not None:
            try:
                pause = await self._step(refund)
            except Exception:
                await self._let_go(refund, lease, backoff(refund.tries))
                raise
            if pause is not None:
                await self._let_go(refund, lease, pause)

    async def _read(self, refund_id: UUID, lease: UUID) -> RefundRow | None:
        async with self.database.read() as store:
            return await store.leased_refund(refund_id, lease)

    async def _let_go(self, refund: RefundRow, lease: UUID, pause: Pause) -> None:
        async with self.database.write() as store:
            await store.let_go(refunds, refund.id, lease, pause)

    async def _step(self, refund: RefundRow) -> Pause | None:
        if refund.status is RefundStatus.PENDING and refund.provider_id is None:
            await self.give(refund)
            return None
        if refund.status is not RefundStatus.FAILED and not refund.restocked:
            await self._restock(refund)
            return None
        if refund.provider_id is None or refund.status is RefundStatus.FAILED:
            return DONE
        return await self._look(refund)

    async def give(self, refund: RefundRow) -> RefundRow:
        """Have the provider give the money back under the row's key, and record its answer; nothing is given without a call."""
        async with self.database.read() as store:
            order = await store.order(refund.order_id)
            now = await store.now()
        if refund.amount == 0:
            return await self._record(refund, RefundStatus.SUCCEEDED, None)
        if order is None or order.payment_id is None:
            return await self._record(refund, RefundStatus.FAILED, None)
        try:
            given = await self._known(refund, order.payment_id) if refund.key_is_dead(now) else None
            if given is None:
                given = await self.payments.refund(refund_id=refund.id, payment_id=order.payment_id, amount=refund.money, reason=refund.reason)
        except (PaymentRefused, PaymentNotFound) as problem:
            log.error("refund %s of order %s was refused: %s %s", refund.id, refund.order_id, problem.code, problem.extra.get("reason", ""))
            return await self._record(refund, RefundStatus.FAILED, None)
        return await self._record(refund, RefundStatus(given.status), given.id)

    async def _known(self, refund: RefundRow, payment_id: str) -> Refund | None:
        found = await self.payments.refunds(payment_id=payment_id)
        return next((known for known in found if known.refund_id == refund.id), None)

    async def _look(self, refund: RefundRow) -> Pause | None:
        async with self.database.read() as store:
            order = await store.order(refund.order_id)
        known = await self._known(refund, order.payment_id) if order and order.payment_id else None
        status = RefundStatus(known.status) if known else refund.status
        if status is not refund.status:
            await self._record(refund, status, refund.provider_id)
            return None
        return DONE if status is RefundStatus.SUCCEEDED else Pause(min(60.0 * 2 ** min(refund.tries, 8), LONGEST_WAIT))

    async def _record(self, refund: RefundRow, status: RefundStatus, provider_id: str | None) -> RefundRow:
        async with self.database.write() as store:
            order = await store.order(refund.order_id, lock=True)
            pause = Pause(0.0) if status is not RefundStatus.FAILED else DONE
            if order is not None and await store.settle_refund(refund, status, provider_id, pause):
                await self._tell(store, refund, status)
            recorded = await store.refund(refund.id)
        return recorded or refund

    async def _tell(self, store: SalesStore, refund: RefundRow, status: RefundStatus) -> None:
        values = {}
        if status is RefundStatus.FAILED:
            await store.give_money_back(refund)
            values = {"withdrawn": False}
            if not refund.restocked:
                await store.give_pieces_back(refund)
        order = await store.order(refund.order_id)
        if order is None:
            return
        if status is not RefundStatus.PENDING:
            await store.amend(order, f"refund_{status}", {"refund_id": refund.id, "amount": refund.money}, **values)
        if status is RefundStatus.SUCCEEDED and refund.amount:
            await owe_refund(store, order, refund)
        if status is RefundStatus.FAILED and order.state is State.REFUNDED:
            log.error("refund %s failed after order %s had ended", refund.id, order.id)

    async def _restock(self, refund: RefundRow) -> None:
        async with self.database.read() as store:
            lines = await store.refund_lines(refund.id)
        if lines:
            try:
                await self.carts.restock(restock_id=refund.id, id=refund.order_id, lines=lines)
            except Conflict as problem:
                log.error("the pieces of refund %s could not be restocked: %s", refund.id, problem.detail)
        async with self.database.write() as store:
            await store.mark_restocked(refund)


def _amount(order: Order, amount: Money | None) -> int:
    if order.state not in (State.CONFIRMED, State.REVIEW) or order.left == 0:
        raise RefundExceedsPayment(left=order.paid_money(order.left))
    if amount is None:
        return order.left
    if amount.currency != (order.paid_currency or order.currency):
        raise Invalid.field("amount.currency", f"must be {order.paid_currency or order.currency}, as it was paid")
    if amount.amount == 0:
        raise Invalid.field("amount.amount", "must be more than nothing")
    if amount.amount > order.left:
        raise RefundExceedsPayment(left=order.paid_money(order.left))
    return amount.amount


def _row(id: UUID, order: Order, amount: int, reason: str, note: str | None) -> RefundRow:
    currency = order.paid_currency or order.currency
    return RefundRow(id, order.id, amount, currency, reason, note, RefundStatus.PENDING, None, False, False, order.created_at, 0)
