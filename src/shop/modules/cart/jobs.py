"""The background work of cart; every job may run in several workers at once."""

from collections.abc import Sequence
from datetime import timedelta

from dishka import AsyncContainer

from shop.kit.database import Database
from shop.kit.jobs import Job
from shop.modules.cart.checkouts import Checkouts
from shop.modules.cart.store import CartStore

ABANDONED_AFTER = timedelta(days=30)
TOMBSTONES_KEPT = timedelta(days=30)  # no checkout lives longer than the 24 hours of the hard limit
BATCH = 500


class Cleaning:
    """Forgets what nobody needs any more, a batch at a time."""

    def __init__(self, database: Database[CartStore]) -> None:
        """Clean up this database."""
        self.database = database

    async def abandoned_carts(self) -> bool:
        """Delete open carts that nobody has changed for 30 days."""
        async with self.database.write() as store:
            return await store.delete_abandoned(ABANDONED_AFTER, BATCH) > 0

    async def tombstones(self) -> bool:
        """Delete checkouts that ended without a sale 30 days ago."""
        async with self.database.write() as store:
            return await store.delete_tombstones(TOMBSTONES_KEPT, BATCH) > 0

    async def old_keys(self) -> bool:
        """Delete idempotency keys that are no longer kept."""
        async with self.database.write() as store:
            return await store.delete_old_keys(BATCH) > 0


async def jobs(container: AsyncContainer) -> Sequence[Job]:
    """Give the jobs of cart."""
    cleaning = Cleaning(await container.get(Database[CartStore], component="cart"))
    checkouts = await container.get(Checkouts, component="cart")
    return (
        Job("cart-overdue-checkouts", 60.0, checkouts.release_overdue),
        Job("cart-abandoned-carts", 3600.0, cleaning.abandoned_carts),
        Job("cart-tombstones", 3600.0, cleaning.tombstones),
        Job("cart-old-keys", 3600.0, cleaning.old_keys),
    )
