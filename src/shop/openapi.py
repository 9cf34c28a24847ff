"""The OpenAPI document of the whole API: built from the modules, recorded in the package, served from there by every process."""

import hashlib
import importlib
import json
import re
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter

import shop
from shop.kit.http.application import prepared
from shop.kit.http.document import document
from shop.kit.http.etag import etag_of, not_modified
from shop.kit.identity import OPERATIONS, public, service
from shop.settings import MODULES

RECORDED = Path(__file__).with_name("openapi.json")
PAGE = Path(__file__).with_name("schema.html")
CACHED = "public, max-age=300"
DESCRIPTION = """Ids are UUIDv7 strings, times RFC 3339 in UTC, money an integer in minor units with its ISO 4217 currency.
Lists are pages: `limit` and `cursor`, answered with `items` and `next_cursor`. Failures are RFC 9457 problem details.
A guest's cart and order are capabilities: whoever has their token may use them."""
INTERNAL = "What the modules hosted here offer to the others. Derived from the ports; never reachable from outside."
IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match")]


def build(modules: Sequence[str] = MODULES) -> bytes:
    """Describe the public routes of these modules; the same code always gives the same bytes."""
    handlers = [prepared(handler, name) for name in modules for handler in importlib.import_module(f"shop.modules.{name}.module").MODULE.routes]
    described = document(handlers, title="Shop", version=shop.__version__, description=DESCRIPTION)
    return json.dumps(described, indent=1, ensure_ascii=False).encode() + b"\n"


def check() -> list[str]:
    """Compare the recorded document with what the modules say now; gives a line per operation or schema that differs."""
    if not RECORDED.exists():
        return [f"{RECORDED.name} is not recorded"]
    old, new = json.loads(RECORDED.read_bytes()), json.loads(build())
    if old == new:
        return []
    lines = _differences(_operations(old), _operations(new)) + _differences(old["components"]["schemas"], new["components"]["schemas"])
    return lines or ["info, tags or security differ"]


def _operations(described: dict[str, dict[str, dict[str, object]]]) -> dict[str, object]:
    return {f"{method.upper()} {path}": operation for path, methods in described["paths"].items() for method, operation in methods.items()}


def _differences(old: dict[str, object], new: dict[str, object]) -> list[str]:
    says = {True: "changed", False: "was removed"}
    return [f"{name} {'is new' if name not in old else says[name in new]}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


@cache
def _file(path: Path) -> tuple[bytes, str]:
    content = path.read_bytes()
    return content, etag_of(hashlib.sha256(content).hexdigest())


@cache
def _page_policy() -> str:
    page = PAGE.read_text("utf-8")
    sources = {tag: re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("script", "style")}
    scripts, styles = (" ".join(map(_source, sources[tag])) for tag in ("script", "style"))
    return f"default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; img-src data:; frame-ancestors 'none'"


def _source(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@get("/schema/openapi.json", policy=public)
async def openapi_document(if_none_match: IfNoneMatch = None) -> Response[bytes]:
    """Give the recorded document."""
    content, etag = _file(RECORDED)
    headers = {"ETag": etag, "Cache-Control": CACHED}
    if not_modified(if_none_match, etag):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


@get("/schema", policy=public)
async def schema_page(if_none_match: IfNoneMatch = None) -> Response[bytes]:
    """Show the document; the page needs nothing from elsewhere."""
    content, etag = _file(PAGE)
    headers = {"ETag": etag, "Cache-Control": CACHED, "Content-Security-Policy": _page_policy()}
    if not_modified(if_none_match, etag):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="text/html")


def of_ports(handlers: Sequence[HTTPRouteHandler]) -> HTTPRouteHandler:
    """Give the route of the document about these internal routes; only other processes of the shop may read it."""

    @get("/internal/schema.json", policy=service, module=OPERATIONS)
    async def ports_document() -> dict[str, Any]:
        """Describe the internal routes of this process."""
        return document(handlers, title="Shop, between its modules", version=shop.__version__, description=INTERNAL)

    return ports_document


ROUTES: Sequence[HTTPRouteHandler] = (openapi_document, schema_page)
