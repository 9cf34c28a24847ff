"""Sends promotions: one mail after the other, each taken before it is handed over, so that nobody is written to twice.

A mail is `waiting`, `sending` (taken, under a lease), and then `sent`, `failed`, `skipped` or `unknown`. One whose outcome is unknown, because the
connection broke at the last moment or the sender died, is never sent again: an offer that somebody missed costs less than one they got twice.
Any number of processes may work at once; the rate is one for all of them.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import Struct

from shop.kit.database import Database
from shop.kit.outbox import ANSWER_LENGTH, backoff
from shop.modules.users.domain import User
from shop.modules.users.mailing_store import MAILS, Due
from shop.modules.users.promotion import Promotion, PromotionStatus
from shop.modules.users.promotion_letters import PromotionLetters
from shop.modules.users.store import UsersStore
from shop.ports.mail import Delivery, Message, Outcome

LONGEST_DELIVERY = timedelta(minutes=2)
LEASE = timedelta(minutes=3)
TRIES = 10  # over 17 hours, so that nobody misses a promotion because the mail server was away
TROUBLE = timedelta(minutes=1)
NAP, LONGEST_NAP = 0.2, 1.0
SKIPPED_AT_ONCE = 100
log = logging.getLogger("shop.promotions")


class Step(Struct, frozen=True):
    """What one step did: whether there was work, how many seconds to wait before the next one, and what keeps all mails from being sent."""

    worked: bool
    wait: float = 0.0
    trouble: str | None = None


class Taken(Struct, frozen=True):
    """A mail that is ours to send."""

    due: Due
    promotion: Promotion
    reader: User


class Mailing:
    """The queue of promotions."""

    def __init__(
        self,
        database: Database[UsersStore],
        letters: PromotionLetters,
        send: Callable[[Message], Awaitable[Delivery]],
        rate: int,
        *,
        longest: timedelta = LONGEST_DELIVERY,
        spread: Callable[[], float] = random.random,
    ) -> None:
        """Send at most `rate` mails a second, together with whoever else works on this database; `longest` is less than the lease."""
        self._database, self._letters, self._send, self._rate = database, letters, send, rate
        self._longest, self._spread = longest, spread

    async def run(self) -> bool:
        """Take one step and rest as long as it says; gives whether there may be more to do at once."""
        step = await self.step()
        if step.wait:
            await asyncio.sleep(min(step.wait, LONGEST_NAP))
        return step.worked or step.wait > 0

    async def step(self, only: UUID | None = None) -> Step:
        """Find a batch of recipients, or send one mail; of one promotion alone, if one is named."""
        async with self._database.read() as store:
            running = await store.running(await store.now(), only)
        if not running:
            return Step(worked=False)
        if not all(running.values()):
            async with self._database.write() as store:
                if await store.gather(list(running)):
                    return Step(worked=True)
        taken = await self._take(list(running))
        if not isinstance(taken, Taken):
            return taken
        delivery = await self._deliver(taken)
        await self._record(taken, delivery)
        return Step(worked=True, trouble=delivery.answer if delivery.outcome is Outcome.CONFIGURATION else None)

    async def _take(self, running: list[UUID]) -> Taken | Step:
        async with self._database.write() as store:
            now = await store.now()
            next_at = await store.pace(now)
            if next_at > now:
                return Step(worked=False, wait=(next_at - now).total_seconds())
            if await store.owes_letters(now):
                return Step(worked=False, wait=NAP)
            for id in running:
                found = await _first(store, id, now)
                if isinstance(found, Taken):
                    await store.change_mail(found.due.id, status="sending", attempts=found.due.attempts, lease_until=now + LEASE)
                    await store.take_turn(next_at, now, self._rate)
                    return found
                if found == SKIPPED_AT_ONCE:
                    return Step(worked=True)
                await _finish(store, id, now)
        return Step(worked=False)

    async def _deliver(self, taken: Taken) -> Delivery:
        try:
            content = taken.promotion.content(taken.reader.locale)
            message = await self._letters.compose(taken.due.id, content, taken.promotion.coupon, taken.reader)
        except Exception:
            log.exception("mail %s of promotion %s could not be composed", taken.due.id, taken.promotion.id)
            return Delivery(Outcome.TRANSIENT, "could not be composed")
        try:
            async with asyncio.timeout(self._longest.total_seconds()):
                return await self._send(message)
        except TimeoutError:
            return Delivery(Outcome.UNKNOWN, "the mail server did not answer in time")
        except Exception:
            log.exception("mail %s of promotion %s: the delivery failed", taken.due.id, taken.promotion.id)
            return Delivery(Outcome.UNKNOWN, "the delivery failed")

    async def _record(self, taken: Taken, delivery: Delivery) -> None:
        async with self._database.write() as store:
            now = await store.now()
            settled = {"lease_until": None, "answer": delivery.answer[:ANSWER_LENGTH]}
            if delivery.outcome is Outcome.ACCEPTED:  # a fact, also when somebody has given the mail up by now
                await store.change_mail(taken.due.id, status="sent", **settled)
                return
            mine = (MAILS.c.status == "sending", MAILS.c.attempts == taken.due.attempts)
            await store.change_mail(taken.due.id, *mine, **settled, **self._consequence(taken, delivery.outcome, now))
            if delivery.gone:
                await store.suppress(taken.reader.email, delivery.answer)
            if delivery.outcome is Outcome.CONFIGURATION:
                log.error("no promotion can be sent until the configuration is right: %s", delivery.answer)
                await store.hold(now + TROUBLE)

    def _consequence(self, taken: Taken, outcome: Outcome, now: datetime) -> dict[str, object]:
        if outcome is Outcome.UNKNOWN:
            return {"status": "unknown"}
        if outcome is Outcome.CONFIGURATION:
            return {"status": "waiting", "attempts": taken.due.attempts - 1}
        if outcome is Outcome.PERMANENT or taken.due.attempts >= TRIES:
            return {"status": "failed"}
        return {"status": "waiting", "next_attempt_at": now + backoff(taken.due.attempts, self._spread())}


async def _first(store: UsersStore, id: UUID, now: datetime) -> Taken | int:
    """Find the next mail of a promotion whose reader still wants it; if there is none, give how many were skipped, at most so many at once."""
    promotion = await store.promotion(id)
    skipped = 0
    while promotion and promotion.status is PromotionStatus.SENDING and skipped < SKIPPED_AT_ONCE and (due := await store.next_due(id, now)):
        reader = await store.willing_reader(due.user_id)
        if reader is not None:
            return Taken(msgspec.structs.replace(due, attempts=due.attempts + 1), promotion, reader)
        await store.change_mail(due.id, status="skipped")
        skipped += 1
    return skipped


async def _finish(store: UsersStore, id: UUID, now: datetime) -> None:
    await store.settle_abandoned(id, now)
    if await store.is_over(id):
        progress = (await store.progress([id]))[id]
        await store.change_promotion(id, status="sent", finished_at=now, result=progress)
        log.info("promotion %s is sent: %s", id, progress)
