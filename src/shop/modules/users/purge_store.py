"""What is over is forgotten."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.modules.users import tables
from shop.modules.users.session_store import SessionStore
from shop.modules.users.throttling import WINDOW

BATCH = 500
LETTERS_KEPT = timedelta(days=30)


class PurgeStore(SessionStore):
    """Deletes rows that nobody will ask for again."""

    async def purge(self, now: datetime) -> bool:
        """Forget a batch of each kind; gives whether there may be more. Rows that somebody holds wait until next time."""
        sessions, tokens, links, throttles, outbox = (
            tables.sessions.c, tables.refresh_tokens.c, tables.links.c, tables.throttles.c, tables.outbox.c
        )  # fmt: skip
        promotions, mails = tables.promotions.c, tables.promotion_mails.c
        over = (
            (tokens.hash, tokens.expires_at <= now),
            (sessions.id, sessions.expires_at <= now),
            (links.id, links.expires_at <= now),
            (throttles.key, throttles.changed_at <= now - WINDOW),
            (mails.id, mails.promotion_id.in_(sa.select(promotions.id).where(promotions.finished_at <= now - LETTERS_KEPT))),
            (outbox.id, (outbox.status != "pending") & (outbox.created_at <= now - LETTERS_KEPT)),
        )
        deleted = [await self._purge(key, condition) for key, condition in over]
        return max(deleted) == BATCH

    async def _purge(self, key: "sa.Column[object]", condition: sa.ColumnElement[bool]) -> int:
        found = sa.select(key).where(condition).limit(BATCH).with_for_update(skip_locked=True)
        return await self.change(key.table.delete().where(key.in_(found)))
