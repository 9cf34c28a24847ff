"""The mailbox as a web application."""

import asyncio
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar, MediaType, Response, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException, NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, FromQuery, SkipValidation
from litestar.response import Redirect

from shop.demo import refuse_in_production
from shop.demo.mailbox.folder import MailFolder
from shop.demo.mailbox.messages import Message, sent_at
from shop.demo.page import page
from shop.demo.serving import serve

_SHOWN = 200
_LONGEST_WAIT = 60.0

TheFolder: TypeAlias = NamedDependency[SkipValidation[MailFolder]]


@get("/")
async def show_list(folder: TheFolder, q: FromQuery[str] = "") -> Response[str]:
    """Show the mails, newest first, that hold all of the words."""
    found = folder.find(words=q)
    return page("mails.html", live=True, revision=_revision(folder), mails=found[:_SHOWN], count=len(found), q=q)


@get("/revision", media_type=MediaType.TEXT)
async def revision(folder: TheFolder) -> str:
    """Give a word that changes whenever the list does."""
    return _revision(folder)


@get("/messages.json")
async def find_messages(
    folder: TheFolder, to: FromQuery[str] = "", subject: FromQuery[str] = "", wait: FromQuery[float] = 0.0
) -> dict[str, list[Message]]:
    """Give the mails for an address and with this in the subject, newest first; waits up to so many seconds for the first one."""
    return {"items": await folder.wait_for(to=to, subject=subject, seconds=min(wait, _LONGEST_WAIT))}


@get("/messages/{message_id:str}")
async def show_message(message_id: FromPath[str], folder: TheFolder) -> Response[str]:
    """Show a mail; its HTML stays in a sandbox without scripts and without network."""
    message = _message(folder, message_id)
    return page("mail.html", mail=message, sent=sent_at(message))


@get("/messages/{message_id:str}/raw")
async def download(message_id: FromPath[str], folder: TheFolder) -> Response[bytes]:
    """Give a mail's file, to be saved, never to be shown."""
    content = folder.raw(_message(folder, message_id).id)
    headers = {"Content-Disposition": f'attachment; filename="{message_id}.eml"', "X-Content-Type-Options": "nosniff"}
    return Response(content or b"", media_type="message/rfc822", headers=headers)


@delete("/messages")
async def empty(folder: TheFolder) -> None:
    """Delete all mails."""
    folder.empty()


def own_page_only(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Refuse a form that another site's page sent."""
    if connection.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise PermissionDeniedException("This form was sent from another site.")


@post("/empty", guards=[own_page_only], status_code=303)
async def press_empty(folder: TheFolder) -> Redirect:
    """Delete all mails from the page."""
    folder.empty()
    return Redirect("/", status_code=303)


def create_app(folder: Path | MailFolder, *, env: str = "demo") -> Litestar:
    """Build the pages of a mailbox over a folder of .eml files. Refuses production."""
    refuse_in_production(env)
    mails = folder if isinstance(folder, MailFolder) else MailFolder(folder)
    return Litestar(
        [show_list, revision, find_messages, show_message, download, empty, press_empty],
        dependencies={"folder": Provide(lambda: mails, sync_to_thread=False)},
        exception_handlers={HTTPException: answer_problem},
        openapi_config=None,
        logging_config=None,
    )


async def serve_mailbox(folder: Path, *, env: str, host: str = "127.0.0.1", port: int, smtp_port: int, ready: asyncio.Event | None = None) -> None:
    """Receive mail and serve its pages until cancelled; `ready` is set as soon as both answer. Refuses production and taken ports."""
    refuse_in_production(env)
    from shop.demo.mailbox.smtp import receiving  # imported late: readers of the folder need no SMTP

    mails = MailFolder(folder)
    async with receiving(mails, host=host, port=smtp_port):
        await serve(create_app(mails, env=env), host=host, port=port, ready=ready)


def answer_problem(request: Any, error: HTTPException) -> Response[Any]:
    """Answer what went wrong, as a page for people and as JSON for programs."""
    if "text/html" in request.headers.get("accept", ""):
        title = "No such mail" if error.status_code == 404 else "This does not work"
        return page("problem.html", status=error.status_code, brand="Mailbox", title=title, detail=error.detail)
    body = msgspec.json.encode({"status": error.status_code, "detail": error.detail})
    return Response(body, status_code=error.status_code, media_type=MediaType.JSON)


def _message(folder: MailFolder, id: str) -> Message:
    found = folder.get(id)
    if not found:
        raise NotFoundException("There is no mail with this id.")
    return found


def _revision(folder: MailFolder) -> str:
    ids = folder.ids()
    return f"{len(ids)}-{ids[0] if ids else ''}"
