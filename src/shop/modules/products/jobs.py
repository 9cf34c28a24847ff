"""Background work of products."""

from collections.abc import Sequence

from dishka import AsyncContainer

from shop.kit.database import Database
from shop.kit.idempotency import IdempotencyKeys
from shop.kit.jobs import Job
from shop.modules.products.offered import OfferedProducts
from shop.modules.products.store import ProductsStore

EXPIRE, PURGE = 30.0, 3600.0  # seconds


async def jobs(container: AsyncContainer) -> Sequence[Job]:
    """Release what is held too long, and forget old reservations and idempotency keys; safe with several workers."""
    database = await container.get(Database[ProductsStore], component="products")
    keys = await container.get(IdempotencyKeys, component="products")
    return [
        Job("products: expire reservations", EXPIRE, OfferedProducts(database).expire),
        Job("products: purge reservations", PURGE, OfferedProducts(database).forget),
        Job("products: purge idempotency keys", PURGE, keys.purge),
    ]
