"""What every end of a delivery means for a promotion: nobody is written to twice, and nobody loses a mail by a fault of ours."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.promotions.office import FAST, MINUTE, Office

from shop.modules.users import tables
from shop.modules.users.domain import User
from shop.modules.users.mailing import LEASE, LONGEST_DELIVERY, TRIES, Mailing
from shop.modules.users.promotion import Content, Progress, PromotionStatus
from shop.modules.users.promotion_letters import PromotionLetters
from shop.ports.mail import Delivery, Message, Outcome


async def test_a_sender_that_died_leaves_one_unknown_mail_which_is_never_sent_again(office: Office) -> None:
    """The mail was taken before it was handed over; after its lease it counts as unknown, and the others get theirs."""
    await office.readers(3)
    id = await office.sending()

    async def dies(_: Message) -> Delivery:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await office.work(office.mailing(dies))
    await office.work()
    assert len(office.written_to) == 2
    assert await office.status(id) is PromotionStatus.SENDING
    office.clock.advance(LEASE)
    await office.work()
    assert len(office.written_to) == 2
    assert await office.progress(id) == Progress(3, 2, 1, 0, 1)
    assert await office.status(id) is PromotionStatus.SENT


async def test_an_unknown_outcome_is_not_tried_again(office: Office) -> None:
    """It may have arrived, and an offer that somebody missed costs less than one they got twice."""
    office.mail.unknown_arrives = True
    office.mail.fail_next(Outcome.UNKNOWN)
    await office.readers(2)
    id = await office.sending()
    await office.work()
    office.clock.advance(LEASE)
    await office.work()
    assert Counter(office.written_to) == {"reader0@example.com": 1, "reader1@example.com": 1}
    assert await office.progress(id) == Progress(2, 1, 1, 0, 1)


async def test_a_delivery_that_hangs_or_breaks_is_unknown(office: Office) -> None:
    """Within the lease, so that nobody else takes the mail up."""
    await office.readers(2)
    id = await office.sending()

    async def hangs(_: Message) -> Delivery:
        await asyncio.Event().wait()
        raise AssertionError("nobody ends this")

    async def breaks(_: Message) -> Delivery:
        raise ValueError("a bug")

    assert LONGEST_DELIVERY < LEASE
    hanging = Mailing(office.database, office.letters, hangs, FAST, longest=timedelta(milliseconds=10))
    async with asyncio.timeout(10):
        for mailing in (hanging, hanging, office.mailing(breaks)):
            await mailing.step()
    await office.work()
    assert office.written_to == []
    assert await office.progress(id) == Progress(2, 0, 2, 0, 2)


async def test_a_mail_that_cannot_be_written_is_tried_again(office: Office) -> None:
    """It never left, so that a repaired template still reaches everybody."""

    class Broken(PromotionLetters):
        async def compose(self, mail_id: UUID, content: Content, coupon: str | None, reader: User) -> Message:
            raise ValueError("a template is broken")

    await office.readers(1)
    id = await office.sending()
    broken = Mailing(office.database, Broken("shop@example.com", ("en",), office.links), office.deliver, FAST, spread=lambda: 0.0)
    await office.work(broken)
    assert await office.progress(id) == Progress(1)
    office.clock.advance(MINUTE)
    await office.work()
    assert await office.progress(id) == Progress(1, 1)


async def test_who_is_gone_is_never_written_to_again(office: Office) -> None:
    """A refused recipient is skipped by the next promotion, in whatever case it is written; a refused content silences nobody."""
    office.mail.refused = {"Gone@example.com": Outcome.PERMANENT, "fussy@example.com": Outcome.PERMANENT}
    office.mail.disliked = {"fussy@example.com"}
    await office.reader("Gone@example.com")
    await office.reader("fussy@example.com")
    first = await office.sending()
    await office.work()
    assert await office.progress(first) == Progress(2, 0, 2)
    office.mail.refused = {}
    second = await office.sending()
    await office.work()
    assert office.written_to == ["fussy@example.com"]
    assert await office.progress(second) == Progress(2, 1, 0, 1)
    stored = await office.rows(sa.select(tables.suppressions))
    assert [len(row.address) for row in stored] == [32]
    assert b"gone" not in stored[0].address


async def test_what_failed_for_now_is_tried_again_under_the_same_message_id(office: Office) -> None:
    """After a minute, then two; after ten tries it is given up."""
    office.mail.fail_next(Outcome.TRANSIENT, 2)
    await office.readers(1)
    id = await office.sending()
    for minutes in (0, 1, 2):
        office.clock.advance(minutes * MINUTE)
        await office.work()
    assert await office.progress(id) == Progress(1, 1)
    assert list(office.mail.tries.values()) == [3]
    office.mail.fail_next(Outcome.TRANSIENT, TRIES)
    id = await office.sending()
    for _ in range(TRIES):
        assert await office.status(id) is PromotionStatus.SENDING
        await office.work()
        office.clock.advance(1440 * MINUTE)
    assert await office.progress(id) == Progress(1, 0, 1)
    assert sorted(office.mail.tries.values()) == [3, TRIES]


async def test_a_fault_of_our_own_stops_all_of_them_for_a_minute(office: Office) -> None:
    """A wrong password must not cost anybody their mail, nor be tried a thousand times."""
    office.mail.fail_next(Outcome.CONFIGURATION, 20)
    await office.readers(30)
    id = await office.sending()
    mailing = office.mailing()
    assert (await mailing.step()).worked
    assert (await mailing.step()).trouble == "535 authentication failed"
    await office.work(mailing)
    assert sum(office.mail.tries.values()) == 1
    for _ in range(19):
        office.clock.advance(MINUTE)
        await office.work(mailing)
    assert sum(office.mail.tries.values()) == 20
    office.clock.advance(MINUTE)
    await office.work(mailing)
    assert await office.progress(id) == Progress(30, 30)
