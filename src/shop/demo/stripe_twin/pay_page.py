"""The page where a person pays: what Stripe's hosted fields and the bank's 3-D Secure page are in real life."""

import hmac
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect
from msgspec import Struct

from shop.demo.page import page
from shop.demo.stripe_twin.money import printed
from shop.demo.stripe_twin.objects import PaymentIntent
from shop.demo.stripe_twin.problems import StripeProblem
from shop.demo.stripe_twin.twin import TheTwin, Twin

TONES = {"succeeded": "good", "canceled": "bad", "failed": "bad", "processing": "wait", "requires_action": "wait", "pending": "wait"}
STATUSES = {
    "requires_payment_method": "Waiting for a payment",
    "requires_confirmation": "Waiting for a payment",
    "requires_action": "Authentication needed",
    "processing": "Processing",
    "requires_capture": "Authorised",
    "succeeded": "Paid",
    "canceled": "Canceled",
}
_ENDINGS = {
    "succeeded": "Thank you. The payment went through; the shop is being told.",
    "requires_capture": "The amount is reserved; the shop takes it when it ships.",
    "processing": "Your bank is working on it. This page looks again by itself.",
    "canceled": "This payment was canceled by the shop. Nothing was charged.",
}
_METHODS = [
    ("pm_card_visa", "Visa •••• 4242", "Succeeds at once"),
    ("pm_card_threeDSecure2Required", "Visa •••• 3220", "Asks for 3-D Secure first"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "Visa •••• 9995", "Declined: insufficient funds"),
    ("pm_sepaDebit", "SEPA direct debit •••• 3000", "Processing, succeeds a little later"),
]


class Step(Struct, frozen=True):
    """What the person pressed."""

    client_secret: str
    action: str
    payment_method: str = "pm_card_visa"
    return_url: str = ""


@get("/pay/{intent_id:str}")
async def show_payment(intent_id: FromPath[str], twin: TheTwin, client_secret: FromQuery[str] = "", return_url: FromQuery[str] = "") -> Response[str]:
    """Show a payment to whoever knows its client secret."""
    intent = _of_secret(twin, intent_id, client_secret)
    if not intent:
        return page("problem.html", status=404, brand="Stripe twin", title="No such payment", detail="The link is incomplete or wrong.")
    return page(
        "pay.html",
        intent=intent,
        amount=printed(intent.amount, intent.currency),
        heading=heading(intent),
        state=STATUSES[intent.status],
        tone=TONES.get(intent.status, ""),
        ending=_ENDINGS.get(intent.status, ""),
        methods=_METHODS,
        return_url=return_url if return_url.startswith(("http://", "https://")) else "",
    )


@post("/pay/{intent_id:str}", status_code=303)
async def take_step(intent_id: FromPath[str], data: URLEncodedBody[Step], twin: TheTwin) -> Redirect:
    """Do what the person pressed; a step that the status forbids just shows the status."""
    intent = _of_secret(twin, intent_id, data.client_secret)
    query = {"client_secret": data.client_secret}
    if intent:
        if intent.next_action and intent.next_action.redirect_to_url.return_url and not data.return_url:
            query["return_url"] = intent.next_action.redirect_to_url.return_url
        _take(twin, intent, data)
    if data.return_url:
        query["return_url"] = data.return_url
    return Redirect(f"/pay/{intent_id}?{urlencode(query)}", status_code=303)


def heading(intent: PaymentIntent) -> str:
    """Name the order that a payment is for."""
    order = intent.metadata.get("order_number") or intent.metadata.get("order_id")
    return f"Order {order}" if order else intent.description or "Payment"


def _of_secret(twin: Twin, intent_id: str, client_secret: str) -> PaymentIntent | None:
    try:
        intent = twin.payments.get(intent_id)
    except StripeProblem:
        return None
    return intent if hmac.compare_digest(intent.client_secret.encode(), client_secret.encode()) else None


def _take(twin: Twin, intent: PaymentIntent, step: Step) -> None:
    try:
        with twin.ledger.transaction():
            if step.action in {"authenticate", "refuse"}:
                twin.payments.authenticate(intent.id, passed=step.action == "authenticate")
            else:
                method = "pm_card_chargeDeclined" if step.action == "decline" else step.payment_method
                twin.payments.confirm(intent.id, method)
    except StripeProblem:
        return
