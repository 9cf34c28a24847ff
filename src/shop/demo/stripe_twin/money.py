"""Amounts as Stripe limits and prints them."""

from shop.demo.stripe_twin.problems import StripeProblem

_NO_MINOR = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"}
_SIGNS = {"eur": "€", "usd": "$", "gbp": "£", "jpy": "¥"}
_LEAST = {"eur": 50, "usd": 50, "gbp": 30, "jpy": 50, "chf": 50, "dkk": 250, "nok": 300, "sek": 300, "pln": 200, "czk": 1500, "mxn": 1000}
MOST = 99_999_999


def printed(amount: int, currency: str) -> str:
    """Write an amount of minor units for people, e.g. €1,234.50."""
    sign = _SIGNS.get(currency.lower(), currency.upper() + " ")
    return f"{sign}{amount:,}" if currency.lower() in _NO_MINOR else f"{sign}{amount / 100:,.2f}"


def check_charge(amount: int, currency: str) -> None:
    """Raise if Stripe would not charge this; the least amounts are Stripe's published ones (EUR 0.50), 1 where none is listed."""
    if not (currency.isascii() and currency.isalpha() and len(currency) == 3 and currency.islower()):
        raise StripeProblem(f"Invalid currency: {currency}", param="currency")
    if amount < 1:
        raise StripeProblem("This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount")
    if amount < _LEAST.get(currency, 1):
        least = printed(_LEAST[currency], currency)
        raise StripeProblem(f"Amount must be at least {least} {currency}", code="amount_too_small", param="amount")
    if amount > MOST:
        raise StripeProblem(f"Amount must be no more than {printed(MOST, currency)}", code="amount_too_large", param="amount")
