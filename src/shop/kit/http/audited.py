"""The route on which a module's audit log is read."""

from typing import Annotated

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from shop.kit.audit import AuditEntry, AuditLog, Sought
from shop.kit.http.moments import Instant, instant
from shop.kit.identity import staff
from shop.kit.paging import Cursor, Limit, Page

Word = Annotated[str | None, QueryParameter(max_length=255, description="the whole of it")]


def audit_route(module: str) -> HTTPRouteHandler:
    """Make the route for a module, which has an `audit_log` table."""

    @get(f"/api/v1/audit/{module}", policy=staff)
    @inject
    async def read_audit_log(
        log: Annotated[AuditLog, FromComponent(module)],
        action: Word = None,
        target: Word = None,
        by: Word = None,
        since: Instant = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[AuditEntry]:
        """Show what staff did here, the newest first."""
        return await log.entries(Sought(action, target, by, instant("since", since)), limit, cursor)

    return read_audit_log
