"""/twin: what Stripe does not have. Tests set faults, move what is slow, and count what must never happen twice.

Guarded by the secret key. Bodies and answers are JSON.
"""

from typing import Any

from litestar import Router, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from shop.demo.stripe_twin.call import api_key, role_of
from shop.demo.stripe_twin.faults import Faults
from shop.demo.stripe_twin.objects import Charge, Event, PaymentIntent, Refund
from shop.demo.stripe_twin.problems import missing, secret_key_required
from shop.demo.stripe_twin.settings import TwinSettings
from shop.demo.stripe_twin.settlements import Outcome
from shop.demo.stripe_twin.twin import TheTwin

Items = dict[str, Any]


class Settle(Struct, frozen=True, forbid_unknown_fields=True):
    """How something that waits for a bank ends."""

    outcome: Outcome = "succeeded"


class Authenticate(Struct, frozen=True, forbid_unknown_fields=True):
    """How the 3-D Secure step ends."""

    passed: bool = True


class OrderTotals(Struct):
    """What one order (metadata.order_id) did to the account; `succeeded` above 1 breaks an invariant of every shop."""

    intents: int = 0
    live: int = 0
    succeeded: int = 0
    canceled: int = 0
    received: int = 0
    refunded: int = 0


@get("/faults")
async def show_faults(twin: TheTwin) -> Faults:
    """Give the faults in force."""
    return twin.faults.now


@put("/faults")
async def set_faults(data: JSONBody[Faults], twin: TheTwin) -> Faults:
    """Replace the faults in force; what is not named is healthy."""
    twin.faults.set(data)
    twin.deliveries.wake()
    return data


@delete("/faults")
async def end_faults(twin: TheTwin) -> None:
    """Be healthy again."""
    twin.faults.set(Faults())
    twin.deliveries.wake()


@get("/payment_intents")
async def all_intents(twin: TheTwin, order_id: FromQuery[str | None] = None) -> Items:
    """Give every PaymentIntent, newest first, or those of one order."""
    if order_id is None:
        return {"items": twin.ledger.find(PaymentIntent)}
    return {"items": twin.ledger.find(PaymentIntent, "json_extract(body, '$.metadata.\"order_id\"') = ?", (order_id,))}


@get("/refunds")
async def all_refunds(twin: TheTwin) -> Items:
    """Give every refund, newest first."""
    return {"items": twin.ledger.find(Refund)}


@get("/events")
async def all_events(twin: TheTwin) -> Items:
    """Give every event, newest first."""
    return {"items": twin.ledger.find(Event)}


@get("/deliveries")
async def all_deliveries(twin: TheTwin) -> Items:
    """Give the last deliveries, newest first; state is pending, delivered, failed or dropped."""
    return {"items": twin.deliveries.all()}


@get("/requests")
async def all_requests(twin: TheTwin) -> Items:
    """Give the last requests that could change something, and counts for every idempotency key."""
    return {"items": twin.requests.all(), "by_key": twin.requests.by_key()}


@get("/orders")
async def order_totals(twin: TheTwin) -> dict[str, OrderTotals]:
    """Sum up the account by order: for "at most one succeeded PaymentIntent per order" and the like."""
    charges = {charge.id: charge for charge in twin.ledger.find(Charge)}
    totals: dict[str, OrderTotals] = {}
    for intent in twin.ledger.find(PaymentIntent):
        order = totals.setdefault(intent.metadata.get("order_id", ""), OrderTotals())
        charge = charges.get(intent.latest_charge or "")
        order.intents += 1
        order.succeeded += intent.status == "succeeded"
        order.canceled += intent.status == "canceled"
        order.live += intent.status not in {"succeeded", "canceled"}
        order.received += intent.amount_received
        order.refunded += charge.amount_refunded if charge else 0
    return totals


@post("/payment_intents/{intent_id:str}/settle", status_code=200)
async def settle_intent(intent_id: FromPath[str], data: JSONBody[Settle], twin: TheTwin) -> Any:
    """Let a processing payment end now."""
    return twin.settle(intent_id, data.outcome)


@post("/payment_intents/{intent_id:str}/authenticate", status_code=200)
async def authenticate_intent(intent_id: FromPath[str], data: JSONBody[Authenticate], twin: TheTwin) -> PaymentIntent:
    """Do the 3-D Secure step in the customer's place."""
    with twin.ledger.transaction():
        return twin.payments.authenticate(intent_id, passed=data.passed)


@post("/refunds/{refund_id:str}/settle", status_code=200)
async def settle_refund(refund_id: FromPath[str], data: JSONBody[Settle], twin: TheTwin) -> Any:
    """Let a pending refund end now."""
    return twin.settle(refund_id, data.outcome)


@post("/events/{event_id:str}/deliver", status_code=200)
async def deliver_event(event_id: FromPath[str], twin: TheTwin) -> dict[str, int | None]:
    """Deliver an event now, once more if need be; for repeated and reordered webhooks. Gives the receiver's status."""
    if not twin.ledger.get(Event, event_id):
        raise missing("event", event_id, "id")
    return {"status": await twin.deliveries.send(event_id)}


@post("/webhooks/drain", status_code=200)
async def drain_webhooks(twin: TheTwin, seconds: FromQuery[float] = 5.0) -> dict[str, int]:
    """Wait until every webhook was delivered; gives how many were not when the time was over."""
    return {"pending": await twin.deliveries.drain(min(seconds, 60.0))}


@delete("/")
async def forget_everything(twin: TheTwin) -> None:
    """Empty the account."""
    with twin.ledger.transaction():
        for table in ("objects", "answers", "requests", "deliveries", "settlements"):
            twin.ledger.sql.execute(f"DELETE FROM {table}")  # noqa: S608  names are ours
    twin.faults.set(Faults())


def control_routes(settings: TwinSettings) -> Router:
    """Give the control routes behind the secret key."""

    def secret_key_only(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if role_of(api_key(connection, {}), settings) != "secret":
            raise secret_key_required()

    handlers = [show_faults, set_faults, end_faults, all_intents, all_refunds, all_events, all_deliveries, all_requests, order_totals]
    commands = [settle_intent, authenticate_intent, settle_refund, deliver_event, drain_webhooks, forget_everything]
    return Router("/twin", route_handlers=[*handlers, *commands], guards=[secret_key_only])
