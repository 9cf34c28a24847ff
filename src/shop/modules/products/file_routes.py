"""Staff take the catalogue in from a CSV file, and give it out."""

import tempfile
from collections.abc import AsyncGenerator
from typing import Annotated, Any

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Struct

from shop.kit.http.requests import StrictRequest
from shop.kit.identity import staff
from shop.modules.products.file_format import CatalogueFile
from shop.modules.products.file_plan import Outcome, Verdict
from shop.modules.products.files import CatalogueFiles

LARGEST_FILE = 8 * 1024 * 1024
IN_MEMORY = 256 * 1024
MOST_SHOWN = 1_000
CSV = "text/csv"

FromFiles = Annotated[CatalogueFiles, FromComponent("products")]


class ImportReport(Struct, frozen=True):
    """What became of the lines; `items` are those refused, in a dry run also those new or changed: the first thousand."""

    dry_run: bool
    lines: int
    new: int
    changed: int
    unchanged: int
    refused: int
    items: list[Outcome]


@post("/api/v1/catalogue/imports", status_code=200, policy=staff, raw=True, accepts=(CSV,), body_limit=LARGEST_FILE)
@inject
async def import_catalogue(
    request: StrictRequest,
    files: FromFiles,
    dry_run: Annotated[bool, QueryParameter(description="true shows what would change, and changes nothing")] = False,
) -> ImportReport:
    """Take products and variants in from a CSV file of at most 8 MiB, sent as the body; repeating it changes nothing more."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
        async for part in request.parts():
            file.write(part)
        counts = dict.fromkeys(Verdict, 0)
        items: list[Outcome] = []
        async for batch in files.take_in(CatalogueFile(file), dry_run=dry_run):
            for _, outcome in batch:
                counts[outcome.verdict] += 1
                if len(items) < MOST_SHOWN and (outcome.verdict is Verdict.REFUSED or (dry_run and outcome.verdict is not Verdict.UNCHANGED)):
                    items.append(outcome)
    shown = {str(verdict): count for verdict, count in counts.items()}
    return ImportReport(dry_run, sum(counts.values()), **shown, items=items)


@get("/api/v1/catalogue", policy=staff, gives=CSV)
@inject
async def export_catalogue(files: FromFiles) -> Response[Any]:
    """Give all that is sold as a CSV file; taking it in again changes nothing."""
    headers = {"Content-Disposition": 'attachment; filename="catalogue.csv"'}
    return Stream(_encoded(files.give_out()), media_type=CSV, headers=headers)


async def _encoded(parts: AsyncGenerator[str]) -> AsyncGenerator[bytes]:
    async for part in parts:
        yield part.encode()


FILE_ROUTES: list[HTTPRouteHandler] = [import_catalogue, export_catalogue]
