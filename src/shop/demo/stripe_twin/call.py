"""One request to the API: who calls, with what."""

import base64
import binascii
import hmac
from typing import Any, Literal, TypeVar

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from msgspec import Struct

from shop.demo.stripe_twin.form import convert, decode
from shop.demo.stripe_twin.ids import new_id
from shop.demo.stripe_twin.problems import StripeProblem, secret_key_required, wrong_key
from shop.demo.stripe_twin.settings import TwinSettings

AnyRequest = Request[Any, Any, State]
T = TypeVar("T")


class Call(Struct, frozen=True, kw_only=True):
    """A request whose key was recognised and whose parameters were decoded."""

    id: str
    method: str
    path: str
    form: dict[str, Any]
    key: str | None
    role: Literal["secret", "publishable"]

    def read(self, cls: type[T]) -> T:
        """Give the parameters as one Struct; raises Stripe's validation errors."""
        return convert(self.form, cls)


async def receive(request: AnyRequest, settings: TwinSettings, *, publishable: bool) -> Call:
    """Read a request; raises 401 for a key that is not known and 403 for a publishable one where it is not allowed."""
    form = await _parameters(request)
    role = role_of(api_key(request, form), settings)
    if role == "publishable" and not publishable:
        raise secret_key_required()
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    return Call(id=new_id("req"), method=request.method, path=request.url.path, form=form, key=key, role=role)


def api_key(request: ASGIConnection[Any, Any, Any, Any], form: dict[str, Any]) -> str:
    """Give the API key of a request: Bearer, Basic as the user name, or the parameter `key` as browsers send it."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return credentials
    given = form.get("key")
    return given if isinstance(given, str) else ""


def role_of(given: str, settings: TwinSettings) -> Literal["secret", "publishable"]:
    """Say whose key this is; raises 401 if nobody's."""
    if hmac.compare_digest(given.encode(), settings.secret_key.encode()):
        return "secret"
    if hmac.compare_digest(given.encode(), settings.publishable_key.encode()):
        return "publishable"
    raise wrong_key(given)


async def _parameters(request: AnyRequest) -> dict[str, Any]:
    try:
        query = request.scope["query_string"].decode()
        body = "" if request.method == "GET" else (await request.body()).decode()
        return decode(query) | decode(body)
    except (UnicodeDecodeError, ValueError) as error:
        raise StripeProblem("Invalid request: the parameters could not be decoded") from error
