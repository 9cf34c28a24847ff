"""Charges: what a confirmed PaymentIntent leaves in the books."""

from shop.demo.stripe_twin.ids import new_id
from shop.demo.stripe_twin.objects import Charge, PaymentError, PaymentIntent
from shop.demo.stripe_twin.payment_methods import Decline, PaymentMethod


def succeeded_charge(intent: PaymentIntent, method: PaymentMethod, at: int, *, captured: bool) -> Charge:
    """Give the charge of a payment that went through."""
    outcome = {"network_status": "approved_by_network", "risk_level": "normal", "seller_message": "Payment complete.", "type": "authorized"}
    return Charge(
        id=new_id("ch"),
        amount=intent.amount,
        amount_captured=intent.amount if captured else 0,
        balance_transaction=new_id("txn"),
        captured=captured,
        created=at,
        currency=intent.currency,
        description=intent.description,
        metadata=intent.metadata,
        outcome=outcome,
        paid=True,
        payment_intent=intent.id,
        payment_method=method.id,
        payment_method_details=method.details(),
        receipt_email=intent.receipt_email,
        status="succeeded",
    )


def failed_charge(intent: PaymentIntent, method: PaymentMethod, decline: Decline, at: int) -> Charge:
    """Give the charge of a payment that a bank refused."""
    outcome = {"network_status": "declined_by_network", "reason": decline.decline_code or decline.code, "type": "issuer_declined"}
    return Charge(
        id=new_id("ch"),
        amount=intent.amount,
        amount_captured=0,
        captured=False,
        created=at,
        currency=intent.currency,
        description=intent.description,
        failure_code=decline.code,
        failure_message=decline.message,
        metadata=intent.metadata,
        outcome=outcome,
        paid=False,
        payment_intent=intent.id,
        payment_method=method.id,
        payment_method_details=method.details(),
        receipt_email=intent.receipt_email,
        status="failed",
    )


def payment_error(decline: Decline, method: PaymentMethod, charge: str) -> PaymentError:
    """Give the last_payment_error of a PaymentIntent that was declined."""
    shown = {"id": method.id, "object": "payment_method", **method.details()}
    type = "card_error" if method.kind == "card" else "invalid_request_error"
    return PaymentError(type, decline.code, decline.message, decline.decline_code, charge, shown)
