"""Tells Stripe's webhooks from anybody else's, over the raw body, and reads the few fields that are used."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import stripe
from msgspec import Meta, Struct

from shop.kit.problems import Invalid
from shop.kit.secret import Secret
from shop.ports.payments import WebhookEvent

TOLERANCE_SECONDS = 300
Id = Annotated[str, Meta(min_length=1, max_length=255)]


class Subject(Struct, frozen=True):
    """What an event is about: a PaymentIntent, or something that names one."""

    object: str = ""
    id: str | None = None
    payment_intent: Any = None

    @property
    def payment_id(self) -> str | None:
        """Give the PaymentIntent's id."""
        if self.object == "payment_intent":
            return self.id
        named = self.payment_intent.get("id") if isinstance(self.payment_intent, dict) else self.payment_intent
        return named if isinstance(named, str) else None


class Data(Struct, frozen=True):
    """Wraps what an event is about."""

    object: Subject


class Event(Struct, frozen=True):
    """An event as the endpoint's API version writes it."""

    id: Id
    type: Id
    created: Annotated[int, Meta(ge=0, le=32_503_680_000)]
    data: Data


class StripeWebhooks:
    """Verifies with the endpoint's signing secret."""

    def __init__(self, secret: Secret) -> None:
        """The secret begins with `whsec_`."""
        self._secret = secret

    def verify(self, payload: bytes, signature: str) -> WebhookEvent:
        """See WebhookVerifier."""
        try:
            stripe.WebhookSignature.verify_header(payload, signature, self._secret.reveal(), TOLERANCE_SECONDS)
        except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
            raise Invalid.field("Stripe-Signature", "is not Stripe's, or is too old") from error
        try:
            event = msgspec.json.decode(payload, type=Event)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise Invalid("the body is no event of Stripe") from error
        return WebhookEvent(event.id, event.type, event.data.object.payment_id, datetime.fromtimestamp(event.created, UTC))
