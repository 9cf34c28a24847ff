"""The life of a PaymentIntent: every step checks the status, writes the new state and tells of it by an event."""

from collections.abc import Callable

from msgspec.structs import replace

from shop.demo.stripe_twin.charges import failed_charge, payment_error, succeeded_charge
from shop.demo.stripe_twin.events import Events
from shop.demo.stripe_twin.faults import FaultBox
from shop.demo.stripe_twin.ids import new_id
from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.money import check_charge, printed
from shop.demo.stripe_twin.objects import Charge, NextAction, PaymentError, PaymentIntent, Redirect
from shop.demo.stripe_twin.parameters import CreateIntent, check_metadata
from shop.demo.stripe_twin.payment_methods import Decline, PaymentMethod, forced_decline, known_method
from shop.demo.stripe_twin.problems import StripeProblem, missing, unexpected_state
from shop.demo.stripe_twin.settlements import Outcome, Settlements

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELLABLE = (*_OPEN, "requires_capture")
_TYPES = ["card", "sepa_debit", "us_bank_account"]


class Payments:
    """What people and programs do with PaymentIntents."""

    def __init__(self, ledger: Ledger, events: Events, faults: FaultBox, settlements: Settlements, now: Callable[[], float], public_url: str) -> None:
        """Work on this ledger; `public_url` is where customers authenticate."""
        self._ledger = ledger
        self._events = events
        self._faults = faults
        self._settlements = settlements
        self._now = now
        self._public_url = public_url.rstrip("/")

    def get(self, id: str) -> PaymentIntent:
        """Give a PaymentIntent; raises resource_missing."""
        found = self._ledger.get(PaymentIntent, id)
        if not found:
            raise missing("payment_intent", id, "intent")
        return found

    def create(self, asked: CreateIntent) -> PaymentIntent:
        """Make a PaymentIntent, and confirm it at once if that was asked for."""
        check_charge(asked.amount, asked.currency.lower())
        if asked.payment_method:
            known_method(asked.payment_method)
        id, at = new_id("pi"), int(self._now())
        automatic = asked.automatic_payment_methods
        intent = PaymentIntent(
            id=id,
            amount=asked.amount,
            automatic_payment_methods={"allow_redirects": "always", **automatic, "enabled": True} if automatic else None,
            capture_method=asked.capture_method,
            client_secret=f"{id}_secret_{new_id('s')[2:]}",
            confirmation_method=asked.confirmation_method,
            created=at,
            currency=asked.currency.lower(),
            customer=asked.customer,
            description=asked.description,
            metadata=check_metadata(asked.metadata),
            payment_method=asked.payment_method,
            payment_method_types=asked.payment_method_types or _TYPES,
            receipt_email=asked.receipt_email,
            setup_future_usage=asked.setup_future_usage,
            shipping=asked.shipping,
            statement_descriptor=asked.statement_descriptor,
            statement_descriptor_suffix=asked.statement_descriptor_suffix,
            status="requires_confirmation" if asked.payment_method else "requires_payment_method",
            transfer_group=asked.transfer_group,
        )
        self._keep(intent, "payment_intent.created")
        return self.confirm(intent.id, None, asked.return_url) if asked.confirm else intent

    def confirm(self, id: str, payment_method: str | None, return_url: str | None = None) -> PaymentIntent:
        """Try to collect the money; a decline is recorded and leaves the intent in requires_payment_method."""
        intent = self.get(id)
        if intent.status not in _OPEN:
            raise unexpected_state(f"You cannot confirm this PaymentIntent because it has a status of {intent.status}.", intent)
        chosen = payment_method or intent.payment_method
        if not chosen:
            raise unexpected_state("You cannot confirm this PaymentIntent because it's missing a payment method.", intent)
        method = known_method(chosen)
        intent = replace(intent, payment_method=method.id, last_payment_error=None, next_action=None)
        if method.authenticate:
            return self._ask_customer(intent, return_url)
        return self._collect(intent, method)

    def authenticate(self, id: str, *, passed: bool) -> PaymentIntent:
        """End the 3-D Secure step as the customer did."""
        intent = self.get(id)
        if intent.status != "requires_action" or intent.payment_method is None:
            raise unexpected_state(f"There is nothing to authenticate: this PaymentIntent has a status of {intent.status}.", intent)
        method = known_method(intent.payment_method)
        intent = replace(intent, next_action=None)
        if passed:
            return self._collect(intent, method)
        message = "We are unable to authenticate your payment method. Please choose a different payment method and try again."
        return self._fail(intent, PaymentError("invalid_request_error", "payment_intent_authentication_failure", message))

    def settle(self, id: str, outcome: Outcome) -> PaymentIntent:
        """Let a processing payment come to its end."""
        intent = self.get(id)
        if intent.status != "processing" or intent.payment_method is None:
            raise unexpected_state(f"This PaymentIntent has a status of {intent.status}: it cannot be settled.", intent)
        self._settlements.forget(id)
        method = known_method(intent.payment_method)
        intent = replace(intent, processing=None)
        if outcome == "succeeded":
            return self._succeed(intent, method)
        return self._decline(intent, method, method.decline or forced_decline("generic_decline"))

    def capture(self, id: str, amount: int | None) -> PaymentIntent:
        """Take the money that was authorised, or a part of it."""
        intent = self.get(id)
        if intent.status != "requires_capture":
            raise unexpected_state(f"This PaymentIntent could not be captured because it has a status of {intent.status}.", intent)
        taken = intent.amount_capturable if amount is None else amount
        if not 1 <= taken <= intent.amount_capturable:
            most = printed(intent.amount_capturable, intent.currency)
            raise StripeProblem(f"The amount to capture must be at most {most}.", code="amount_too_large", param="amount_to_capture", kept=True)
        charge = self._ledger.get(Charge, intent.latest_charge or "")
        if charge:
            self._ledger.put(replace(charge, captured=True, amount_captured=taken))
        return self._keep(replace(intent, status="succeeded", amount_capturable=0, amount_received=taken), "payment_intent.succeeded")

    def cancel(self, id: str, reason: str | None) -> PaymentIntent:
        """Give a payment up for good; what is succeeded, canceled or processing cannot be."""
        intent = self.get(id)
        if intent.status not in _CANCELLABLE:
            allowed = ", ".join(_CANCELLABLE)
            message = f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. Only a PaymentIntent with one of "
            raise unexpected_state(f"{message}the following statuses may be canceled: {allowed}.", intent)
        gone = replace(intent, status="canceled", canceled_at=int(self._now()), cancellation_reason=reason, amount_capturable=0, next_action=None)
        return self._keep(gone, "payment_intent.canceled")

    def _ask_customer(self, intent: PaymentIntent, return_url: str | None) -> PaymentIntent:
        url = f"{self._public_url}/pay/{intent.id}?client_secret={intent.client_secret}"
        action = NextAction(Redirect(url, return_url))
        return self._keep(replace(intent, status="requires_action", next_action=action), "payment_intent.requires_action")

    def _collect(self, intent: PaymentIntent, method: PaymentMethod) -> PaymentIntent:
        if self._faults.now.decline:
            return self._decline(intent, method, forced_decline(self._faults.now.decline))
        if method.process:
            self._settlements.plan(intent.id, "failed" if method.decline else "succeeded", self._faults.now.settle_after)
            processing = {"type": method.kind}
            return self._keep(replace(intent, status="processing", processing=processing), "payment_intent.processing")
        if method.decline:
            return self._decline(intent, method, method.decline)
        return self._succeed(intent, method)

    def _succeed(self, intent: PaymentIntent, method: PaymentMethod) -> PaymentIntent:
        held = intent.capture_method == "manual"
        charge = succeeded_charge(intent, method, int(self._now()), captured=not held)
        self._ledger.put(charge)
        intent = replace(intent, latest_charge=charge.id, last_payment_error=None)
        if held:
            waiting = replace(intent, status="requires_capture", amount_capturable=intent.amount)
            return self._keep(waiting, "payment_intent.amount_capturable_updated")
        return self._keep(replace(intent, status="succeeded", amount_received=intent.amount), "payment_intent.succeeded")

    def _decline(self, intent: PaymentIntent, method: PaymentMethod, decline: Decline) -> PaymentIntent:
        charge = failed_charge(intent, method, decline, int(self._now()))
        self._ledger.put(charge)
        return self._fail(replace(intent, latest_charge=charge.id), payment_error(decline, method, charge.id))

    def _fail(self, intent: PaymentIntent, error: PaymentError) -> PaymentIntent:
        failed = replace(intent, status="requires_payment_method", payment_method=None, last_payment_error=error)
        return self._keep(failed, "payment_intent.payment_failed")

    def _keep(self, intent: PaymentIntent, event: str) -> PaymentIntent:
        self._ledger.put(intent)
        self._events.record(event, intent)
        return intent
