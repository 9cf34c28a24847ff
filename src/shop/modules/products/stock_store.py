"""Queries of the stock as staff see it, and the ledger."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from shop.kit.database import Store
from shop.modules.products.holding import MOST_ON_HAND, Movement, OpenReservation, ReservationStatus, StockLevel
from shop.modules.products.tables import movements, reservation_lines, reservations, stock

MOST_SHOWN = 1_000
HELD: sa.ColumnElement[str] = sa.literal_column(f"'{ReservationStatus.HELD}'")  # written out, so that the partial index serves


class StockStore(Store):
    """Reads and writes stock and its movements."""

    async def level(self, sku: str) -> StockLevel | None:
        """Give how many pieces of a SKU there are."""
        row = await self.row(sa.select(stock).where(stock.c.sku == sku))
        return None if row is None else StockLevel(row.sku, row.on_hand, row.reserved, row.on_hand - row.reserved)

    async def adjust(self, sku: str, delta: int) -> bool:
        """Count pieces in or out; False when fewer than are reserved would remain, or more than can be counted."""
        after = stock.c.on_hand + delta
        possible = (stock.c.sku == sku) & (after >= stock.c.reserved) & (after <= MOST_ON_HAND)
        return await self.change(stock.update().where(possible).values(on_hand=after)) == 1

    async def note(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows of `id, sku, delta, reason, by` to the ledger; an id that is there already fails the transaction."""
        now = await self.now()
        await self.change(movements.insert().values([{**row, "at": now} for row in rows]))

    async def movements_of(self, sku: str) -> list[Movement]:
        """Give the newest rows of the ledger, the newest first."""
        c = movements.c
        query = sa.select(c.at, c.delta, c.reason, c.by).where(c.sku == sku).order_by(c.number.desc()).limit(MOST_SHOWN)
        return [Movement(*row) for row in await self.rows(query)]

    async def reservations_of(self, sku: str) -> list[OpenReservation]:
        """Give who holds pieces of a SKU, the first to expire first."""
        held = (reservations.c.status == HELD) & (reservation_lines.c.sku == sku)
        query = sa.select(reservations.c.id, reservation_lines.c.quantity, reservations.c.expires_at)
        query = query.join_from(reservations, reservation_lines).where(held).order_by(reservations.c.expires_at).limit(MOST_SHOWN)
        return [OpenReservation(*row) for row in await self.rows(query)]

    async def take(self, quantities: dict[str, int]) -> bool:
        """Reserve pieces; False when there are not enough of one SKU. The rows are locked already."""
        return await self._shift(quantities, on_hand=0, reserved=+1)

    async def give_back(self, quantities: dict[str, int]) -> None:
        """Reserve so many fewer."""
        await self._must_shift(quantities, on_hand=0, reserved=-1)

    async def take_out(self, quantities: dict[str, int]) -> None:
        """Let reserved pieces leave the warehouse."""
        await self._must_shift(quantities, on_hand=-1, reserved=-1)

    async def put_in(self, quantities: dict[str, int]) -> None:
        """Let pieces come back into the warehouse."""
        await self._must_shift(quantities, on_hand=+1, reserved=0)

    async def _must_shift(self, quantities: dict[str, int], *, on_hand: int, reserved: int) -> None:
        query = sa.select(stock.c.sku).where(stock.c.sku.in_(list(quantities)))
        await self.rows(query.order_by(stock.c.sku).with_for_update())  # in the order of SKUs, so that nobody waits in a circle
        if not await self._shift(quantities, on_hand=on_hand, reserved=reserved):
            raise RuntimeError(f"the stock of {', '.join(quantities)} does not add up")

    async def _shift(self, quantities: dict[str, int], *, on_hand: int, reserved: int) -> bool:
        if not quantities:
            return True
        each = sa.case(quantities, value=stock.c.sku)
        enough = stock.c.on_hand - stock.c.reserved + (on_hand - reserved) * each >= 0
        change = stock.update().where(stock.c.sku.in_(list(quantities)), enough)
        change = change.values(on_hand=stock.c.on_hand + on_hand * each, reserved=stock.c.reserved + reserved * each)
        return await self.change(change) == len(quantities)
