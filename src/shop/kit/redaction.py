"""Takes secrets and personal data out of what is about to be logged."""

import re

HIDDEN = "***"
NAMED = r"password|passwd|secret|token|authorization|cookie|api[_-]?key|idempotency[_-]key|signature|client_secret|signing_key"
PATTERN = re.compile(
    rf"""
      (?P<pem>-----BEGIN\ [^-]*-----.*?(?:-----END\ [^-]*-----|\Z))
    | (?P<sql>\[parameters:.*?\]$|DETAIL:.*?$)                              # what SQLAlchemy and PostgreSQL quote of a failed row
    | (?P<scheme>[a-z][a-z0-9+.-]{{0,20}}://)[^\s/@'"<>]+@                    # user and password of an address
    | (?P<query>\?)(?=[^\s'"]{{0,200}}=)[^\s'"<>]+                            # a query string
    | (?P<bearer>\b(?:bearer|basic)\s+)[^\s'",;]+
    | (?P<stripe>\b(?:sk|rk|whsec|pi|seti|cs)_\w+)(?<=\w{{12}})               # Stripe's keys and client secrets
    | (?P<jwt>\beyJ[\w-]+\.[\w-]*(?:\.[\w-]*)?)
    | (?P<email>[^\s@<>"'(),:;=\[\]]{{1,80}}@[^\s@<>"'(),:;\[\]]+)
    | (?P<random>(?-i:(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{{40,}}))  # capability and refresh tokens
    | (?P<named>["']?[\w.-]{{0,40}}(?:{NAMED})["']?\s*(?:=>|[:=])\s*)
      (?!\s*(?:None|null|True|False)\b)(?:(?:bearer|basic)\s+)?(?:"[^"]*"|'[^']*'|[^\s,;&}}\])]+)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
KEPT = ("scheme", "query", "bearer", "named")
LONGEST = 20_000


def redacted(text: str) -> str:
    """Give a text without secrets, tokens, query strings, mail addresses and the values of failed SQL statements; what is very long is cut."""
    return PATTERN.sub(_hide, text[:LONGEST])


def _hide(found: re.Match[str]) -> str:
    before = next((found[name] for name in KEPT if found[name] is not None), "")
    return f"{before}{HIDDEN}" + ("@" if found["scheme"] else "")
