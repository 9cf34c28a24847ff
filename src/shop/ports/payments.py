"""What sales asks of the payment provider."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from shop.kit.money import Money
from shop.kit.port import Port, get, post, put
from shop.kit.problems import Conflict, NotFound


class PaymentNotFound(NotFound):
    """The provider knows no such payment."""


class PaymentRefused(Conflict):
    """The provider refuses this for good; `reason` is its code."""


class PaymentFinal(Conflict):
    """The payment can no longer be cancelled; `payment_status` says why: succeeded or processing."""


class Payment(Struct, frozen=True):
    """A PaymentIntent. `status` is Stripe's: requires_payment_method, requires_confirmation, requires_action, processing, succeeded, canceled."""

    id: str
    status: str
    amount: Money
    received: Money
    client_secret: str
    order_id: UUID | None
    attempt: int
    created_at: datetime


class Refund(Struct, frozen=True):
    """Money given back. `status` is pending, succeeded or failed."""

    id: str
    payment_id: str
    status: str
    amount: Money
    refund_id: UUID | None


class PaymentPage(Struct, frozen=True):
    """A page of payments, newest first; `next_cursor` is None on the last one."""

    items: list[Payment]
    next_cursor: str | None


class WebhookEvent(Struct, frozen=True):
    """Something that the provider tells; `payment_id` is None when it is about no payment. What it says of a payment may be old: retrieve it."""

    id: str
    type: str
    payment_id: str | None
    created_at: datetime


class WebhookVerifier(Protocol):
    """Tells the provider's own webhooks from anybody else's."""

    def verify(self, payload: bytes, signature: str) -> WebhookEvent:
        """Read the raw body of a webhook; raises Invalid when the signature is bad, older than 300 s, or the body is no event."""
        ...


class Payments(Port, Protocol):
    """PaymentIntents with automatic capture. Commands carry the key under which the provider repeats its answer.

    Every method raises Unavailable when the provider does not answer, refuses the API key or asks to slow down: the outcome is unknown, repeat it.
    """

    @put("/orders/{order_id}/attempts/{attempt}", raises=(PaymentRefused,), timeout=25.0)
    async def create(self, *, order_id: UUID, attempt: int, amount: Money, number: str) -> Payment:
        """Create the payment of an order's attempt, or give the first answer again; `number` is shown to people.

        A repeat may give an old status. A key lives for 24 h; with another amount it is PaymentRefused(reason="idempotency_error").
        PaymentRefused(reason="nothing_created"): the first try failed at the provider and this attempt can never exist.
        """
        ...

    @get("/payments/{id}", raises=(PaymentNotFound,), timeout=12.0)
    async def payment(self, *, id: str) -> Payment:
        """Give a payment as it is now."""
        ...

    @get("/orders/{order_id}/payments", timeout=25.0)
    async def of_order(self, *, order_id: UUID) -> list[Payment]:
        """Find the payments whose metadata names this order; for keys older than 24 h."""
        ...

    @post("/payments/{id}/cancel", raises=(PaymentNotFound, PaymentFinal), timeout=25.0)
    async def cancel(self, *, id: str) -> Payment:
        """Cancel a payment; cancelling a cancelled one again gives it; PaymentFinal when it succeeded or is processing."""
        ...

    @put("/refunds/{refund_id}", raises=(PaymentNotFound, PaymentRefused), timeout=25.0)
    async def refund(self, *, refund_id: UUID, payment_id: str, amount: Money, reason: str) -> Refund:
        """Give money back under a refund row's id, or give the first answer again; `reason` is requested_by_customer, duplicate, fraudulent or other.

        PaymentRefused(reason="nothing_created"): the first try failed at the provider and this refund row can never become one.
        """
        ...

    @get("/payments/{payment_id}/refunds", raises=(PaymentNotFound,), timeout=12.0)
    async def refunds(self, *, payment_id: str) -> list[Refund]:
        """Give every refund of a payment as it is now."""
        ...

    @get("/payments", timeout=25.0)
    async def since(self, *, seconds: int, cursor: str | None = None) -> PaymentPage:
        """Give a page of the payments created in the last so many seconds, for the two-way sweep."""
        ...

    @get("/account", raises=(PaymentRefused,), timeout=12.0)
    async def check(self) -> list[str]:
        """Ask the provider whether the key is valid; gives what is wrong, one sentence each."""
        ...
