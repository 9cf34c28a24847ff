"""Queries about what users holds about somebody, and about those who asked to be forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Moment, Store
from shop.kit.erasing import Receipt
from shop.kit.idempotency import forget
from shop.modules.users import tables
from shop.modules.users.domain import User

CLAIM = timedelta(seconds=60)  # longer than sales takes to answer or to fall silent
OWNED = (tables.addresses, tables.consents, tables.sessions, tables.links)


class Erasure(Struct, frozen=True):
    """Somebody who asked to be forgotten; `tries` counts the rounds since."""

    user_id: UUID
    requested_at: datetime
    tries: int


class ErasureStore(Store):
    """The durable requests to be forgotten, each with the receipts of all modules."""

    async def records_of(self, user: User) -> dict[str, list[dict[str, Any]]]:
        """Give everything that is kept beside the account itself, by kind, the oldest first; no token and no digest of one."""
        consents, sessions, outbox, mails = tables.consents.c, tables.sessions.c, tables.outbox.c, tables.promotion_mails.c
        said = (consents.purpose, consents.granted, consents.wording, consents.source, consents.at)
        letters = (outbox.kind, outbox.created_at, outbox.status, outbox.sent_at)
        kinds = {
            "consents": sa.select(*said).where(consents.user_id == user.id).order_by(consents.number),
            "sessions": sa.select(sessions.created_at, sessions.expires_at).where(sessions.user_id == user.id).order_by(sessions.id),
            "mails": sa.select(*letters).where(outbox.recipient == user.email).order_by(outbox.created_at),
            "promotions": sa.select(mails.promotion_id, mails.status).where(mails.user_id == user.id).order_by(mails.id),
        }
        return {kind: [row._asdict() for row in await self.rows(query)] for kind, query in kinds.items()}

    async def erase_user(self, user: User) -> dict[str, int]:
        """Delete an account with all that belongs to it, mails that are owed to it too; gives how many of each kind."""
        counts: dict[str, int] = {}
        for table in OWNED:
            counts[table.name] = await self.change(table.delete().where(table.c.user_id == user.id))
        counts["mails"] = await self.change(tables.outbox.delete().where(tables.outbox.c.recipient == user.email))
        counts["kept_answers"] = await forget(self, tables.idempotency_keys, user.id)
        counts["account"] = await self.change(tables.users.delete().where(tables.users.c.id == user.id))
        return counts

    async def add_erasure(self, user_id: UUID, receipt: Receipt) -> None:
        """Write down that somebody is to be forgotten everywhere; the first round is due now."""
        due = {"requested_at": receipt.at, "next_attempt_at": receipt.at, "tries": 0, "receipts": [receipt]}
        await self.change(tables.erasures.insert().values(user_id=user_id, **due))

    async def is_erased(self, user_id: UUID) -> bool:
        """Tell whether somebody asked to be forgotten."""
        return await self.scalar(sa.select(tables.erasures.c.user_id).where(tables.erasures.c.user_id == user_id)) is not None

    async def is_erasure_due(self) -> bool:
        """Tell whether any round is due."""
        return await self.scalar(sa.select(sa.exists().where(tables.erasures.c.next_attempt_at <= await self.now()))) is True

    async def unfinished_erasures(self) -> tuple[int, datetime | None]:
        """Give how many requests are not finished, and when the oldest of them was made."""
        columns = sa.func.count(), sa.func.min(tables.erasures.c.requested_at, type_=Moment)
        [(number, oldest)] = await self.rows(sa.select(*columns).where(tables.erasures.c.finished_at.is_(None)))
        return number, oldest

    async def claim_erasures(self, limit: int, user_id: UUID | None = None) -> Sequence[Erasure]:
        """Take rounds that are due, so that nobody else does for a while; whoever dies with one leaves it to be taken again."""
        table, now = tables.erasures, await self.now()
        due = [table.c.next_attempt_at <= now, *([table.c.user_id == user_id] if user_id else [])]
        query = sa.select(table.c.user_id, table.c.requested_at, table.c.tries).where(*due).order_by(table.c.next_attempt_at).limit(limit)
        claimed = [Erasure(*row) for row in await self.rows(query.with_for_update(skip_locked=True))]
        mine = table.c.user_id.in_([erasure.user_id for erasure in claimed])
        await self.change(table.update().where(mine).values(next_attempt_at=now + CLAIM, tries=table.c.tries + 1))
        return claimed

    async def settle_erasure(self, user_id: UUID, receipts: Sequence[Receipt], again: timedelta | None) -> None:
        """Note what a round came to and when the next one is due; none is when everything is erased."""
        table, now = tables.erasures, await self.now()
        mine = table.c.user_id == user_id
        if receipts:
            [known] = await self.rows(sa.select(table.c.receipts).where(mine).with_for_update())
            own = [receipt for receipt in known.receipts if receipt["module"] == "users"]
            await self.change(table.update().where(mine).values(receipts=[*own, *receipts]))
        ends = {"finished_at": now, "next_attempt_at": None} if again is None else {"next_attempt_at": now + again}
        await self.change(table.update().where(mine).values(**ends))
