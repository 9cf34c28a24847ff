"""The steps in which sales speaks to the payment provider: ask for the money, see whether it came, cancel, give it back."""

from typing import Any

from shop.kit.database import Database
from shop.modules.sales.domain import Pause, RefundStatus, poll
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.saga import Transitions, Work
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore
from shop.ports.payments import Payment, PaymentFinal, PaymentNotFound, PaymentRefused, Payments

MOST_ATTEMPTS = 5
NOTHING_CREATED = "nothing_created"
OTHER_PARAMETERS = "idempotency_error"


class PaymentSteps(Transitions):
    """PAYING, CANCELLING and REFUNDING."""

    def __init__(self, database: Database[SalesStore], payments: Payments, refunds: Refunds) -> None:
        """Speak to the provider through its port."""
        super().__init__(database)
        self.payments, self.refunds = payments, refunds

    async def paying(self, work: Work) -> Pause | None:
        """Ask for the money under the order's key, or look whether it came."""
        order = work.order
        if work.expired or (order.payment_id is None and order.key_is_dead(work.now)):
            return await self.move(work, State.CANCELLING, event="expired")
        if order.payment_id is not None:
            return await self._look(work, order.payment_id)
        try:
            payment = await self._create(work)
        except PaymentRefused as problem:
            return await self._refused(work, problem)
        if payment.amount != order.due:
            return await self.review(work, "amount", payment_id=payment.id)
        again = poll(0, order.expires_at).until(work.now)
        queue = {"next_attempt_at": again, "tries": 1, "lease": None, "lease_until": None}
        return await self.amend(work, "payment_opened", payment_id=payment.id, client_secret=payment.client_secret, **queue)

    async def _create(self, work: Work) -> Payment:
        order = work.order
        return await self.payments.create(order_id=order.id, attempt=order.attempt, amount=order.due, number=order.number)

    async def _refused(self, work: Work, problem: PaymentRefused) -> Pause | None:
        if problem.extra.get("reason") == NOTHING_CREATED and work.order.attempt < MOST_ATTEMPTS:
            return await self.amend(work, "payment_retried", attempt=work.order.attempt + 1, asked_at=work.now)
        return await self.move(work, State.CANCELLING, event="refused", data={"code": problem.code}, refusal=problem.members())

    async def _look(self, work: Work, payment_id: str) -> Pause | None:
        try:
            payment = await self.payments.payment(id=payment_id)
        except PaymentNotFound:
            return await self.review(work, "payment_unknown")
        return await self._judge(work, payment)

    async def _judge(self, work: Work, payment: Payment) -> Pause | None:
        order = work.order
        if payment.status == "canceled":
            to = State.RELEASING if order.state is State.CANCELLING else State.CANCELLING
            return await self.move(work, to, event="payment_cancelled")
        succeeded = payment.status == "succeeded"
        got = payment.received
        facts: dict[str, Any] = {"captured": got.amount, "paid_currency": got.currency, "refusal": None} if succeeded else {}
        if payment.amount != order.due or (succeeded and payment.received != order.due):
            return await self.review(work, "amount", **facts)
        if succeeded:
            return await self.move(work, State.PAID, **facts)
        return poll(order.tries, order.expires_at if order.state is State.PAYING else None)

    async def cancelling(self, work: Work) -> Pause | None:
        """Cancel the money before the stock is released; one that nobody knows of is created under the same key first, to be cancelled."""
        payment_id = work.order.payment_id
        if payment_id is None:
            return await self._find(work)
        try:
            payment = await self.payments.cancel(id=payment_id)
        except PaymentFinal:
            return await self._look(work, payment_id)
        except PaymentNotFound:
            return await self.review(work, "payment_unknown")
        return await self._judge(work, payment)

    async def _find(self, work: Work) -> Pause | None:
        if work.order.key_is_dead(work.now):
            return await self._find_by_order(work)
        try:
            payment = await self._create(work)
        except PaymentRefused as problem:
            if problem.extra.get("reason") == OTHER_PARAMETERS:
                return await self.review(work, "amount")
            return await self.move(work, State.RELEASING, event="nothing_to_cancel")
        return await self.amend(work, "payment_found", payment_id=payment.id, client_secret=payment.client_secret)

    async def _find_by_order(self, work: Work) -> Pause | None:
        found = [payment for payment in await self.payments.of_order(order_id=work.order.id) if payment.status != "canceled"]
        if not found:
            return await self.move(work, State.RELEASING, event="nothing_to_cancel")
        if len(found) > 1:
            return await self.review(work, "several_payments", payment_id=found[0].id)
        return await self.amend(work, "payment_found", payment_id=found[0].id, client_secret=found[0].client_secret)

    async def refunding(self, work: Work) -> Pause | None:
        """Give the money of an order back that could not be confirmed."""
        async with self.database.read() as store:
            refund = await store.closing_refund(work.order.id)
        if refund is None:
            return await self.review(work, "refund_unknown")
        if refund.status is RefundStatus.PENDING and refund.provider_id is None:
            refund = await self.refunds.give(refund)
        if refund.status is RefundStatus.FAILED:
            return await self.review(work, "refund_failed")
        return await self.move(work, State.UNLOCKING)
