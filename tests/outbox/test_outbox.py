"""Every fact's mail goes out: at least once, and twice only where nobody could know."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from msgspec import Struct
from tests.fakes.mail import FakeMail

from shop.kit import outbox
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.outbox import Backlog, Letter, Relay, backlog, backoff, enqueue, outbox_table
from shop.ports.mail import Delivery, Message, Outcome

METADATA = sa.MetaData()
TABLE = outbox_table(METADATA)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Fact(Struct):
    """What a letter is about."""

    number: str


async def compose(letter: Letter) -> Message:
    """Write a letter's mail."""
    return Message(f"{letter.id}@example.com", letter.recipient, letter.data["number"], letter.kind, letter.locale)


class Office:
    """An outbox, its mail server and its clock."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Open the outbox in this database."""
        self.url, self.clock, self.mail = url, clock, FakeMail()
        self.databases: list[Database[Store]] = []
        self.database = self.opened()

    def opened(self) -> Database[Store]:
        """Open the database as another worker does."""
        self.databases.append(Database(self.url, "outbox", Store, self.clock))
        return self.databases[-1]

    async def deliver(self, message: Message) -> Delivery:
        """Send a mail."""
        return await self.mail.send(message=message)

    def relay(self, send: Callable[[Message], Awaitable[Delivery]] | None = None, *, worker: Database[Store] | None = None) -> Relay[Message]:
        """Give a relay without jitter."""
        return Relay(worker or self.database, TABLE, compose, send or self.deliver, spread=lambda: 0.0)

    async def owes(self, recipient: str = "ana@example.com", subject: UUID | None = None, kind: str = "confirmed") -> UUID:
        """Owe a letter and give its subject."""
        subject = subject or uuid4()
        async with self.database.write() as store:
            await enqueue(store, TABLE, subject_id=subject, kind=kind, recipient=recipient, locale="en", data=Fact("A-1"))
        return subject

    async def row(self, subject: UUID) -> Any:
        """Give the row of a subject's only letter."""
        async with self.database.read() as store:
            return await store.row(sa.select(TABLE).where(TABLE.c.subject_id == subject))

    async def backlog(self) -> Backlog:
        """Give what is owed."""
        async with self.database.read() as store:
            return await backlog(store, TABLE)


@pytest.fixture
async def office(database_url: str, clock: Clock) -> AsyncIterator[Office]:
    """Give an empty outbox."""
    opened = Office(database_url, clock)
    async with opened.database.writer.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    yield opened
    for database in opened.databases:
        await database.dispose()


async def test_a_letter_goes_out_once(office: Office) -> None:
    """With all that was known when it was owed; afterwards there is nothing left to do."""
    subject = await office.owes()
    assert await office.relay().run()
    (mail,) = office.mail.inbox
    assert (mail.recipient, mail.subject, mail.text, mail.html) == ("ana@example.com", "A-1", "confirmed", "en")
    assert not await office.relay().run()
    row = await office.row(subject)
    assert (row.status, row.attempts, row.unknown, row.lease_until) == ("sent", 1, 0, None)
    assert len(office.mail.inbox) == 1


async def test_a_letter_shares_the_fate_of_its_fact(office: Office) -> None:
    """What was rolled back is not written about."""
    with pytest.raises(ZeroDivisionError):
        async with office.database.write() as store:
            await enqueue(store, TABLE, subject_id=uuid4(), kind="confirmed", recipient="a@b.co", locale="en", data=Fact("A-1"))
            raise ZeroDivisionError
    assert not await office.relay().run()


async def test_a_fact_is_written_about_once(office: Office) -> None:
    """However often it is told; another kind of letter is another letter."""
    subject = await office.owes()
    for kind in ("confirmed", "confirmed", "shipped"):
        await office.owes(subject=subject, kind=kind)
    await office.relay().run()
    assert Counter(mail.text for mail in office.mail.inbox) == {"confirmed": 1, "shipped": 1}


async def test_two_relays_send_no_letter_twice(office: Office) -> None:
    """Two workers with their own connections share the work."""
    for number in range(30):
        await office.owes(f"{number}@example.com")
    relays = [office.relay(worker=office.opened()) for _ in range(2)]
    while any(await asyncio.gather(*(relay.run() for relay in relays))):
        pass
    assert Counter(mail.recipient for mail in office.mail.inbox) == {f"{number}@example.com": 1 for number in range(30)}


async def test_a_transient_failure_is_tried_again_after_a_longer_wait_each_time(office: Office) -> None:
    """One minute, two, four; not a moment earlier."""
    subject, relay = await office.owes(), office.relay()
    office.mail.fail_next(Outcome.TRANSIENT, times=3)
    await relay.run()
    for minutes in (1, 2, 4):
        office.clock.advance(minutes * MINUTE - timedelta(seconds=2))
        assert not await relay.run()
        office.clock.advance(timedelta(seconds=2))
        assert await relay.run()
    row = await office.row(subject)
    assert (row.status, row.attempts, row.unknown) == ("sent", 4, 0)


def test_waits_grow_to_a_day_and_spread() -> None:
    """From one minute to 24 hours, up to a quarter longer so that not all come at once, never beyond."""
    assert [backoff(attempt, 0.0) for attempt in (1, 2, 11, 12, 10_000)] == [MINUTE, 2 * MINUTE, 1024 * MINUTE, 24 * HOUR, 24 * HOUR]
    assert backoff(1, 1.0) == 1.25 * MINUTE
    assert backoff(12, 1.0) == 24 * HOUR


@pytest.mark.parametrize("outcome", [Outcome.TRANSIENT, Outcome.UNKNOWN])
async def test_after_three_days_a_letter_is_given_up(office: Office, outcome: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The last try is made at the end of the third day; then it is dead, and the log says so without naming the person."""
    subject, relay = await office.owes(), office.relay()
    office.mail.fail_next(outcome, times=1000)
    started = office.clock.now()
    while (await office.row(subject)).status == "pending":
        await relay.run()
        office.clock.advance((await office.row(subject)).next_attempt_at - office.clock.now() + timedelta(seconds=1))
    lived = office.clock.now() - started
    assert timedelta(hours=72) <= lived < timedelta(hours=73)
    row = await office.row(subject)
    assert (row.status, row.unknown) == ("dead", row.attempts if outcome is Outcome.UNKNOWN else 0)
    assert "given up" in caplog.text
    assert "ana" not in caplog.text
    office.clock.advance(timedelta(days=9))
    assert not await relay.run()


async def test_the_days_when_nobody_tried_do_not_count(office: Office) -> None:
    """After a week's outage of the shop itself a letter still has its three days."""
    subject, relay = await office.owes(), office.relay()
    office.clock.advance(timedelta(days=7))
    office.mail.fail_next(Outcome.TRANSIENT)
    await relay.run()
    assert (await office.row(subject)).status == "pending"


async def test_an_address_that_is_refused_for_good_is_not_tried_again(office: Office) -> None:
    """It is dead at once."""
    subject, relay = await office.owes(), office.relay()
    office.mail.fail_next(Outcome.PERMANENT)
    await relay.run()
    row = await office.row(subject)
    assert (row.status, row.answer) == ("dead", "550 no such mailbox")
    office.clock.advance(timedelta(days=1))
    assert not await relay.run()


async def test_a_wrong_configuration_costs_no_letter_its_life(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Five days with a wrong password: told once, tried every quarter of an hour, and when it is right the letter still has its three days."""
    subject, relay = await office.owes(), office.relay()
    office.mail.fail_next(Outcome.CONFIGURATION, times=10_000)
    for _ in range(12):
        await relay.run()
        office.clock.advance(timedelta(minutes=16))
    office.clock.advance(timedelta(days=5))
    await relay.run()
    row = await office.row(subject)
    assert (row.status, row.attempts) == ("pending", 13)
    assert timedelta() < row.next_attempt_at - office.clock.now() <= timedelta(minutes=15)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [error.getMessage() for error in errors] == ["no mail can be sent until the configuration is right: 535 authentication failed"]
    office.mail.next_outcomes = [Outcome.TRANSIENT]
    office.clock.advance(timedelta(minutes=16))
    await relay.run()
    row = await office.row(subject)
    assert (row.status, row.expires_at - office.clock.now() > timedelta(hours=71)) == ("pending", True)
    office.clock.advance(timedelta(hours=25))
    await relay.run()
    assert (await office.row(subject)).status == "sent"


async def test_an_unknown_outcome_is_tried_again_under_the_same_message_id(office: Office) -> None:
    """It may have arrived: the reader's mail program can tell that both are one, and no more than 1 + unknown arrive."""
    subject, relay = await office.owes(), office.relay()
    office.mail.unknown_arrives = True
    office.mail.fail_next(Outcome.UNKNOWN, times=2)
    for _ in range(5):
        await relay.run()
        office.clock.advance(HOUR)
    row = await office.row(subject)
    assert (row.status, row.unknown) == ("sent", 2)
    assert len(office.mail.inbox) == 3 == 1 + row.unknown
    assert {mail.message_id for mail in office.mail.inbox} == {f"{row.id}@example.com"}


async def test_a_crash_between_sending_and_recording_is_an_unknown_outcome(office: Office) -> None:
    """The lease runs out, another worker sends the letter again, and the first try is counted as one that may have arrived."""
    subject, arrived = await office.owes(), asyncio.Event()

    async def send_and_die(message: Message) -> Delivery:
        await office.deliver(message)
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    dying = asyncio.create_task(office.relay(send_and_die).run())
    await asyncio.wait_for(arrived.wait(), 5)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    survivor = office.relay(worker=office.opened())
    assert not await survivor.run()
    office.clock.advance(timedelta(seconds=61))
    assert await survivor.run()
    row = await office.row(subject)
    assert (row.status, row.attempts, row.unknown) == ("sent", 2, 1)
    assert len(office.mail.inbox) == 2


async def test_a_slow_delivery_keeps_its_lease(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may take ten minutes for its last word; meanwhile nobody else takes the letter."""
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.3))
    subject, arrived, goes_on = await office.owes(), asyncio.Event(), asyncio.Event()

    async def slow(message: Message) -> Delivery:
        arrived.set()
        await goes_on.wait()
        return await office.deliver(message)

    sending = asyncio.create_task(office.relay(slow).run())
    await asyncio.wait_for(arrived.wait(), 5)
    other = office.relay(worker=office.opened())
    leases: set[Any] = set()
    async with asyncio.timeout(10):
        while len(leases) < 5:  # four renewals, more than a lease's length
            assert not await other.run()
            leases.add((await office.row(subject)).lease_until)
            await asyncio.sleep(0.02)
    goes_on.set()
    await sending
    assert (await office.row(subject)).status == "sent"
    assert len(office.mail.inbox) == 1


class Sleepy:
    """A worker that sleeps through its lease in the middle of a delivery."""

    def __init__(self, office: Office, outcome: Outcome) -> None:
        """Its delivery ends like this as soon as `goes_on` is set."""
        self.office, self.outcome = office, outcome
        self.arrived, self.goes_on = asyncio.Event(), asyncio.Event()

    async def send(self, message: Message) -> Delivery:
        """Sleep, then send."""
        self.arrived.set()
        await self.goes_on.wait()
        if self.outcome is Outcome.ACCEPTED:
            await self.office.deliver(message)
        return Delivery(self.outcome, "")

    async def asleep(self) -> asyncio.Task[bool]:
        """Begin the delivery of the next letter and lose its lease."""
        running = asyncio.create_task(self.office.relay(self.send).run())
        await asyncio.wait_for(self.arrived.wait(), 5)
        self.office.clock.advance(timedelta(seconds=61))
        return running


async def test_what_was_accepted_is_sent_though_the_lease_was_lost(office: Office) -> None:
    """A worker that slept through its lease still tells the truth, and the failure of the other one changes nothing."""
    subject, sleepy = await office.owes(), Sleepy(office, Outcome.ACCEPTED)
    running = await sleepy.asleep()

    async def fails(_message: Message) -> Delivery:
        sleepy.goes_on.set()
        await running
        return Delivery(Outcome.PERMANENT, "550 no")

    await office.relay(fails, worker=office.opened()).run()
    row = await office.row(subject)
    assert (row.status, row.unknown, row.answer) == ("sent", 1, "")


async def test_a_failure_told_after_the_lease_was_lost_takes_nobody_elses_lease(office: Office) -> None:
    """The letter is the other worker's by now."""
    subject, sleepy = await office.owes(), Sleepy(office, Outcome.PERMANENT)
    running = await sleepy.asleep()

    async def meanwhile(message: Message) -> Delivery:
        sleepy.goes_on.set()
        await running
        row = await office.row(subject)
        assert (row.status, row.attempts) == ("pending", 2)
        assert row.lease_until > office.clock.now()
        return await office.deliver(message)

    await office.relay(meanwhile, worker=office.opened()).run()
    assert (await office.row(subject)).status == "sent"


async def test_one_letter_that_waits_holds_up_no_other(office: Office) -> None:
    """Neither a full mailbox, nor one that cannot be written, nor a delivery that breaks in our own code."""
    office.mail.refused = {"full@example.com": Outcome.TRANSIENT}
    await office.owes("full@example.com")
    for recipient in ("unwritten@example.com", "broken@example.com", "ana@example.com"):
        await office.owes(recipient)

    async def compose_some(letter: Letter) -> Message:
        if letter.recipient.startswith("unwritten"):
            raise ZeroDivisionError
        return await compose(letter)

    async def send_some(message: Message) -> Delivery:
        if message.recipient.startswith("broken"):
            raise ZeroDivisionError
        return await office.deliver(message)

    await Relay(office.database, TABLE, compose_some, send_some).run()
    assert [mail.recipient for mail in office.mail.inbox] == ["ana@example.com"]
    office.mail.refused = {}
    office.clock.advance(2 * MINUTE)
    await office.relay().run()
    assert len(office.mail.inbox) == 4
    async with office.database.read() as store:
        unknown = await store.rows(sa.select(TABLE.c.recipient, TABLE.c.unknown))
    assert {recipient: count for recipient, count in map(tuple, unknown) if count} == {"broken@example.com": 1}


async def test_what_is_owed_is_counted(office: Office) -> None:
    """How many, since when, and how many were given up."""
    assert await office.backlog() == Backlog(0, 0.0, 0)
    office.mail.refused = {"gone@example.com": Outcome.PERMANENT, "full@example.com": Outcome.TRANSIENT}
    for recipient in ("gone@example.com", "full@example.com", "ana@example.com"):
        await office.owes(recipient)
    await office.relay().run()
    office.clock.advance(30 * MINUTE)
    await office.owes("full@example.com")
    owed = await office.backlog()
    assert (owed.pending, owed.dead) == (2, 1)
    assert 1800 <= owed.oldest < 1810
