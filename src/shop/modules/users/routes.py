"""Making an account and logging in, and all routes of users."""

from typing import Annotated, Any

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter, JSONBody
from msgspec import Meta, Struct

from shop.kit.http.audited import audit_route
from shop.kit.http.openapi import problems
from shop.kit.identity import Caller, public, signed_in
from shop.kit.problems import TooManyRequests
from shop.kit.tokens import LocalKeys, Verifier, jwks
from shop.kit.values import Body, Email, Locale, Text
from shop.modules.users.customer_routes import CUSTOMER_ROUTES
from shop.modules.users.domain import (
    LONGEST_PASSWORD,
    SHORTEST_PASSWORD,
    InvalidCredentials,
    LinkNotFound,
    Registration,
    SessionEnded,
    spoken,
)
from shop.modules.users.pages import PAGES
from shop.modules.users.profile_routes import PROFILE_ROUTES
from shop.modules.users.promotion_routes import PROMOTION_ROUTES
from shop.modules.users.service import Accounts
from shop.modules.users.sessions import Sessions, Tokens
from shop.modules.users.throttling import TooManyGuesses
from shop.modules.users.unsubscribe_pages import UNSUBSCRIBE_PAGES
from shop.settings import Commerce

A_FEW_A_SECOND = (300, 60)  # requests per seconds and client: generous for an office, tight for a script
Password = Annotated[str, Meta(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)]
GivenPassword = Annotated[str, Meta(max_length=1000)]
Opaque = Annotated[str, Meta(max_length=1000)]


class NewUser(Body, frozen=True):
    """Who registers; `locale` is the language of mails, by default what the client speaks."""

    email: Email
    password: Password
    name: Text
    locale: Locale | None = None
    marketing_consent: bool = False


class Credentials(Body, frozen=True):
    """Who logs in."""

    email: Email
    password: GivenPassword


class RefreshToken(Body, frozen=True):
    """The token to go on with."""

    refresh_token: Opaque


class MailToken(Body, frozen=True):
    """The token of a link in a mail."""

    token: Opaque


class ForgottenPassword(Body, frozen=True):
    """Whose password is forgotten."""

    email: Email


class NewPassword(Body, frozen=True):
    """The password from now on."""

    password: Password


class Accepted(Struct, frozen=True):
    """The same answer for every address."""

    message: str


ASKED = Accepted("We have sent a mail to this address.")
ASKED_FOR_RESET = Accepted("If this address has an account, we have sent it a mail.")


@post("/api/v1/users", status_code=202, policy=public, limit=A_FEW_A_SECOND, responses=problems(TooManyRequests))
@inject
async def register(
    data: JSONBody[NewUser],
    accounts: Annotated[Accounts, FromComponent("users")],
    commerce: Annotated[Commerce, FromComponent()],
    languages: Annotated[str | None, HeaderParameter(name="Accept-Language", description="the language of mails where `locale` is not given")] = None,
) -> Accepted:
    """Open an account; a mail goes out whether or not the address has one."""
    locale = data.locale or spoken(languages, commerce.locales)
    await accounts.register(Registration(data.email, data.name, locale, data.marketing_consent), data.password)
    return ASKED


@post("/api/v1/users/verify", status_code=204, policy=public)
@inject
async def verify(data: JSONBody[MailToken], accounts: Annotated[Accounts, FromComponent("users")]) -> None:
    """Prove by the token of a mail that the address is yours."""
    await accounts.verify(data.token)


@post("/api/v1/password-resets", status_code=202, policy=public, limit=A_FEW_A_SECOND, responses=problems(TooManyRequests))
@inject
async def request_reset(data: JSONBody[ForgottenPassword], accounts: Annotated[Accounts, FromComponent("users")]) -> Accepted:
    """Ask for a mail with a link to choose a new password."""
    await accounts.request_reset(data.email)
    return ASKED_FOR_RESET


@post("/api/v1/password-resets/{token:str}", status_code=204, policy=public, responses=problems(LinkNotFound))
@inject
async def reset(token: FromPath[str], data: JSONBody[NewPassword], accounts: Annotated[Accounts, FromComponent("users")]) -> None:
    """Choose a new password; every session of the account ends."""
    await accounts.reset(token, data.password)


@post("/api/v1/sessions", status_code=200, policy=public, responses=problems(InvalidCredentials, TooManyGuesses))
@inject
async def log_in(data: JSONBody[Credentials], caller: NamedDependency[Caller], sessions: Annotated[Sessions, FromComponent("users")]) -> Tokens:
    """Log in, also before the address is verified."""
    return await sessions.login(data.email, data.password, caller.address)


@post("/api/v1/sessions/refresh", status_code=200, policy=public, responses=problems(SessionEnded))
@inject
async def refresh(data: JSONBody[RefreshToken], sessions: Annotated[Sessions, FromComponent("users")]) -> Tokens:
    """Go on with a session: a new access token and the next refresh token."""
    return await sessions.refresh(data.refresh_token)


@delete("/api/v1/sessions/current", status_code=204, policy=signed_in)
@inject
async def log_out(
    request: Request[Any, Any, Any],
    sessions: Annotated[Sessions, FromComponent("users")],
    verifier: Annotated[Verifier, FromComponent("users")],
) -> None:
    """Log out: the session of this access token ends, and its refresh tokens with it."""
    claims = await verifier.claims(request.headers["Authorization"].partition(" ")[2].strip())
    await sessions.end(claims.session_id)


@get("/.well-known/jwks.json", policy=public)
@inject
async def show_keys(keys: Annotated[LocalKeys, FromComponent("users")]) -> Response[dict[str, Any]]:
    """Publish the keys with which access tokens can be verified."""
    return Response(jwks(keys), headers={"Cache-Control": "public, max-age=300"})


ROUTES: list[HTTPRouteHandler] = [
    register, verify, request_reset, reset, log_in, refresh, log_out, show_keys, *PROFILE_ROUTES, *PAGES, *PROMOTION_ROUTES,
    *UNSUBSCRIBE_PAGES, *CUSTOMER_ROUTES, audit_route("users"),
]  # fmt: skip
