"""Stripe's test payment methods, and what happens to whoever pays with them."""

from typing import Any, Literal

from msgspec import Struct

from shop.demo.stripe_twin.problems import StripeProblem


class Decline(Struct, frozen=True):
    """Why a bank refuses."""

    code: str
    decline_code: str | None
    message: str


class PaymentMethod(Struct, frozen=True):
    """A payment method of the test mode; `process` settles later, `authenticate` needs the customer first."""

    id: str
    title: str
    kind: Literal["card", "sepa_debit", "us_bank_account"] = "card"
    brand: str = "visa"
    last4: str = "4242"
    authenticate: bool = False
    process: bool = False
    decline: Decline | None = None
    refunds: Literal["succeed", "pending", "fail"] = "succeed"

    def details(self) -> dict[str, Any]:
        """Give what a charge tells about the payment method."""
        card = {"brand": self.brand, "last4": self.last4, "exp_month": 12, "exp_year": 2034, "country": "US", "funding": "credit"}
        bank = {"last4": self.last4, "country": "DE", "bank_code": "37040044"}
        return {"type": self.kind, self.kind: card if self.kind == "card" else bank}


_DECLINED = "Your card was declined."
_GENERIC = Decline("card_declined", "generic_decline", _DECLINED)
_NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
_CARDS: dict[str, Decline] = {
    "": _GENERIC,
    "InsufficientFunds": _NO_FUNDS,
    "LostCard": Decline("card_declined", "lost_card", _DECLINED),
    "StolenCard": Decline("card_declined", "stolen_card", _DECLINED),
    "Fraudulent": Decline("card_declined", "fraudulent", _DECLINED),
    "ExpiredCard": Decline("expired_card", None, "Your card has expired."),
    "IncorrectCvc": Decline("incorrect_cvc", None, "Your card's security code is incorrect."),
    "ProcessingError": Decline("processing_error", None, "An error occurred while processing your card. Try again in a little bit."),
}
_DEBIT_FAILED = Decline("payment_intent_payment_attempt_failed", "debit_not_authorized", "The customer's bank refused the debit.")


def _all() -> list[PaymentMethod]:
    declining = [
        PaymentMethod(f"pm_card_{brand}chargeDeclined{name}", f"Declined card {name}".strip(), last4="0002", decline=decline)
        for name, decline in _CARDS.items()
        for brand in ("", "visa_")
    ]
    return [
        PaymentMethod("pm_card_visa", "Visa •••• 4242"),
        PaymentMethod("pm_card_mastercard", "Mastercard •••• 4444", brand="mastercard", last4="4444"),
        PaymentMethod("pm_card_amex", "American Express •••• 0005", brand="amex", last4="0005"),
        PaymentMethod("pm_card_threeDSecure2Required", "Visa with 3-D Secure •••• 3220", last4="3220", authenticate=True),
        PaymentMethod("pm_card_threeDSecureRequired", "Visa with 3-D Secure •••• 3063", last4="3063", authenticate=True),
        PaymentMethod("pm_card_authenticationRequired", "Visa with 3-D Secure •••• 3184", last4="3184", authenticate=True),
        PaymentMethod(
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            "3-D Secure, then no funds •••• 9995",
            last4="9995",
            authenticate=True,
            decline=_NO_FUNDS,
        ),
        PaymentMethod("pm_card_pendingRefund", "Visa whose refunds stay pending •••• 7726", last4="7726", refunds="pending"),
        PaymentMethod("pm_card_refundFail", "Visa whose refunds fail •••• 5126", last4="5126", refunds="fail"),
        PaymentMethod("pm_sepaDebit", "SEPA direct debit •••• 3000", "sepa_debit", "", "3000", process=True),
        PaymentMethod("pm_sepaDebit_failed", "SEPA direct debit that bounces", "sepa_debit", "", "3001", process=True, decline=_DEBIT_FAILED),
        PaymentMethod("pm_usBankAccount_processing", "US bank account •••• 6789", "us_bank_account", "", "6789", process=True),
        PaymentMethod("pm_usBankAccount_success", "US bank account •••• 6789", "us_bank_account", "", "6789", process=True),
        PaymentMethod(
            "pm_usBankAccount_debitNotAuthorized",
            "US bank account that refuses",
            "us_bank_account",
            "",
            "1116",
            process=True,
            decline=_DEBIT_FAILED,
        ),
        *declining,
    ]


METHODS: dict[str, PaymentMethod] = {method.id: method for method in _all()}


def known_method(id: str) -> PaymentMethod:
    """Give a test payment method; raises Stripe's resource_missing for any other id."""
    if id not in METHODS:
        raise StripeProblem(f"No such PaymentMethod: '{id}'", code="resource_missing", param="payment_method")
    return METHODS[id]


def forced_decline(decline_code: str) -> Decline:
    """Give the decline that a test asked for by its decline_code."""
    known = (decline for decline in _CARDS.values() if decline_code in {decline.decline_code, decline.code})
    return next(known, Decline("card_declined", decline_code, _DECLINED))
