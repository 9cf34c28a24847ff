"""/v1/payment_intents."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from shop.demo.stripe_twin.call import AnyRequest, Call
from shop.demo.stripe_twin.gate import Refused
from shop.demo.stripe_twin.listing import page, search
from shop.demo.stripe_twin.objects import PaymentIntent
from shop.demo.stripe_twin.parameters import (
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    ListObjects,
    RetrieveIntent,
    Search,
)
from shop.demo.stripe_twin.problems import StripeProblem, missing_param
from shop.demo.stripe_twin.twin import TheTwin, Twin

_URL = "/v1/payment_intents"
_NOT_FOR_BROWSERS = ("metadata", "latest_charge", "customer", "transfer_group", "statement_descriptor")


@post(_URL, status_code=200)
async def create_intent(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """Create a PaymentIntent."""
    return await twin.gate.answer(request, lambda call: outcome(call, twin.payments.create(call.read(CreateIntent))))


@get(f"{_URL}/{{intent_id:str}}")
async def retrieve_intent(request: AnyRequest, intent_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Retrieve a PaymentIntent."""

    def retrieve(call: Call) -> object:
        check_secret(call, twin, intent_id, call.read(RetrieveIntent).client_secret)
        return shown(call, twin.payments.get(intent_id))

    return await twin.gate.answer(request, retrieve, publishable=True)


@get(_URL)
async def list_intents(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """List PaymentIntents, newest first."""
    return await twin.gate.answer(request, lambda call: page(twin.ledger, PaymentIntent, call.read(ListObjects), _URL))


@get(f"{_URL}/search")
async def search_intents(request: AnyRequest, twin: TheTwin) -> Response[bytes]:
    """Search PaymentIntents by metadata and fields."""

    def find(call: Call) -> object:
        return search(twin.ledger, call.read(Search), f"{_URL}/search", twin.now() - twin.faults.now.search_lag)

    return await twin.gate.answer(request, find)


@post(f"{_URL}/{{intent_id:str}}/confirm", status_code=200)
async def confirm_intent(request: AnyRequest, intent_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Confirm a PaymentIntent, from a server or from a browser."""

    def confirm(call: Call) -> object:
        asked = call.read(ConfirmIntent)
        check_secret(call, twin, intent_id, asked.client_secret)
        return outcome(call, twin.payments.confirm(intent_id, asked.payment_method, asked.return_url))

    return await twin.gate.answer(request, confirm, publishable=True)


@post(f"{_URL}/{{intent_id:str}}/capture", status_code=200)
async def capture_intent(request: AnyRequest, intent_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Capture a PaymentIntent that was authorised."""

    def capture(call: Call) -> object:
        return twin.payments.capture(intent_id, call.read(CaptureIntent).amount_to_capture)

    return await twin.gate.answer(request, capture)


@post(f"{_URL}/{{intent_id:str}}/cancel", status_code=200)
async def cancel_intent(request: AnyRequest, intent_id: FromPath[str], twin: TheTwin) -> Response[bytes]:
    """Cancel a PaymentIntent."""

    def cancel(call: Call) -> object:
        return twin.payments.cancel(intent_id, call.read(CancelIntent).cancellation_reason)

    return await twin.gate.answer(request, cancel)


def check_secret(call: Call, twin: Twin, intent_id: str, client_secret: str | None) -> None:
    """Raise unless the caller holds the secret key or this PaymentIntent's client secret."""
    if call.role == "secret" and client_secret is None:
        return
    if client_secret is None:
        raise missing_param("client_secret")
    if twin.payments.get(intent_id).client_secret != client_secret:
        message = "The client_secret provided does not match the client_secret associated with the PaymentIntent."
        raise StripeProblem(message, code="payment_intent_invalid_parameter", param="client_secret")


def outcome(call: Call, intent: PaymentIntent) -> object:
    """Give the intent, or the 402 with it when its last attempt to pay failed."""
    error = intent.last_payment_error
    if intent.status != "requires_payment_method" or not error:
        return shown(call, intent)
    status = 402 if error.type == "card_error" else 400
    return Refused(status, {"error": msgspec.to_builtins(error) | {"payment_intent": shown(call, intent)}})


def shown(call: Call, intent: PaymentIntent) -> dict[str, Any]:
    """Give what this caller may see: a browser does not see what only the shop knows."""
    body: dict[str, Any] = msgspec.to_builtins(intent)
    return body if call.role == "secret" else {name: value for name, value in body.items() if name not in _NOT_FOR_BROWSERS}
