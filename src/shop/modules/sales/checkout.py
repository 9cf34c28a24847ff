"""The saga's engine: whoever holds an order's lease advances it. The request, the webhook, the poller and a restart all come here."""

import asyncio
import logging
from datetime import datetime
from uuid import UUID

from shop.kit.database import Database
from shop.kit.problems import Unavailable
from shop.modules.sales.cart_steps import CartSteps
from shop.modules.sales.domain import DONE, Pause, backoff
from shop.modules.sales.payment_steps import PaymentSteps
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.saga import Step, Work
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import orders
from shop.ports.cart import Carts
from shop.ports.payments import Payments
from shop.settings import Checkout

log = logging.getLogger("shop.sales")
BATCH = 16
PATIENCE = 5.0  # seconds that a request waits for somebody else's lease
AFTER_A_BUG = Pause(60.0)


class Advance:
    """Advances orders: reads the stored state, makes the next step, and again, until there is nothing to do now."""

    def __init__(
        self,
        database: Database[SalesStore],
        carts: Carts,
        payments: Payments,
        refunds: Refunds,
        checkout: Checkout,
        *,
        patience: float = PATIENCE,
    ) -> None:
        """Speak to the neighbours through their ports; a request waits `patience` seconds for whoever is at its order."""
        self.database, self._patience = database, patience
        cart, payment = CartSteps(database, carts, checkout), PaymentSteps(database, payments, refunds)
        self._steps: dict[State, Step] = {
            State.NEW: cart.new,
            State.RESERVED: cart.reserved,
            State.PAYING: payment.paying,
            State.PAID: cart.paid,
            State.CANCELLING: payment.cancelling,
            State.RELEASING: cart.releasing,
            State.REFUNDING: payment.refunding,
            State.UNLOCKING: cart.unlocking,
        }

    async def advance(self, order_id: UUID, cart_token: str | None = None) -> bool:
        """Advance an order as far as it goes now; False when somebody else is at it. Raises Unavailable; then it is tried again later."""
        async with self.database.write() as store:
            lease = await store.lease(orders, order_id)
        if lease is None:
            return False
        await self.work(order_id, lease, cart_token)
        return True

    async def settle(self, order_id: UUID, cart_token: str | None = None) -> None:
        """Advance an order, waiting a little for whoever else is at it; raises Unavailable."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while not await self.advance(order_id, cart_token):
            if loop.time() > deadline:
                raise Unavailable("the order is being worked on")
            await asyncio.sleep(0.05)

    async def work(self, order_id: UUID, lease: UUID, cart_token: str | None = None) -> None:
        """Advance an order whose lease is held, then give the lease back; raises Unavailable."""
        while (work := await self._read(order_id, lease, cart_token)) is not None:
            failure: Exception | None = None
            try:
                pause = await self._steps[work.order.state](work) if work.order.state in self._steps else DONE
            except Unavailable as problem:
                pause, failure = backoff(work.order.tries), problem
            except Exception as bug:
                pause, failure = AFTER_A_BUG, bug
            if pause is not None and await self._let_go(work, pause) and failure is not None:
                raise failure

    async def _read(self, order_id: UUID, lease: UUID, cart_token: str | None) -> Work | None:
        async with self.database.read() as store:
            order = await store.leased(order_id, lease)
            return None if order is None else Work(order, lease, await store.now(), cart_token)

    async def _let_go(self, work: Work, pause: Pause) -> bool:
        async with self.database.write() as store:
            return await store.let_go(orders, work.order.id, work.lease, pause, orders.c.version == work.order.version)

    async def run(self) -> bool:
        """Advance the orders that are due, side by side; a job."""
        async with self.database.read() as store:
            if not await store.is_due(orders):
                return False
        async with self.database.write() as store:
            leases = await store.lease_due(orders, BATCH)
        await asyncio.gather(*(self._quietly(id, lease) for id, lease in leases.items()))
        return bool(leases)

    async def _quietly(self, order_id: UUID, lease: UUID) -> None:
        try:
            await self.work(order_id, lease)
        except Unavailable as problem:
            log.warning("order %s waits: %s", order_id, problem.detail)
        except Exception:
            log.exception("order %s could not be advanced", order_id)

    async def resume(self) -> datetime:
        """Look at every open payment at once: a restart may have missed what happened to it."""
        async with self.database.write() as store:
            await store.wake(orders.c.state.in_((State.PAYING, State.CANCELLING)))
            return await store.now()
