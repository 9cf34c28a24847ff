"""What the payment provider tells: stored once, and taken as a reason to look at the payment itself. So their order does not matter."""

import logging
from uuid import UUID

from msgspec import Struct

from shop.kit.database import Database
from shop.kit.problems import Unavailable
from shop.modules.sales.checkout import Advance
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import orders
from shop.ports.payments import WebhookEvent, WebhookVerifier

log = logging.getLogger("shop.sales")
OPEN = (State.PAYING, State.CANCELLING)


class News(Struct, frozen=True):
    """The orders and refunds that an event is a reason to look at; both are woken already, so that nothing is lost if nobody looks now."""

    orders: tuple[UUID, ...] = ()
    refunds: tuple[UUID, ...] = ()


class Webhooks:
    """The inbox for the provider's events."""

    def __init__(self, database: Database[SalesStore], verifier: WebhookVerifier, advance: Advance, refunds: Refunds) -> None:
        """Believe what this verifier lets pass."""
        self.database, self._verifier, self._advance, self._refunds = database, verifier, advance, refunds

    async def receive(self, payload: bytes, signature: str) -> News:
        """Store an event and wake what it is about, in one transaction; one that was stored before is no news. Raises Invalid."""
        event = self._verifier.verify(payload, signature)
        async with self.database.write() as store:
            if not await store.add_event(event):
                return News()
            return await _woken(store, event)

    async def look(self, news: News) -> None:
        """Look at what was woken, after the event was answered."""
        for order_id in news.orders:
            try:
                await self._advance.advance(order_id)
            except Unavailable as problem:
                log.warning("order %s waits: %s", order_id, problem.detail)
        for refund_id in news.refunds:
            await self._refunds.try_now(refund_id)


async def _woken(store: SalesStore, event: WebhookEvent) -> News:
    if event.payment_id is None:
        return News()
    waiting = await store.wake(orders.c.payment_id == event.payment_id, orders.c.state.in_(OPEN))
    refunds = await store.wake_refunds(event.payment_id) if "refund" in event.type else []
    return News(tuple(waiting), tuple(refunds))
