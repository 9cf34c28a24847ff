"""Cancelling an order, on behalf of its owner or of staff. The money decides a race: who paid in time has bought."""

import logging
from uuid import UUID

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.identity import Caller
from shop.kit.problems import Unavailable
from shop.modules.sales.cart_steps import closing
from shop.modules.sales.checkout import Advance
from shop.modules.sales.domain import Order
from shop.modules.sales.problems import OrderConfirmed, OrderNotFound, OrderShipped
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.states import State, Status
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import audit_log

log = logging.getLogger("shop.sales")
FIRST = {State.NEW: State.RELEASING, State.RESERVED: State.RELEASING, State.PAYING: State.CANCELLING}
PAID = frozenset({State.PAID, State.CONFIRMED})


class Cancelling:
    """Cancels orders."""

    def __init__(self, database: Database[SalesStore], advance: Advance, refunds: Refunds) -> None:
        """Advance what was cancelled at once."""
        self.database, self._advance, self.refunds = database, advance, refunds

    async def cancel(self, order: Order, caller: Caller) -> None:
        """Cancel an order that the caller may see; cancelling again changes nothing. Raises OrderConfirmed, OrderShipped."""
        if order.state is State.CONFIRMED and caller.is_staff:
            return await self._withdraw(order.id)
        if order.status == Status.REFUNDED:
            return None
        if order.state is State.REVIEW:
            await self._end_review(order, caller)
        else:
            await self._request(order.id)
        await self._now(order.id)
        if (await self._current(order.id)).state in PAID:
            raise OrderConfirmed
        return None

    async def _request(self, order_id: UUID) -> None:
        moved = False
        while not moved:
            async with self.database.write() as store:
                order = await store.order(order_id)
                to = FIRST.get(order.state) if order else None
                moved = order is None or to is None or await store.move(order, to, event="cancel_requested")
                if order is not None and to is not None and moved:
                    await _note(store, order)

    async def _now(self, order_id: UUID) -> None:
        try:
            await self._advance.settle(order_id)
        except Unavailable as problem:
            log.warning("the cancellation of order %s goes on later: %s", order_id, problem.detail)

    async def _withdraw(self, order_id: UUID) -> None:
        async with self.database.write() as store:
            order = await store.order(order_id, lock=True)
            if order is None:
                raise OrderNotFound
            if order.withdrawn:
                return
            if any(line.shipped for line in await store.lines(order_id)):
                raise OrderShipped
            refund_id = await self.refunds.withdraw(store, order)
            await _note(store, order)
        await self.refunds.try_now(refund_id)

    async def _end_review(self, order: Order, caller: Caller) -> None:
        if not caller.is_staff:
            raise OrderConfirmed("The order is under review.")
        async with self.database.write() as store:
            if order.left == 0:
                unknown = {"payment_id": None, "client_secret": None}  # found again under its key, or by the order
                moved = await store.move(order, State.CANCELLING, event="cancel_requested", **unknown)
            else:
                moved = await store.move(order, State.REFUNDING, event="cancel_requested", refunded=order.captured)
                if moved:
                    await store.add_refund(closing(order, await store.now(), "requested_by_customer"), [], queued=False)
            if moved:
                await _note(store, order)

    async def _current(self, order_id: UUID) -> Order:
        async with self.database.read() as store:
            order = await store.order(order_id)
        if order is None:
            raise OrderNotFound
        return order


async def _note(store: SalesStore, order: Order) -> None:
    """Note that staff cancel an order; what an owner does is the order's own history."""
    now = await store.order(order.id)
    await record(store, audit_log, "order.cancel", order.id, {"status": order.status}, {"status": now.status if now else None})
