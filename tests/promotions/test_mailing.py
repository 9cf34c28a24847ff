"""Whoever agreed gets a promotion, once; nobody else does."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.promotions.office import FAST, Office

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.ids import uuid7
from shop.kit.outbox import enqueue
from shop.modules.users import mailing_store, tables
from shop.modules.users.domain import MARKETING
from shop.modules.users.mailing import SKIPPED_AT_ONCE, Mailing, Step
from shop.modules.users.promotion import Progress, PromotionNotSending, PromotionStatus
from shop.modules.users.store import UsersStore


async def test_everybody_who_agreed_gets_one_mail(office: Office) -> None:
    """Nobody who did not, and no staff; a second `send` and further steps change nothing."""
    emails = await office.readers(3)
    await office.reader("no@example.com", consents=False)
    await office.reader("staff@example.com", role="staff")
    id = await office.sending()
    await office.work()
    assert sorted(office.written_to) == emails
    assert await office.progress(id) == Progress(3, 3)
    assert await office.status(id) is PromotionStatus.SENT
    await office.promotions.send(id)
    await office.work()
    assert len(office.written_to) == 3


async def test_the_last_word_counts_at_the_moment_of_sending(office: Office) -> None:
    """Consent withdrawn, link clicked or account gone after the recipients were found: skipped; who agreed again gets it."""
    taken_back, clicked, erased, again = [await office.reader(f"{name}@example.com") for name in ("back", "clicked", "erased", "again")]
    await office.says(again, False)
    await office.says(again, True)
    id = await office.sending()
    await office.mailing().step()
    assert (await office.progress(id)).recipients == 4
    await office.says(taken_back, False)
    await office.unsubscribing.unsubscribe((await office.links.unsubscribe(clicked)).rpartition("/")[2])
    async with office.database.write() as store:
        await store.change(tables.users.delete().where(tables.users.c.id == erased))
    await office.work()
    assert office.written_to == ["again@example.com"]
    assert await office.progress(id) == Progress(4, 1, 0, 3)


async def test_an_audience_is_a_language_with_its_countries(small_office: Office) -> None:
    """`es` has `es-MX` in it, but not the other way round."""
    for locale in ("en", "es", "es-MX"):
        await small_office.reader(f"{locale}@example.com", locale=locale)
    await small_office.sending(locale="es")
    await small_office.work()
    assert sorted(small_office.written_to) == ["es-MX@example.com", "es@example.com"]
    await small_office.sending(locale="es-MX")
    await small_office.work()
    assert small_office.written_to[2:] == ["es-MX@example.com"]


async def test_many_at_once_write_to_nobody_twice(office: Office) -> None:
    """Four processes share the queue and one row each at a time."""
    emails = await office.readers(40)
    id = await office.sending()
    await asyncio.gather(*(office.work(office.mailing(other=True)) for _ in range(4)))
    assert Counter(office.written_to) == Counter(emails)
    assert await office.progress(id) == Progress(40, 40)
    assert await office.status(id) is PromotionStatus.SENT


async def test_a_paused_promotion_waits_for_its_resumption(office: Office) -> None:
    """Not one more mail after the pause; another promotion goes on meanwhile."""
    await office.readers(3)
    id = await office.sending()
    mailing = office.mailing()
    await mailing.step()
    await mailing.step()
    await office.promotions.pause(id)
    await office.work(mailing)
    assert (len(office.written_to), await office.status(id)) == (1, PromotionStatus.PAUSED)
    await office.promotions.send(id)
    await office.work(mailing)
    assert (len(office.written_to), await office.status(id)) == (1, PromotionStatus.PAUSED)
    other = await office.sending()
    await office.work(mailing)
    assert await office.progress(other) == Progress(3, 3)
    for _ in range(2):
        await office.promotions.resume(id)
    await office.work(mailing)
    assert await office.progress(id) == Progress(3, 3)
    with pytest.raises(PromotionNotSending):
        await office.promotions.pause(id)


class Interrupted(Database[UsersStore]):
    """Lets something happen after each look at the tables."""

    async def happens(self) -> None:
        """Nothing, until a test says what."""

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[UsersStore]:
        """Look, then let it happen."""
        async with super().read() as store:
            yield store
        await self.happens()


async def test_a_pause_between_the_look_and_the_mail_counts(office: Office) -> None:
    """What was being sent when it was looked at, and is paused when it is taken, is not sent."""
    await office.readers(1)
    id = await office.sending()
    database = Interrupted(office.url, "users", UsersStore, office.clock)
    mailing = Mailing(database, office.letters, office.deliver, FAST)
    await mailing.step()

    async def pause() -> None:
        await office.promotions.pause(id)

    database.happens = pause  # type: ignore[method-assign]
    await mailing.step()
    await database.dispose()
    assert (office.written_to, await office.status(id), await office.progress(id)) == ([], PromotionStatus.PAUSED, Progress(1))


class StillClock(Clock):
    """Stands still between two advances."""

    def now(self) -> datetime:
        """Give the same moment again and again."""
        return datetime(2026, 11, 1, 12, tzinfo=UTC) + self.offset


async def test_the_rate_is_one_for_all_processes(sqlite_url: str) -> None:
    """After a rest a second's mails go at once; then one each half second, whoever sends it."""
    office = Office(sqlite_url, StillClock())
    await office.readers(10)
    await office.sending()
    mailings = [office.mailing(rate=2, other=True) for _ in range(2)]
    sent = []
    for milliseconds in (0, 0, 400, 100, 500, 5000, 0, 499, 1):
        office.clock.advance(timedelta(milliseconds=milliseconds))
        for mailing in mailings * 4:
            await mailing.step()
        sent.append(len(office.written_to))
    assert sent == [2, 2, 2, 3, 4, 6, 6, 6, 7]
    assert await mailings[0].step() == Step(worked=False, wait=0.5)
    await office.close()


async def test_a_mail_that_somebody_waits_for_goes_first(office: Office) -> None:
    """No promotion is sent while a letter is due, unless nobody has delivered it for ten seconds."""
    await office.readers(1)
    id = await office.sending()
    mailing = office.mailing()
    await mailing.step()
    async with office.database.write() as store:
        await enqueue(store, tables.outbox, subject_id=id, kind="verification", recipient="ben@example.com", locale="en", data=Progress())
    for _ in range(3):
        assert (await mailing.step()).wait > 0
    assert office.written_to == []
    office.clock.advance(mailing_store.FRESH * 1.1)
    await mailing.step()
    assert office.written_to == ["reader0@example.com"]


async def test_recipients_are_found_in_batches(small_office: Office) -> None:
    """However many there are, a step holds one batch of them."""
    await many(small_office, mailing_store.BATCH * 2 + 1)
    id = await small_office.sending()
    mailing = small_office.mailing()
    found = []
    for _ in range(3):
        await mailing.step()
        found.append((await small_office.progress(id)).recipients)
    assert found == [mailing_store.BATCH, mailing_store.BATCH * 2, mailing_store.BATCH * 2 + 1]
    assert small_office.written_to == []


async def test_a_long_row_of_skipped_ones_is_no_long_transaction(small_office: Office) -> None:
    """After a hundred of them others have their turn."""
    users = await many(small_office, SKIPPED_AT_ONCE + 1)
    id = await small_office.sending()
    mailing = small_office.mailing()
    await mailing.step()
    async with small_office.database.write() as store:
        await store.change(tables.consents.update().where(tables.consents.c.user_id.in_(users)).values(granted=False))
    assert (await mailing.step()).worked
    assert (await small_office.progress(id)).skipped == SKIPPED_AT_ONCE
    await small_office.work(mailing)
    assert await small_office.progress(id) == Progress(SKIPPED_AT_ONCE + 1, 0, 0, SKIPPED_AT_ONCE + 1)


async def test_a_promotion_without_readers_is_sent_at_once(office: Office) -> None:
    """To nobody."""
    id = await office.sending()
    await office.work()
    assert (await office.status(id), await office.progress(id)) == (PromotionStatus.SENT, Progress())


async def many(office: Office, number: int) -> list[UUID]:
    """Make so many readers quickly, and give their ids."""
    ids = [uuid7() for _ in range(number)]
    async with office.database.write() as store:
        now = await store.now()
        about = {"password_hash": None, "name": "", "locale": "en", "roles": ["customer"], "created_at": now, "version": 1}
        yes = {"purpose": MARKETING, "granted": True, "wording": "x", "source": "registration", "at": now}
        await store.change(tables.users.insert(), [{"id": id, "email": f"{id}@example.com", "email_key": f"{id}@example.com", **about} for id in ids])
        await store.change(tables.consents.insert(), [{"user_id": id, **yes} for id in ids])
    return ids
