"""Every fact's mail goes out, whatever the mail server says."""

import logging
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from tests.outbox.office import HOUR, MINUTE, TABLE, Fact, Office, compose

from shop.kit.outbox import Backlog, Letter, Relay, backoff, enqueue
from shop.ports.mail import Delivery, Message, Outcome


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
