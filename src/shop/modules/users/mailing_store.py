"""Queries about who gets a promotion next: found in batches, taken one by one, settled once."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Moment, Store
from shop.kit.identity import Role
from shop.kit.ids import uuid7
from shop.kit.outbox import ANSWER_LENGTH
from shop.kit.values import normal_email
from shop.modules.users import tables
from shop.modules.users.domain import MARKETING, User

BATCH = 500
BURST = timedelta(seconds=1)  # so long a queue that stood still may make up for
FRESH = timedelta(seconds=10)
MAILS, PROMOTIONS = tables.promotion_mails, tables.promotions


class Due(Struct, frozen=True):
    """A mail that is owed to a user of a promotion."""

    id: UUID
    promotion_id: UUID
    user_id: UUID
    attempts: int


class MailingStore(Store):
    """The tables of what is sent to many."""

    async def running(self, now: datetime, only: UUID | None = None) -> dict[UUID, bool]:
        """Name the promotions that may be sent now, the one that began first before the others, and whether all recipients were found."""
        table = PROMOTIONS.c
        ready = (table.status == "sending") & (table.not_before.is_(None) | (table.not_before <= now))
        if only is not None:
            ready &= table.id == only
        return {row.id: row.is_gathered for row in await self.rows(sa.select(table.id, table.is_gathered).where(ready).order_by(table.started_at))}

    async def gather(self, among: Sequence[UUID]) -> bool:
        """Find the next batch of recipients of one of these that has not found all; False when there is none, or somebody else is at it."""
        table = PROMOTIONS.c
        open_ = sa.select(table.id, table.audience, table.last_user).where(table.status == "sending", ~table.is_gathered, table.id.in_(among))
        row = await self.row(open_.order_by(table.started_at).limit(1).with_for_update(skip_locked=True))
        if row is None:
            return False
        looked_at = await self._readers(row.audience["locale"], row.last_user)
        agreed = await self._agreed([user.id for user in looked_at if Role.CUSTOMER in user.roles])
        if agreed:
            now = await self.now()
            owed = {"promotion_id": row.id, "status": "waiting", "attempts": 0, "next_attempt_at": now}
            await self.change(self.insert_once(MAILS), [{"id": uuid7(), "user_id": id, **owed} for id in agreed])
        last = looked_at[-1].id if looked_at else row.last_user
        await self.change(PROMOTIONS.update().where(table.id == row.id).values(last_user=last, is_gathered=len(looked_at) < BATCH))
        return True

    async def _readers(self, locale: str | None, after: UUID | None) -> Sequence[sa.Row[Any]]:
        users = tables.users.c
        statement = sa.select(users.id, users.roles).order_by(users.id).limit(BATCH)
        if after is not None:
            statement = statement.where(users.id > after)
        if locale is not None:
            statement = statement.where((users.locale == locale) | users.locale.startswith(f"{locale}-"))
        return await self.rows(statement)

    async def _agreed(self, user_ids: Sequence[UUID]) -> list[UUID]:
        """Give those of them whose last word about marketing was yes."""
        said = tables.consents.c
        last = sa.select(sa.func.max(said.number)).where(said.user_id.in_(user_ids), said.purpose == MARKETING).group_by(said.user_id)
        rows = await self.rows(sa.select(said.user_id).where(said.number.in_(last), said.granted).order_by(said.user_id))
        return [row.user_id for row in rows]

    async def pace(self, now: datetime) -> datetime:
        """Give when the next mail may go, and let nobody else take one until the transaction ends."""
        pace = tables.promotion_pace
        found: datetime | None = await self.scalar(sa.select(pace.c.next_at).with_for_update())
        if found is None:
            await self.change(self.insert_once(pace).values(id=1, next_at=now - BURST))
            found = await self.scalar(sa.select(pace.c.next_at).with_for_update())
        assert found is not None, "it was there or is now"
        return found

    async def take_turn(self, next_at: datetime, now: datetime, rate: int) -> None:
        """Take one mail out of a bucket that holds a second's mails."""
        interval = timedelta(seconds=1) / rate
        await self.change(tables.promotion_pace.update().values(next_at=max(next_at + interval, now - BURST + 2 * interval)))

    async def owes_letters(self, now: datetime) -> bool:
        """Tell whether somebody waits for a mail about their account; not for what nobody has delivered for a while."""
        letter = tables.outbox.c
        urgent = (letter.status == "pending") & letter.next_attempt_at.between(now - FRESH, now)
        return bool(await self.scalar(sa.select(sa.exists().where(urgent))))

    async def next_due(self, promotion_id: UUID, now: datetime) -> Due | None:
        """Find the next mail of a promotion, and keep it from others until the transaction ends."""
        row = MAILS.c
        waiting = (row.promotion_id == promotion_id) & (row.status == "waiting") & (row.next_attempt_at <= now)
        fields = (row[name] for name in Due.__struct_fields__)
        found = await self.row(sa.select(*fields).where(waiting).order_by(row.next_attempt_at).limit(1).with_for_update(skip_locked=True))
        return Due(*found) if found else None

    async def willing_reader(self, user_id: UUID) -> User | None:
        """Find a customer who wants marketing mail at this moment and can be reached; None when that is no longer so."""
        users, said = tables.users.c, tables.consents.c
        last = sa.select(said.granted).where(said.user_id == users.id, said.purpose == MARKETING).order_by(said.number.desc()).limit(1)
        fields = (users[name] for name in User.__struct_fields__)
        row = await self.row(sa.select(*fields, last.scalar_subquery()).where(users.id == user_id))
        if row is None or not row[-1]:
            return None
        user = User(*row[:-1])
        known = sa.select(tables.suppressions.c.at).where(tables.suppressions.c.address == _digest(user.email))
        return user if user.is_customer and await self.scalar(known) is None else None

    async def suppress(self, email: str, answer: str) -> None:
        """Write to an address no more, until it is known to work again."""
        values = {"address": _digest(email), "at": await self.now(), "answer": answer[:ANSWER_LENGTH]}
        await self.change(self.insert_once(tables.suppressions).values(values))

    async def reached(self, email: str, link_id: UUID) -> None:
        """Let an address be written to again whose reader used this link, if the mail with it was written after the address was given up."""
        suppressed, letter = tables.suppressions, tables.outbox.c
        mailed = sa.select(letter.created_at).where(letter.subject_id == link_id).scalar_subquery()  # none: the link came another way
        await self.change(suppressed.delete().where(suppressed.c.address == _digest(email), suppressed.c.at < mailed))

    async def change_mail(self, id: UUID, *conditions: sa.ColumnElement[bool], **values: Any) -> bool:
        """Change a mail's columns if it is still as the conditions say; gives whether it was."""
        return bool(await self.change(MAILS.update().where(MAILS.c.id == id, *conditions).values(**values)))

    async def settle_abandoned(self, promotion_id: UUID, now: datetime) -> None:
        """Note of the mails whose senders died that nobody knows whether they arrived."""
        row = MAILS.c
        died = (row.promotion_id == promotion_id) & (row.status == "sending") & (row.lease_until <= now)
        await self.change(MAILS.update().where(died).values(status="unknown", lease_until=None, answer="whoever sent it died"))

    async def is_over(self, promotion_id: UUID) -> bool:
        """Tell whether every recipient of a promotion that is being sent was found and settled."""
        gathered = await self.scalar(sa.select(PROMOTIONS.c.is_gathered).where(PROMOTIONS.c.id == promotion_id, PROMOTIONS.c.status == "sending"))
        row = MAILS.c
        left = sa.exists().where(row.promotion_id == promotion_id, row.status.in_(("waiting", "sending")))
        return bool(gathered) and not await self.scalar(sa.select(left))

    async def hold(self, until: datetime) -> None:
        """Let no promotion be sent before a moment."""
        await self.change(PROMOTIONS.update().where(PROMOTIONS.c.status == "sending").values(not_before=sa.literal(until, Moment)))


def _digest(email: str) -> bytes:
    return hashlib.sha256(normal_email(email).encode()).digest()
