"""What staff do with the stock."""

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.problems import Invalid, NotFound
from shop.modules.products.commands import StockChange
from shop.modules.products.holding import MOST_ON_HAND, StockLevel, StockReport, StockReserved, StockTooLarge
from shop.modules.products.store import ProductsStore
from shop.modules.products.tables import audit_log


class Stock:
    """Counts pieces in and out. Archived variants too: their pieces are still in the warehouse."""

    def __init__(self, database: Database[ProductsStore]) -> None:
        """Keep the ledger in this database."""
        self._database = database

    async def change(self, sku: str, change: StockChange, by: str, once: Once) -> StockLevel:
        """Count pieces in or out with a row in the ledger; raises NotFound, StockReserved, StockTooLarge, Invalid."""
        if change.delta == 0:
            raise Invalid.field("delta", "must not be 0")
        id = uuid7()
        async with self._database.write() as store:
            if await once.first(store, id):
                if not await store.adjust(sku, change.delta):
                    raise _refusal(await self._level(store, sku), change.delta)
                await store.note([{"id": id, "sku": sku, "delta": change.delta, "reason": change.reason, "by": by}])
                level = await self._level(store, sku)
                before, after = {"on_hand": level.on_hand - change.delta}, {"on_hand": level.on_hand, "reason": change.reason}
                await record(store, audit_log, "stock.adjust", sku, before, after)
                return level
            return await self._level(store, sku)

    async def report(self, sku: str) -> StockReport:
        """Show how many pieces there are, who holds them and how they came and went; raises NotFound."""
        async with self._database.read() as store:
            level = await self._level(store, sku)
            reservations, movements = await store.reservations_of(sku), await store.movements_of(sku)
        return StockReport(level.sku, level.on_hand, level.reserved, level.available, reservations, movements)

    async def _level(self, store: ProductsStore, sku: str) -> StockLevel:
        level = await store.level(sku)
        if level is None:
            raise NotFound
        return level


def _refusal(level: StockLevel, delta: int) -> StockReserved | StockTooLarge:
    if level.on_hand + delta > MOST_ON_HAND:
        return StockTooLarge()
    return StockReserved(f"{level.on_hand} are on hand and {level.reserved} of them reserved", available=level.available)
