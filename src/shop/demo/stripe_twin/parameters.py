"""The parameters that the twin knows, one Struct per request; any other name is refused, as Stripe refuses it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from shop.demo.stripe_twin.problems import StripeProblem

Metadata = dict[str, str]
Page = Annotated[int, Meta(ge=1, le=100)]


class Parameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every request may carry."""

    expand: list[str] = field(default_factory=list[str])
    key: str | None = None


class CreateIntent(Parameters, frozen=True, kw_only=True):
    """POST /v1/payment_intents."""

    amount: int
    currency: str
    automatic_payment_methods: dict[str, Any] | None = None
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic_async"
    confirm: bool = False
    confirmation_method: Literal["automatic", "manual"] = "automatic"
    customer: str | None = None
    description: str | None = None
    error_on_requires_action: bool = False
    metadata: Metadata = field(default_factory=Metadata)
    off_session: bool = False
    payment_method: str | None = None
    payment_method_options: dict[str, Any] | None = None
    payment_method_types: list[str] | None = None
    receipt_email: str | None = None
    return_url: str | None = None
    setup_future_usage: Literal["off_session", "on_session"] | None = None
    shipping: dict[str, Any] | None = None
    statement_descriptor: Annotated[str, Meta(max_length=22)] | None = None
    statement_descriptor_suffix: Annotated[str, Meta(max_length=22)] | None = None
    transfer_group: str | None = None
    use_stripe_sdk: bool = False


class RetrieveIntent(Parameters, frozen=True, kw_only=True):
    """GET /v1/payment_intents/{id}; browsers must show the client secret."""

    client_secret: str | None = None


class ConfirmIntent(Parameters, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{id}/confirm."""

    client_secret: str | None = None
    error_on_requires_action: bool = False
    mandate_data: dict[str, Any] | None = None
    off_session: bool = False
    payment_method: str | None = None
    payment_method_options: dict[str, Any] | None = None
    payment_method_types: list[str] | None = None
    receipt_email: str | None = None
    return_url: str | None = None
    setup_future_usage: str | None = None
    shipping: dict[str, Any] | None = None
    use_stripe_sdk: bool = False


class CaptureIntent(Parameters, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{id}/capture."""

    amount_to_capture: int | None = None


class CancelIntent(Parameters, frozen=True, kw_only=True):
    """POST /v1/payment_intents/{id}/cancel."""

    cancellation_reason: Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"] | None = None


class Between(Struct, frozen=True, forbid_unknown_fields=True):
    """A range of times, created[gte]=..."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class ListObjects(Parameters, frozen=True, kw_only=True):
    """GET of a list, newest first."""

    created: Between | int | None = None
    customer: str | None = None
    limit: Page = 10
    starting_after: str | None = None


class ListRefunds(ListObjects, frozen=True, kw_only=True):
    """GET /v1/refunds."""

    charge: str | None = None
    payment_intent: str | None = None


class ListEvents(ListObjects, frozen=True, kw_only=True):
    """GET /v1/events."""

    delivery_success: bool | None = None
    type: str | None = None
    types: list[str] | None = None


class Search(Parameters, frozen=True, kw_only=True):
    """GET /v1/payment_intents/search."""

    query: str
    limit: Page = 10
    page: str | None = None


class CreateRefund(Parameters, frozen=True, kw_only=True):
    """POST /v1/refunds."""

    amount: int | None = None
    charge: str | None = None
    metadata: Metadata = field(default_factory=Metadata)
    payment_intent: str | None = None
    reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None


class CreateEndpoint(Parameters, frozen=True, kw_only=True):
    """POST /v1/webhook_endpoints."""

    url: str
    enabled_events: list[str]
    api_version: str | None = None
    description: str | None = None
    metadata: Metadata = field(default_factory=Metadata)


def check_metadata(metadata: Metadata) -> Metadata:
    """Give the metadata without empty values; raises beyond Stripe's limits of 50 keys, 40 and 500 characters."""
    if len(metadata) > 50:
        raise StripeProblem("You may have at most 50 keys in metadata.", param="metadata")
    for name, value in metadata.items():
        if len(name) > 40 or len(value) > 500:
            raise StripeProblem("Metadata keys have at most 40 characters, values at most 500.", param=f"metadata[{name}]")
    return {name: value for name, value in metadata.items() if value}
