"""Refunds: never more than what is left of the charge."""

from collections.abc import Callable
from typing import Literal

from msgspec.structs import replace

from shop.demo.stripe_twin.events import Events
from shop.demo.stripe_twin.faults import FaultBox
from shop.demo.stripe_twin.ids import new_id
from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.money import printed
from shop.demo.stripe_twin.objects import Charge, PaymentIntent, Refund
from shop.demo.stripe_twin.parameters import CreateRefund, check_metadata
from shop.demo.stripe_twin.payment_methods import known_method
from shop.demo.stripe_twin.problems import StripeProblem, missing, missing_param, unexpected_state
from shop.demo.stripe_twin.settlements import Outcome, Settlements


class Refunds:
    """What programs do with refunds."""

    def __init__(self, ledger: Ledger, events: Events, faults: FaultBox, settlements: Settlements, now: Callable[[], float]) -> None:
        """Work on this ledger."""
        self._ledger = ledger
        self._events = events
        self._faults = faults
        self._settlements = settlements
        self._now = now

    def get(self, id: str) -> Refund:
        """Give a refund; raises resource_missing."""
        found = self._ledger.get(Refund, id)
        if not found:
            raise missing("refund", id, "refund")
        return found

    def create(self, asked: CreateRefund) -> Refund:
        """Give money back; raises when more is asked for than is left."""
        charge = self._charge(asked)
        amount = self._checked(charge, asked.amount)
        manner = self._manner(charge)
        refund = Refund(
            id=new_id("re"),
            amount=amount,
            balance_transaction=new_id("txn"),
            charge=charge.id,
            created=int(self._now()),
            currency=charge.currency,
            metadata=check_metadata(asked.metadata),
            payment_intent=charge.payment_intent,
            pending_reason=None if manner == "succeed" else "processing",
            reason=asked.reason,
            status="succeeded" if manner == "succeed" else "pending",
        )
        self._ledger.put(refund)
        charge = self._book(charge, amount)
        self._events.record("refund.created", refund)
        self._events.record("charge.refunded", charge)
        if manner == "fail":
            self._settlements.plan(refund.id, "failed", self._faults.now.settle_after)
        elif manner == "pending":
            self._settlements.plan(refund.id, "succeeded", None)
        return refund

    def settle(self, id: str, outcome: Outcome) -> Refund:
        """Let a pending refund come to its end; one that fails gives its amount back to what is left."""
        refund = self.get(id)
        if refund.status != "pending":
            raise StripeProblem(f"This refund has a status of {refund.status}: it cannot be settled.", kept=True)
        self._settlements.forget(id)
        if outcome == "succeeded":
            done = replace(refund, status="succeeded", pending_reason=None)
        else:
            done = replace(refund, status="failed", pending_reason=None, failure_reason="expired_or_canceled_card")
            charge = self._ledger.get(Charge, refund.charge)
            if charge:
                self._book(charge, -refund.amount)
        self._ledger.put(done)
        self._events.record("refund.updated", done)
        if outcome == "failed":
            self._events.record("refund.failed", done)
        return done

    def _charge(self, asked: CreateRefund) -> Charge:
        if not (asked.charge or asked.payment_intent):
            raise missing_param("payment_intent")
        if asked.charge:
            charge = self._ledger.get(Charge, asked.charge)
            if not charge:
                raise missing("charge", asked.charge, "charge")
            return charge
        intent = self._ledger.get(PaymentIntent, asked.payment_intent or "")
        if not intent:
            raise missing("payment_intent", asked.payment_intent or "", "payment_intent")
        charge = self._ledger.get(Charge, intent.latest_charge or "")
        if intent.status != "succeeded" or not charge:
            raise unexpected_state(f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.", intent)
        return charge

    def _checked(self, charge: Charge, asked: int | None) -> int:
        left = charge.amount_captured - charge.amount_refunded
        if not charge.paid or left <= 0:
            raise StripeProblem(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded", kept=True)
        amount = left if asked is None else asked
        if amount < 1:
            raise StripeProblem("This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount")
        if amount > left:
            asked_for, is_left = printed(amount, charge.currency), printed(left, charge.currency)
            message = f"Refund amount ({asked_for}) is greater than unrefunded amount on charge ({is_left})"
            raise StripeProblem(message, param="amount", kept=True)
        return amount

    def _manner(self, charge: Charge) -> Literal["succeed", "pending", "fail"]:
        of_method = known_method(charge.payment_method).refunds
        return self._faults.now.refunds if of_method == "succeed" else of_method

    def _book(self, charge: Charge, amount: int) -> Charge:
        refunded = charge.amount_refunded + amount
        charge = replace(charge, amount_refunded=refunded, refunded=refunded == charge.amount_captured)
        self._ledger.put(charge)
        return charge
