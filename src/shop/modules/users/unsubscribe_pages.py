"""The page behind the link to unsubscribe, and the one click of RFC 8058."""

from typing import Annotated, Any

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter

from shop.kit.http.openapi import problems
from shop.kit.identity import public
from shop.modules.users.links import UNSUBSCRIBE
from shop.modules.users.pages import page
from shop.modules.users.unsubscribing import UnsubscribeNotFound, Unsubscribing

Languages = Annotated[str | None, HeaderParameter(name="Accept-Language", description="the language of the page")]
Accepted = Annotated[str, HeaderParameter(name="Accept", description="a browser is told on a page that its link is none")]
Here = Annotated[Unsubscribing, FromComponent("users")]
PATH = f"{UNSUBSCRIBE}/{{token:str}}"
HTML = "text/html"


@get(PATH, policy=public, media_type=HTML, responses=problems(UnsubscribeNotFound))
@inject
async def ask_to_unsubscribe(token: FromPath[str], service: Here, languages: Languages = None, accepted: Accepted = "") -> Response[str]:
    """Ask for the press of a button, for programs open links in mails too; nothing is changed."""
    try:
        await service.reader(token)
    except UnsubscribeNotFound:
        return _refused(languages, accepted)
    return page("unsubscribe", languages, path=f"{UNSUBSCRIBE}/{token}", fields={"List-Unsubscribe": "One-Click"})


@post(PATH, status_code=200, policy=public, raw=True, media_type=HTML, responses=problems(UnsubscribeNotFound))
@inject
async def unsubscribe(
    request: Request[Any, Any, Any], token: FromPath[str], service: Here, languages: Languages = None, accepted: Accepted = ""
) -> Response[str]:
    """Take the consent to marketing mail back, with one click (RFC 8058): no login, and any body or none; once more changes nothing."""
    await request.body()
    try:
        await service.unsubscribe(token)
    except UnsubscribeNotFound:
        return _refused(languages, accepted)
    return page("unsubscribed", languages)


def _refused(languages: str | None, accepted: str) -> Response[str]:
    if HTML not in accepted:
        raise UnsubscribeNotFound
    return page("unsubscribe_refused", languages, status=404)


UNSUBSCRIBE_PAGES: list[HTTPRouteHandler] = [ask_to_unsubscribe, unsubscribe]
