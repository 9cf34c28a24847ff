"""Queries about promotions, and how far they got."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from shop.kit.database import Store
from shop.modules.users import tables
from shop.modules.users.promotion import Progress, Promotion

COLUMNS = tuple(tables.promotions.c[name] for name in Promotion.__struct_fields__)
Cursor = tuple[datetime, UUID]


class PromotionStore(Store):
    """The table of promotions."""

    async def promotion(self, id: UUID, *, lock: bool = False) -> Promotion | None:
        """Find a promotion; `lock` keeps others from changing it until the transaction ends."""
        statement = sa.select(*COLUMNS).where(tables.promotions.c.id == id)
        row = await self.row(statement.with_for_update() if lock else statement)
        return _promotion(row) if row else None

    async def add_promotion(self, id: UUID, values: dict[str, Any]) -> None:
        """Add a draft."""
        row = {"id": id, "status": "draft", "created_at": await self.now(), "is_gathered": False, **values}
        await self.change(tables.promotions.insert().values(row))

    async def change_promotion(self, id: UUID, **values: Any) -> None:
        """Change a promotion's columns."""
        await self.change(tables.promotions.update().where(tables.promotions.c.id == id).values(**values))

    async def promotions(self, limit: int, cursor: Cursor | None) -> list[Promotion]:
        """Give promotions, newest first, after a cursor, one more than the limit."""
        table = tables.promotions.c
        statement = sa.select(*COLUMNS).order_by(table.created_at.desc(), table.id.desc()).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(sa.tuple_(table.created_at, table.id) < sa.tuple_(sa.literal(cursor[0], table.created_at.type), cursor[1]))
        return [_promotion(row) for row in await self.rows(statement)]

    async def progress(self, ids: Sequence[UUID]) -> dict[UUID, Progress]:
        """Say how far these got: those that are over as they noted it, the others as counted now."""
        table = tables.promotions.c
        noted = {row.id: row.result for row in await self.rows(sa.select(table.id, table.result).where(table.id.in_(ids)))}
        running = [id for id, result in noted.items() if result is None]
        counted = await self._counted(running) if running else {}
        return counted | {id: msgspec.convert(result, Progress) for id, result in noted.items() if result is not None}

    async def _counted(self, ids: Sequence[UUID]) -> dict[UUID, Progress]:
        mails = tables.promotion_mails.c
        statement = sa.select(mails.promotion_id, mails.status, sa.func.count()).where(mails.promotion_id.in_(ids))
        counts: dict[UUID, dict[str, int]] = {id: {} for id in ids}
        for id, status, number in await self.rows(statement.group_by(mails.promotion_id, mails.status)):
            counts[id][status] = number
        return {id: _progress(found) for id, found in counts.items()}


def _progress(found: dict[str, int]) -> Progress:
    sent, failed, skipped, unknown = (found.get(status, 0) for status in ("sent", "failed", "skipped", "unknown"))
    return Progress(sum(found.values()), sent, failed + unknown, skipped, unknown)


def _promotion(row: sa.Row[Any]) -> Promotion:
    return msgspec.convert(dict(zip(Promotion.__struct_fields__, row, strict=True)), Promotion)
