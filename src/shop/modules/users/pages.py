"""The pages behind the links in mails: they work without JavaScript, and opening one changes nothing."""

import hashlib
import tomllib
from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from dishka import FromComponent
from dishka.integrations.litestar import inject
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter
from markupsafe import Markup

from shop.kit.identity import public
from shop.kit.problems import Invalid
from shop.modules.users.domain import LONGEST_PASSWORD, SHORTEST_PASSWORD, LinkNotFound, Purpose, spoken
from shop.modules.users.links import PATHS
from shop.modules.users.service import Accounts

FOLDER = Path(__file__).parent / "html"
STYLE = (FOLDER / "account.css").read_text("utf-8")
WORDS = {language: tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8")) for language in ("en", "es")}
TEMPLATE = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
).get_template("account.html")
SILENT = {"button": "", "label": ""}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'",
}
FIELDS = 8

TokenInLink = Annotated[str, QueryParameter(name="token", max_length=200)]
Languages = Annotated[str | None, HeaderParameter(name="Accept-Language")]
AccountsHere = Annotated[Accounts, FromComponent("users")]
AnyRequest = Request[Any, Any, Any]


@get(PATHS[Purpose.VERIFY], policy=public, include_in_schema=False)
@inject
async def ask_to_verify(accounts: AccountsHere, token: TokenInLink = "", languages: Languages = None) -> Response[str]:
    """Ask for the press of a button, for programs open links in mails too."""
    if await accounts.works(token, Purpose.VERIFY):
        return page("verify", languages, path=PATHS[Purpose.VERIFY], fields={"token": token})
    return page("verify_refused", languages, status=400)


@post(PATHS[Purpose.VERIFY], status_code=200, policy=public, raw=True, include_in_schema=False)
@inject
async def verify(request: AnyRequest, accounts: AccountsHere, languages: Languages = None) -> Response[str]:
    """Verify the address."""
    try:
        await accounts.verify((await _form(request)).get("token", ""))
    except Invalid:
        return page("verify_refused", languages, status=400)
    return page("verified", languages)


@get(PATHS[Purpose.RESET], policy=public, include_in_schema=False)
@inject
async def ask_for_password(accounts: AccountsHere, token: TokenInLink = "", languages: Languages = None) -> Response[str]:
    """Ask for a new password."""
    if await accounts.works(token, Purpose.RESET):
        return page("reset", languages, path=PATHS[Purpose.RESET], fields={"token": token}, wrong=False)
    return page("reset_refused", languages, status=404)


@post(PATHS[Purpose.RESET], status_code=200, policy=public, raw=True, include_in_schema=False)
@inject
async def reset_password(request: AnyRequest, accounts: AccountsHere, languages: Languages = None) -> Response[str]:
    """Set the new password, or ask again for one that will do."""
    form = await _form(request)
    token, password = form.get("token", ""), form.get("password", "")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD or "\0" in password:
        return page("reset", languages, status=400, path=PATHS[Purpose.RESET], fields={"token": token}, wrong=True)
    try:
        await accounts.reset(token, password)
    except LinkNotFound:
        return page("reset_refused", languages, status=404)
    return page("reset_done", languages)


async def _form(request: AnyRequest) -> dict[str, str]:
    try:
        fields = parse_qs((await request.body()).decode(), errors="strict", max_num_fields=FIELDS)
    except ValueError as error:
        raise Invalid("This is not a form.") from error
    return {name: values[-1] for name, values in fields.items()}


def page(words: str, languages: str | None, *, status: int = 200, **values: Any) -> Response[str]:
    """Give one of the pages in the client's language; a page with a button posts `fields` to `path`."""
    language = spoken(languages, list(WORDS))
    said = {"shop": "Shop", **SILENT, **WORDS[language][words]}
    html = TEMPLATE.render(words=said, language=language, style=Markup(STYLE), **values)  # noqa: S704 our own file
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=HEADERS)


PAGES: list[HTTPRouteHandler] = [ask_to_verify, verify, ask_for_password, reset_password]
