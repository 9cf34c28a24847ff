"""Many workers, slow servers and crashes: a letter arrives at least once, and twice only where nobody could know."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from tests.outbox.office import HOUR, Office

from shop.kit import outbox
from shop.ports.mail import Delivery, Message, Outcome


async def test_two_relays_send_no_letter_twice(office: Office) -> None:
    """Two workers with their own connections share the work."""
    for number in range(30):
        await office.owes(f"{number}@example.com")
    relays = [office.relay(worker=office.opened()) for _ in range(2)]
    while any(await asyncio.gather(*(relay.run() for relay in relays))):
        pass
    assert Counter(mail.recipient for mail in office.mail.inbox) == {f"{number}@example.com": 1 for number in range(30)}


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
