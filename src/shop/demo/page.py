"""Pages for people: Jinja templates of this package, escaped, sealed by a content security policy, no network needed."""

import secrets
from functools import cache
from typing import Any

from litestar import Response
from litestar.enums import MediaType

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def page(template: str, *, status: int = 200, live: bool = False, **context: Any) -> Response[str]:
    """Render a template; a `live` page may run the one script of the frame that reloads it when its revision changes."""
    nonce = secrets.token_urlsafe(12)
    policy = f"{_POLICY}; script-src 'nonce-{nonce}'; connect-src 'self'" if live else _POLICY
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    body: str = _environment().get_template(template).render(context, live=live, nonce=nonce)
    return Response(body, status_code=status, media_type=MediaType.HTML, headers=headers)


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("shop.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["ago"] = _ago
    return environment


def _ago(seconds: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {name} ago"
    return "just now" if seconds < 5 else f"{int(seconds)} s ago"
