"""What staff do with promotions."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.http.moments import instant
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.letters import Written
from shop.kit.outbox import enqueue
from shop.kit.paging import decode_cursor, page
from shop.kit.problems import Unauthenticated
from shop.modules.users import tables
from shop.modules.users.promotion import (
    NewPromotion,
    Progress,
    Promotion,
    PromotionChanges,
    PromotionNotDraft,
    PromotionNotFound,
    PromotionNotSending,
    PromotionStatus,
)
from shop.modules.users.promotion_letters import TEST, PromotionLetters, TrialMail
from shop.modules.users.store import UsersStore

Shown = tuple[Promotion, Progress]


class Promotions:
    """Writes promotions, tries them out, and lets them go; who gets them and when is the work of Mailing."""

    def __init__(self, database: Database[UsersStore], letters: PromotionLetters, locales: Sequence[str]) -> None:
        """`locales` are the shop's; the first one is shown where none is asked for."""
        self._database, self._letters, self._locales = database, letters, locales

    async def create(self, new: NewPromotion, once: Once) -> Shown:
        """Write a draft."""
        id = uuid7()
        async with self._database.write() as store:
            if await once.first(store, id):
                await store.add_promotion(id, msgspec.structs.asdict(new))
                promotion = await _found(store, id)
                await record(store, tables.audit_log, "promotion.create", id, None, promotion.facts)
            return await _shown(store, once.subject or id)

    async def change(self, id: UUID, changes: PromotionChanges) -> Shown:
        """Change a draft; raises PromotionNotFound, PromotionNotDraft."""
        async with self._database.write() as store:
            before = await _found(store, id, lock=True)
            if before.status is not PromotionStatus.DRAFT:
                raise PromotionNotDraft
            if changes.values:
                await store.change_promotion(id, **changes.values)
            await record(store, tables.audit_log, "promotion.update", id, before.facts, (await _found(store, id)).facts)
            return await _shown(store, id)

    async def show(self, id: UUID) -> Shown:
        """Give a promotion and how far it got; raises PromotionNotFound."""
        async with self._database.read() as store:
            return await _shown(store, id)

    async def listed(self, limit: int, cursor: str | None) -> tuple[list[Shown], str | None]:
        """Give a page of promotions, newest first; raises Invalid."""
        after = _place(cursor)
        async with self._database.read() as store:
            found: list[Promotion]
            found, next_cursor = page(await store.promotions(limit, after), limit, lambda promotion: (promotion.created_at, promotion.id))
            progress = await store.progress([promotion.id for promotion in found])
        return [(promotion, progress[promotion.id]) for promotion in found], next_cursor

    async def preview(self, id: UUID, locale: str | None, reader: UUID) -> Written:
        """Write a promotion as a reader of this locale will see it; raises PromotionNotFound."""
        promotion, _ = await self.show(id)
        locale = locale or self._locales[0]
        return await self._letters.written(promotion.content(locale), promotion.coupon, locale, reader)

    async def send_test(self, id: UUID, locale: str | None, reader: UUID) -> None:
        """Owe the one who asks the promotion's mail, and nobody else; raises PromotionNotFound."""
        async with self._database.write() as store:
            promotion, user = await _found(store, id), await store.user(reader)
            if user is None:
                raise Unauthenticated
            locale = locale or user.locale
            test = TrialMail(user.id, user.name, promotion.content(locale), promotion.coupon)
            await enqueue(store, tables.outbox, subject_id=uuid7(), kind=TEST, recipient=user.email, locale=locale, data=test)
            await record(store, tables.audit_log, "promotion.test", id, None, {"locale": locale})

    async def send(self, id: UUID) -> Shown:
        """Let a draft go; what is on its way, paused or sent stays as it is. Raises PromotionNotFound."""
        async with self._database.write() as store:
            promotion = await _found(store, id, lock=True)
            if promotion.status is PromotionStatus.DRAFT:
                await _move(store, promotion, PromotionStatus.SENDING, "promotion.send", started_at=await store.now())
            return await _shown(store, id)

    async def pause(self, id: UUID) -> Shown:
        """Stop before the next mail; raises PromotionNotFound, PromotionNotSending."""
        return await self._moved(id, PromotionStatus.SENDING, PromotionStatus.PAUSED, "promotion.pause")

    async def resume(self, id: UUID) -> Shown:
        """Go on; raises PromotionNotFound, PromotionNotSending."""
        return await self._moved(id, PromotionStatus.PAUSED, PromotionStatus.SENDING, "promotion.resume")

    async def _moved(self, id: UUID, before: PromotionStatus, after: PromotionStatus, action: str) -> Shown:
        async with self._database.write() as store:
            promotion = await _found(store, id, lock=True)
            if promotion.status not in (before, after):
                raise PromotionNotSending
            if promotion.status is before:
                await _move(store, promotion, after, action)
            return await _shown(store, id)


async def _move(store: UsersStore, promotion: Promotion, status: PromotionStatus, action: str, **values: datetime) -> None:
    await store.change_promotion(promotion.id, status=status, **values)
    await record(store, tables.audit_log, action, promotion.id, {"status": promotion.status}, {"status": status})


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    place = decode_cursor(cursor, tuple[datetime, UUID])
    at = instant("cursor", place[0]) if place else None
    return (at, place[1]) if place and at else None


async def _found(store: UsersStore, id: UUID, *, lock: bool = False) -> Promotion:
    promotion = await store.promotion(id, lock=lock)
    if promotion is None:
        raise PromotionNotFound
    return promotion


async def _shown(store: UsersStore, id: UUID) -> Shown:
    return await _found(store, id), (await store.progress([id]))[id]
