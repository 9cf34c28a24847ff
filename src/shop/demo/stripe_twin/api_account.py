"""/v1/charges, /v1/refunds, /v1/events, /v1/webhook_endpoints, /v1/balance and /v1/account."""

from litestar import Response, delete, get, post
from litestar.params import FromPath

from shop.demo.stripe_twin.call import AnyRequest, Call
from shop.demo.stripe_twin.ids import new_id
from shop.demo.stripe_twin.listing import Condition, page
from shop.demo.stripe_twin.objects import Charge, Event, Refund, WebhookEndpoint
from shop.demo.stripe_twin.parameters import CreateEndpoint, CreateRefund, ListEvents, ListObjects, ListRefunds, check_metadata
from shop.demo.stripe_twin.problems import missing
from shop.demo.stripe_twin.twin import TheTwin, Twin

_ENDPOINTS = "/v1/webhook_endpoints"


@post("/v1/refunds", status_code=200)
async def create_refund(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """Refund a payment, in full or in part."""
    return await twin.gate.answer(request, lambda call: twin.refunds.create(call.read(CreateRefund)))


@get("/v1/charges/{charge_id:str}")
async def retrieve_charge(request: AnyRequest, charge_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Retrieve a charge."""

    def retrieve(_: Call) -> object:
        found = twin.ledger.get(Charge, charge_id)
        if not found:
            raise missing("charge", charge_id, "charge")
        return found

    return await twin.gate.answer(request, retrieve)


@get("/v1/refunds/{refund_id:str}")
async def retrieve_refund(request: AnyRequest, refund_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Retrieve a refund."""
    return await twin.gate.answer(request, lambda _: twin.refunds.get(refund_id))


@get("/v1/refunds")
async def list_refunds(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """List refunds, newest first, of one payment if it is named."""

    def refunds(call: Call) -> object:
        asked = call.read(ListRefunds)
        named = {"payment_intent": asked.payment_intent, "charge": asked.charge}
        wanted: list[Condition] = [(f"json_extract(body, '$.{name}') = ?", (id,)) for name, id in named.items() if id]
        return page(twin.ledger, Refund, asked, "/v1/refunds", *wanted)

    return await twin.gate.answer(request, refunds)


@get("/v1/events/{event_id:str}")
async def retrieve_event(request: AnyRequest, event_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Retrieve an event."""

    def retrieve(_: Call) -> object:
        found = twin.ledger.get(Event, event_id)
        if not found:
            raise missing("event", event_id, "id")
        return found

    return await twin.gate.answer(request, retrieve)


@get("/v1/events")
async def list_events(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """List events, newest first, of one type or several if they are named."""

    def events(call: Call) -> object:
        asked = call.read(ListEvents)
        types = (*([asked.type] if asked.type else []), *(asked.types or []))
        holes = ", ".join("?" * len(types))
        wanted: list[Condition] = [(f"json_extract(body, '$.type') IN ({holes})", types)] if types else []
        return page(twin.ledger, Event, asked, "/v1/events", *wanted)

    return await twin.gate.answer(request, events)


@post(_ENDPOINTS, status_code=200)
async def create_endpoint(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """Make a webhook endpoint; its secret is in the answer."""

    def create(call: Call) -> object:
        asked = call.read(CreateEndpoint)
        endpoint = WebhookEndpoint(
            id=new_id("we"),
            created=int(twin.now()),
            description=asked.description,
            enabled_events=asked.enabled_events,
            metadata=check_metadata(asked.metadata),
            secret=new_id("whsec"),
            url=asked.url,
        )
        twin.ledger.put(endpoint)
        return endpoint

    return await twin.gate.answer(request, create)


@get(_ENDPOINTS)
async def list_endpoints(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """List webhook endpoints."""
    return await twin.gate.answer(request, lambda call: page(twin.ledger, WebhookEndpoint, call.read(ListObjects), _ENDPOINTS))


@get(f"{_ENDPOINTS}/{{endpoint_id:str}}")
async def retrieve_endpoint(request: AnyRequest, endpoint_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Retrieve a webhook endpoint."""
    return await twin.gate.answer(request, lambda _: _endpoint(twin, endpoint_id))


@delete(f"{_ENDPOINTS}/{{endpoint_id:str}}", status_code=200)
async def delete_endpoint(request: AnyRequest, endpoint_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Delete a webhook endpoint."""

    def remove(_: Call) -> object:
        twin.ledger.delete(_endpoint(twin, endpoint_id))
        return {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}

    return await twin.gate.answer(request, remove)


@get("/v1/balance")
async def balance(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """Say what is in the account, by currency."""
    return await twin.gate.answer(request, lambda _: _balance(twin))


@get("/v1/account")
async def account(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """Say whose account this is."""
    settings = {"dashboard": {"display_name": "Stripe twin", "timezone": "Etc/UTC"}}
    body = {"id": "acct_twin", "object": "account", "charges_enabled": True, "payouts_enabled": True, "details_submitted": True}
    return await twin.gate.answer(request, lambda _: body | {"country": "ES", "default_currency": "eur", "settings": settings})


def _endpoint(twin: Twin, id: str) -> WebhookEndpoint:
    found = twin.ledger.get(WebhookEndpoint, id)
    if not found:
        raise missing("webhook_endpoint", id, "id")
    return found


def _balance(twin: Twin) -> dict[str, object]:
    totals: dict[str, int] = {}
    for charge in twin.ledger.find(Charge):
        totals[charge.currency] = totals.get(charge.currency, 0) + charge.amount_captured - charge.amount_refunded
    available = [{"amount": amount, "currency": currency, "source_types": {"card": amount}} for currency, amount in totals.items()]
    pending = [{"amount": 0, "currency": "eur", "source_types": {"card": 0}}]
    return {"object": "balance", "available": available, "livemode": False, "pending": pending}
