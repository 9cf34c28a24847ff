"""Stripe's objects, as far as the shop reads them; the field order is the order of the JSON."""

from typing import Any, Literal

from msgspec import Struct, field

API_VERSION = "2026-10-28.endive"

IntentStatus = Literal[
    "requires_payment_method", "requires_confirmation", "requires_action", "processing", "requires_capture", "succeeded", "canceled"
]
RefundStatus = Literal["pending", "succeeded", "failed", "canceled"]


class PaymentError(Struct, frozen=True, omit_defaults=True):
    """Why the last attempt to pay failed."""

    type: str
    code: str
    message: str
    decline_code: str | None = None
    charge: str | None = None
    payment_method: dict[str, Any] | None = None


class Redirect(Struct, frozen=True):
    """Where the customer authenticates."""

    url: str
    return_url: str | None


class NextAction(Struct, frozen=True):
    """What the customer has to do before the payment goes on."""

    redirect_to_url: Redirect
    type: str = "redirect_to_url"


class PaymentIntent(Struct, frozen=True, kw_only=True):
    """One attempt to collect money; amounts in minor units."""

    id: str
    object: Literal["payment_intent"] = "payment_intent"
    amount: int
    amount_capturable: int = 0
    amount_received: int = 0
    automatic_payment_methods: dict[str, Any] | None = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic_async"
    client_secret: str
    confirmation_method: str = "automatic"
    created: int
    currency: str
    customer: str | None = None
    description: str | None = None
    last_payment_error: PaymentError | None = None
    latest_charge: str | None = None
    livemode: bool = False
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    next_action: NextAction | None = None
    payment_method: str | None = None
    payment_method_types: list[str]
    processing: dict[str, Any] | None = None
    receipt_email: str | None = None
    setup_future_usage: str | None = None
    shipping: dict[str, Any] | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    status: IntentStatus = "requires_payment_method"
    transfer_group: str | None = None


class Charge(Struct, frozen=True, kw_only=True):
    """One movement of money that was tried for a PaymentIntent."""

    id: str
    object: Literal["charge"] = "charge"
    amount: int
    amount_captured: int
    amount_refunded: int = 0
    balance_transaction: str | None = None
    captured: bool
    created: int
    currency: str
    description: str | None = None
    disputed: bool = False
    failure_code: str | None = None
    failure_message: str | None = None
    livemode: bool = False
    metadata: dict[str, str]
    outcome: dict[str, Any]
    paid: bool
    payment_intent: str
    payment_method: str
    payment_method_details: dict[str, Any]
    receipt_email: str | None = None
    refunded: bool = False
    status: Literal["succeeded", "pending", "failed"]


class Refund(Struct, frozen=True, kw_only=True):
    """Money on its way back."""

    id: str
    object: Literal["refund"] = "refund"
    amount: int
    balance_transaction: str | None = None
    charge: str
    created: int
    currency: str
    failure_reason: str | None = None
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    payment_intent: str
    pending_reason: str | None = None
    reason: str | None = None
    receipt_number: str | None = None
    status: RefundStatus


class EventData(Struct, frozen=True):
    """The object as it was when the event happened."""

    object: dict[str, Any]


class Cause(Struct, frozen=True):
    """The API request that led to an event; both null if none did."""

    id: str | None = None
    idempotency_key: str | None = None


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened, as webhooks tell it."""

    id: str
    object: Literal["event"] = "event"
    api_version: str = API_VERSION
    created: int
    data: EventData
    livemode: bool = False
    pending_webhooks: int
    request: Cause
    type: str


class WebhookEndpoint(Struct, frozen=True, kw_only=True):
    """A URL that gets events, and the secret they are signed with."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    api_version: str = API_VERSION
    created: int
    description: str | None = None
    enabled_events: list[str]
    livemode: bool = False
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    secret: str
    status: Literal["enabled", "disabled"] = "enabled"
    url: str
