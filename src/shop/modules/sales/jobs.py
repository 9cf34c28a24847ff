"""The background work of sales; every job may run in several workers at once."""

from collections.abc import Sequence
from datetime import timedelta

from dishka import AsyncContainer

from shop.kit.database import Database
from shop.kit.idempotency import IdempotencyKeys
from shop.kit.jobs import Job
from shop.kit.outbox import Relay, purge
from shop.modules.sales.checkout import Advance
from shop.modules.sales.reconcile import Reconciliation
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import outbox
from shop.ports.mail import Message

SWEEP_EVERY = timedelta(hours=1)
SWEEP_BACK = timedelta(hours=25)


class Poller:
    """Advances what is due; its first run after a start looks at every open payment at once."""

    def __init__(self, advance: Advance) -> None:
        """Start anew."""
        self._advance, self._resumed = advance, False

    async def run(self) -> bool:
        """Advance the orders that are due."""
        if not self._resumed:
            await self._advance.resume()
            self._resumed = True
        return await self._advance.run()


class Sweep:
    """Reconciles once an hour, in one worker, and cleans up behind it."""

    def __init__(self, database: Database[SalesStore], reconciliation: Reconciliation, keys: IdempotencyKeys) -> None:
        """Take turns through this database."""
        self.database, self._reconciliation, self._keys = database, reconciliation, keys

    async def run(self) -> bool:
        """Compare payments and orders, if it is this worker's turn; that it does not find more work, it knows."""
        async with self.database.write() as store:
            mine = await store.take_turn("reconcile", SWEEP_EVERY)
        if mine:
            await self._reconciliation.reconcile(SWEEP_BACK, repair=True)
        return False

    async def clean(self) -> bool:
        """Forget old events, idempotency keys and letters; gives whether there may be more letters."""
        async with self.database.write() as store:
            await store.purge_events()
        await self._keys.purge()
        async with self.database.write() as store:
            return await purge(store, outbox)


async def jobs(container: AsyncContainer) -> Sequence[Job]:
    """Give the jobs of sales."""
    database = await container.get(Database[SalesStore], component="sales")
    sweep = Sweep(database, await container.get(Reconciliation, component="sales"), await container.get(IdempotencyKeys, component="sales"))
    relay: Relay[Message] = await container.get(Relay[Message], component="sales")
    return (
        Job("sales: orders", 1.0, Poller(await container.get(Advance, component="sales")).run),
        Job("sales: refunds", 2.0, (await container.get(Refunds, component="sales")).run),
        Job("sales: mail", 1.0, relay.run),
        Job("sales: reconcile", 300.0, sweep.run),
        Job("sales: clean", 3600.0, sweep.clean),
    )
