"""What Stripe answers, as far as the shop reads it, and what its errors mean."""

import logging
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import stripe
from msgspec import Struct

from shop.kit.money import Money
from shop.kit.problems import Problem, Unavailable
from shop.ports.payments import Payment, PaymentNotFound, PaymentRefused, Refund

REFUND_STATUS = {"requires_action": "pending", "canceled": "failed"}
T = TypeVar("T")
log = logging.getLogger("shop.stripe")


class Intent(Struct, frozen=True):
    """A PaymentIntent; amounts in minor units, the currency in lower case, `created` in seconds since 1970."""

    id: str
    status: str
    amount: int
    currency: str
    created: int
    amount_received: int = 0
    client_secret: str | None = None
    metadata: dict[str, str] = {}

    def payment(self) -> Payment:
        """Say it in the shop's words."""
        currency = self.currency.upper()
        return Payment(
            id=self.id,
            status=self.status,
            amount=Money(self.amount, currency),
            received=Money(self.amount_received, currency),
            client_secret=self.client_secret or "",
            order_id=_uuid(self.metadata.get("order_id")),
            attempt=_number(self.metadata.get("attempt")),
            created_at=datetime.fromtimestamp(self.created, UTC),
        )


class MoneyBack(Struct, frozen=True):
    """A Refund."""

    id: str
    status: str | None
    amount: int
    currency: str
    payment_intent: str | None
    metadata: dict[str, str] | None = None

    def refund(self) -> Refund:
        """Say it in the shop's words."""
        status = self.status or "pending"
        amount = Money(self.amount, self.currency.upper())
        row = _uuid((self.metadata or {}).get("refund_id"))
        return Refund(self.id, self.payment_intent or "", REFUND_STATUS.get(status, status), amount, row)


class Intents(Struct, frozen=True):
    """A page of a list or of a search."""

    data: list[Intent]
    has_more: bool = False
    next_page: str | None = None


class MoneyBacks(Struct, frozen=True):
    """A page of refunds."""

    data: list[MoneyBack]
    has_more: bool = False


def decode(body: str | bytes, kind: type[T]) -> T:
    """Read an answer; one that cannot be read leaves the outcome unknown."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        log.error("an answer of Stripe cannot be read as %s: %s", kind.__name__, error)
        raise Unavailable("the payment provider answered something unexpected") from error


def problem_of(error: stripe.StripeError) -> Problem:
    """Say what an error means: refused for good, not found, or the outcome is unknown."""
    if isinstance(error, stripe.RateLimitError):
        return Unavailable("the payment provider asks to slow down", retry_after=_seconds((error.headers or {}).get("retry-after")))
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        log.error("Stripe refuses the secret key (SHOP_STRIPE_SECRET_KEY), request %s", error.request_id)
        return Unavailable("the payment provider refuses the shop", retry_after=60.0)
    if not isinstance(error, (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError)):
        return Unavailable("the payment provider does not answer")
    if error.code == "resource_missing":
        return PaymentNotFound()
    reason = error.code or error_of(error).get("type") or "refused"
    log.info("Stripe refused request %s: %s", error.request_id, reason)
    return PaymentRefused(reason=reason)


def error_of(error: stripe.StripeError) -> dict[str, Any]:
    """Give the error object of an answer, empty if it had none."""
    body = error.json_body
    found = body.get("error") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def is_kept_failure(error: stripe.StripeError) -> bool:
    """Tell whether Stripe repeats a failure of its own that it keeps under the idempotency key: it will never answer anything else."""
    return (error.http_status or 0) >= 500 and (error.headers or {}).get("idempotent-replayed") == "true"


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _seconds(text: str | None) -> float:
    return float(min(int(text), 60)) if text and text.isascii() and text.isdigit() else 1.0
