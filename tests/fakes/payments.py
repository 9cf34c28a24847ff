"""A payment provider in memory that keeps Stripe's promises: one answer per key for a day, no refund beyond what was received."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid4

import msgspec
from msgspec.structs import replace

from shop.kit.clock import Clock
from shop.kit.money import Money
from shop.kit.problems import Invalid, Problem
from shop.kit.transactions import assert_no_transaction
from shop.ports.payments import Payment, PaymentFinal, PaymentNotFound, PaymentPage, PaymentRefused, Payments, Refund, WebhookEvent

KEY_LIVES = timedelta(hours=24)
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
PAGE = 100
When = Literal["before", "after"]
A = TypeVar("A", Payment, Refund)


class FakePayments(Payments):
    """PaymentIntents and refunds in memory; the tests play the customer and the network.

    `calls` counts every call by method name, also those that failed; `paid` and `given_back` are the facts that invariants are about.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        """Start without payments; keys are forgotten 24 h later by this clock."""
        self.clock = clock or Clock()
        self.payments: dict[str, Payment] = {}
        self.refund_rows: dict[str, Refund] = {}
        self.calls: Counter[str] = Counter()
        self.refunds_stay_pending = False
        self.wrong: list[str] = []
        self._keys: dict[str, tuple[datetime, object, Payment | Refund | Problem]] = {}
        self._faults: list[tuple[str | None, When, Problem]] = []

    # The port

    async def create(self, *, order_id: UUID, attempt: int, amount: Money, number: str) -> Payment:
        """See Payments."""
        with self._call("create"):
            return self._once(f"pi:{order_id}:{attempt}", (amount, number), lambda: self._created(order_id, attempt, amount))

    async def payment(self, *, id: str) -> Payment:
        """See Payments."""
        with self._call("payment"):
            return self._known(id)

    async def of_order(self, *, order_id: UUID) -> list[Payment]:
        """See Payments."""
        with self._call("of_order"):
            return [payment for payment in self._newest_first() if payment.order_id == order_id]

    async def cancel(self, *, id: str) -> Payment:
        """See Payments."""
        with self._call("cancel"):
            payment = self._known(id)
            if payment.status in OPEN:
                return self._set(id, status="canceled")
            if payment.status != "canceled":
                raise PaymentFinal(payment_status=payment.status)
            return payment

    async def refund(self, *, refund_id: UUID, payment_id: str, amount: Money, reason: str) -> Refund:
        """See Payments."""
        with self._call("refund"):
            return self._once(f"refund:{refund_id}", (payment_id, amount, reason), lambda: self._refunded(refund_id, payment_id, amount))

    async def refunds(self, *, payment_id: str) -> list[Refund]:
        """See Payments."""
        with self._call("refunds"):
            self._known(payment_id)
            return [refund for refund in reversed(self.refund_rows.values()) if refund.payment_id == payment_id]

    async def since(self, *, seconds: int, cursor: str | None = None) -> PaymentPage:
        """See Payments."""
        with self._call("since"):
            earliest = self.clock.now() - timedelta(seconds=seconds)
            found = [payment for payment in self._newest_first() if payment.created_at >= earliest]
            start = 1 + [payment.id for payment in found].index(cursor) if cursor else 0
            items = found[start : start + PAGE]
            return PaymentPage(items, items[-1].id if len(found) > start + PAGE else None)

    async def check(self) -> list[str]:
        """See Payments."""
        with self._call("check"):
            return self.wrong

    # What the customer and his bank do

    def succeed(self, order_id: UUID) -> Payment:
        """Let the customer pay; asserts that no other payment of the order succeeded."""
        payment = self.live(order_id)
        return self._set(payment.id, status="succeeded", received=payment.amount)

    def underpay(self, order_id: UUID, received: Money) -> Payment:
        """Let a payment succeed with another amount than the order's, which must end in review."""
        return self._set(self.live(order_id).id, status="succeeded", received=received, amount=received)

    def decline(self, order_id: UUID) -> Payment:
        """Let the bank decline; the payment waits for another card."""
        return self._set(self.live(order_id).id, status="requires_payment_method")

    def authenticating(self, order_id: UUID) -> Payment:
        """Let the customer stand before his bank's question."""
        return self._set(self.live(order_id).id, status="requires_action")

    def processing(self, order_id: UUID) -> Payment:
        """Let the customer pay by a method that takes days; it can be ended by `succeed` or `decline`."""
        return self._set(self.live(order_id).id, status="processing")

    def settle_refund(self, refund_id: UUID, status: Literal["succeeded", "failed"]) -> Refund:
        """End a pending refund; see `refunds_stay_pending`."""
        found = next(refund for refund in self.refund_rows.values() if refund.refund_id == refund_id)
        self.refund_rows[found.id] = replace(found, status=status)
        return self.refund_rows[found.id]

    # What the network does

    def fail_next(self, problem: Problem, when: When = "before", call: str | None = None) -> None:
        """Fail the next call (of this name) before or after its effect; several failures stand in a queue."""
        self._faults.append((call, when, problem))

    def spoil(self, order_id: UUID, attempt: int) -> None:
        """Let the provider keep a failure under a payment's key, without an effect, as Stripe does after a 500."""
        self._keys[f"pi:{order_id}:{attempt}"] = (self.clock.now(), None, PaymentRefused(reason="nothing_created"))

    def spoil_refund(self, refund_id: UUID) -> None:
        """Let the provider keep a failure under a refund's key, without an effect."""
        self._keys[f"refund:{refund_id}"] = (self.clock.now(), None, PaymentRefused(reason="nothing_created"))

    # The facts

    def live(self, order_id: UUID) -> Payment:
        """Give the order's one payment that is not cancelled."""
        found = [payment for payment in self.payments.values() if payment.order_id == order_id and payment.status != "canceled"]
        assert len(found) == 1, f"{len(found)} payments of the order are alive"
        return found[0]

    def of(self, order_id: UUID) -> list[Payment]:
        """Give all payments of an order, oldest first."""
        return [payment for payment in self.payments.values() if payment.order_id == order_id]

    def paid(self, order_id: UUID) -> int:
        """Give what was received for an order, in minor units."""
        return sum(payment.received.amount for payment in self.of(order_id))

    def given_back(self, payment_id: str) -> int:
        """Give what was refunded of a payment or is about to be, in minor units."""
        return sum(refund.amount.amount for refund in self.refund_rows.values() if refund.payment_id == payment_id and refund.status != "failed")

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        assert_no_transaction(f"Payments.{name}")
        self.calls[name] += 1
        self._fail(name, "before")
        yield
        self._fail(name, "after")

    def _fail(self, name: str, when: When) -> None:
        for fault in self._faults:
            if fault[0] in (None, name) and fault[1] == when:
                self._faults.remove(fault)
                raise fault[2]

    def _once(self, key: str, parameters: object, effect: Callable[[], A]) -> A:
        kept = self._keys.get(key)
        if kept and kept[0] > self.clock.now() - KEY_LIVES:
            if isinstance(kept[2], Problem):
                raise kept[2]
            if kept[1] != parameters:
                raise PaymentRefused(reason="idempotency_error")
            answer: Any = kept[2]
            return answer  # type: ignore[no-any-return]
        made = effect()
        self._keys[key] = (self.clock.now(), parameters, made)
        return made

    def _created(self, order_id: UUID, attempt: int, amount: Money) -> Payment:
        if amount.amount == 0:
            raise PaymentRefused(reason="amount_too_small")
        id, now = f"pi_{uuid4().hex}", self.clock.now()
        secret = f"{id}_secret_{uuid4().hex[:12]}"
        payment = Payment(id, OPEN[0], amount, Money(0, amount.currency), secret, order_id, attempt, now.replace(microsecond=0))
        self.payments[id] = payment
        return payment

    def _refunded(self, refund_id: UUID, payment_id: str, amount: Money) -> Refund:
        payment = self._known(payment_id)
        if payment.status != "succeeded":
            raise PaymentRefused(reason="payment_intent_unexpected_state")
        left = payment.received.amount - self.given_back(payment_id)
        if left == 0:
            raise PaymentRefused(reason="charge_already_refunded")
        if amount.amount > left:
            raise PaymentRefused(reason="invalid_request_error")
        refund = Refund(f"re_{uuid4().hex}", payment_id, "pending" if self.refunds_stay_pending else "succeeded", amount, refund_id)
        self.refund_rows[refund.id] = refund
        return refund

    def _known(self, id: str) -> Payment:
        if id not in self.payments:
            raise PaymentNotFound
        return self.payments[id]

    def _set(self, id: str, **changes: Any) -> Payment:
        self.payments[id] = replace(self.payments[id], **changes)
        return self.payments[id]

    def _newest_first(self) -> list[Payment]:
        return list(reversed(self.payments.values()))


class FakeWebhooks:
    """A verifier whose signature is the word `signed`; `event` writes what it reads."""

    def verify(self, payload: bytes, signature: str) -> WebhookEvent:
        """See WebhookVerifier."""
        if signature != "signed":
            raise Invalid.field("Stripe-Signature", "is not the provider's")
        try:
            return msgspec.json.decode(payload, type=WebhookEvent)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Invalid("the body is no event") from error

    def event(self, type: str, payment_id: str | None, id: str | None = None) -> bytes:
        """Write a webhook's body, signed by the word `signed`."""
        return msgspec.json.encode(WebhookEvent(id or f"evt_{uuid4().hex}", type, payment_id, datetime.now(UTC)))
