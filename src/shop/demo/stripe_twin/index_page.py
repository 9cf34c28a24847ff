"""The page that lists payments, refunds and webhook deliveries."""

import time
from typing import Any

import msgspec
from litestar import MediaType, Response, get
from msgspec import Struct

from shop.demo.page import page
from shop.demo.stripe_twin.faults import Faults
from shop.demo.stripe_twin.money import printed
from shop.demo.stripe_twin.objects import PaymentIntent, Refund
from shop.demo.stripe_twin.pay_page import STATUSES, TONES, heading
from shop.demo.stripe_twin.twin import TheTwin, Twin

_SHOWN = 50
_STATES = {"delivered": "good", "pending": "wait", "failed": "bad", "dropped": "bad"}


class PaymentRow(Struct, frozen=True):
    """A payment as the list shows it."""

    id: str
    order: str
    status: str
    tone: str
    amount: str
    error: str
    age: float
    open: bool
    page: str


@get("/")
async def show_all(twin: TheTwin) -> Response[str]:
    """Show what happened, newest first."""
    now = twin.now()
    refunds = [
        {"id": each.id, "payment": each.payment_intent, "status": each.status, "reason": each.reason or "—", "age": now - each.created}
        | {"tone": TONES.get(each.status, ""), "amount": printed(each.amount, each.currency)}
        for each in twin.ledger.find(Refund, limit=_SHOWN)
    ]
    deliveries = [each | {"tone": _STATES.get(each["state"], ""), "age": time.time() - each["updated"]} for each in twin.deliveries.all(_SHOWN)]
    return page(
        "payments.html",
        live=True,
        revision=_revision(twin),
        payments=[_row(each, now) for each in twin.ledger.find(PaymentIntent, limit=_SHOWN)],
        refunds=refunds,
        deliveries=deliveries,
        figures=_figures(twin),
        faults=_in_force(twin.faults.now),
        webhook_url=twin.settings.webhook_url,
    )


@get("/revision", media_type=MediaType.TEXT)
async def revision(twin: TheTwin) -> str:
    """Give a word that changes whenever the list does."""
    return _revision(twin)


def _revision(twin: Twin) -> str:
    count = "SELECT count(*), (SELECT coalesce(max(updated), 0) FROM deliveries), (SELECT body FROM faults) FROM objects WHERE kind = 'event'"
    return "-".join(str(each) for each in twin.ledger.sql.execute(count).fetchone()[:2]) + _in_force(twin.faults.now)


def _row(intent: PaymentIntent, now: float) -> PaymentRow:
    error = intent.last_payment_error
    return PaymentRow(
        id=intent.id,
        order=heading(intent).removeprefix("Order "),
        status=STATUSES[intent.status],
        tone=TONES.get(intent.status, ""),
        amount=printed(intent.amount, intent.currency),
        error=error.message if error else "",
        age=now - intent.created,
        open=intent.status.startswith("requires_") and intent.status != "requires_capture",
        page=f"/pay/{intent.id}?client_secret={intent.client_secret}",
    )


def _figures(twin: Twin) -> list[tuple[str, str]]:
    counts = (
        "SELECT count(*) AS payments, sum(json_extract(body, '$.status') = 'succeeded') AS paid, "
        "coalesce(sum(json_extract(body, '$.amount_received')), 0) AS received, max(json_extract(body, '$.currency')) AS currency "
        "FROM objects WHERE kind = 'payment_intent'"
    )
    row = twin.ledger.sql.execute(counts).fetchone()
    back = "SELECT coalesce(sum(json_extract(body, '$.amount_refunded')), 0) FROM objects WHERE kind = 'charge'"
    (refunded,) = twin.ledger.sql.execute(back).fetchone()
    currency = row["currency"] or "eur"
    return [
        ("Paid", f"{row['paid'] or 0} of {row['payments']}"),
        ("Received", printed(row["received"], currency)),
        ("Refunded", printed(refunded, currency)),
        ("Webhooks waiting", str(twin.deliveries.pending())),
    ]


def _in_force(faults: Faults) -> str:
    healthy: dict[str, Any] = msgspec.to_builtins(Faults())
    changed = {name: value for name, value in msgspec.to_builtins(faults).items() if value != healthy[name]}
    return ", ".join(f"{name} {value}" for name, value in changed.items())
