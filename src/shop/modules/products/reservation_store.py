"""Queries of what the neighbours ask: what is sold under a SKU, and who holds it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.kit.money import Money
from shop.modules.products.domain import line_title
from shop.modules.products.holding import Offer, Reservation, ReservationStatus
from shop.modules.products.stock_store import HELD, StockStore
from shop.modules.products.tables import categories, products, reservation_lines, reservations, restocks, stock, variants
from shop.ports.products import Held, HeldLine, Variant


class ReservationStore(StockStore):
    """Reads offers; reads and writes reservations and restocks."""

    async def variants_for_sale(self, skus: Collection[str]) -> list[Variant]:
        """Give what is sold under these SKUs, sorted by SKU; one query."""
        return [_variant(row) for row in await self.rows(_for_sale(skus))]

    async def offers(self, skus: Collection[str]) -> dict[str, Offer]:
        """Give what these SKUs can be had for; their stock is locked in the order of SKUs."""
        rows = await self.rows(_for_sale(skus).with_for_update(of=stock))
        return {row.sku: Offer(row.sku, _title(row), Money(row.price, row.currency), _categories(row), row.available) for row in rows}

    async def open_reservation(self, id: UUID, fingerprint: str, status: ReservationStatus, lifetime: timedelta) -> bool:
        """Insert a reservation without lines, or a tombstone; False when the id is known. Waits for one who is inserting it now."""
        expires_at = await self.now() + lifetime
        values = {"id": id, "status": status, "fingerprint": fingerprint, "expires_at": expires_at}
        return await self.change(self.insert_once(reservations).values(**values)) == 1

    async def locked_reservation(self, id: UUID) -> Reservation | None:
        """Give a reservation that nobody else changes until the transaction ends."""
        c = reservations.c
        row = await self.row(sa.select(c.id, c.status, c.fingerprint, c.expires_at).where(c.id == id).with_for_update())
        return None if row is None else Reservation(row.id, ReservationStatus(row.status), row.fingerprint, row.expires_at)

    async def finish(self, ids: Collection[UUID], status: ReservationStatus) -> None:
        """Set the final status of locked reservations."""
        await self.change(reservations.update().where(reservations.c.id.in_(list(ids))).values(status=status))

    async def overdue(self, now: datetime, limit: int) -> list[UUID]:
        """Give and lock some reservations that still hold stock after their hard limit, leaving out those that somebody works on."""
        over = (reservations.c.status == HELD) & (reservations.c.expires_at <= now)
        query = sa.select(reservations.c.id).where(over).order_by(reservations.c.expires_at).limit(limit)
        return [row.id for row in await self.rows(query.with_for_update(skip_locked=True))]

    async def any_overdue(self, now: datetime) -> bool:
        """Tell whether there is anything to do for `overdue`, without locking."""
        return bool(await self.scalar(sa.select(sa.exists().where(reservations.c.status == HELD, reservations.c.expires_at <= now))))

    async def forget_released(self, before: datetime, limit: int) -> int:
        """Delete some reservations and tombstones that were released and ran out before then; gives how many. What is sold stays, for restocks."""
        over = (reservations.c.status == ReservationStatus.RELEASED) & (reservations.c.expires_at < before)
        ids = [row.id for row in await self.rows(sa.select(reservations.c.id).where(over).limit(limit).with_for_update(skip_locked=True))]
        await self.change(reservation_lines.delete().where(reservation_lines.c.reservation_id.in_(ids)))
        return await self.change(reservations.delete().where(reservations.c.id.in_(ids)))

    async def add_lines(self, id: UUID, lines: Sequence[HeldLine]) -> None:
        """Record what a reservation holds and at which prices."""
        rows = [
            {"reservation_id": id, "sku": line.sku, "quantity": line.quantity, "restocked": 0, "title": line.title,
             "unit_price": line.unit_price.amount, "currency": line.unit_price.currency, "categories": line.categories}
            for line in lines
        ]  # fmt: skip
        if rows:
            await self.change(reservation_lines.insert().values(rows))

    async def held(self, id: UUID) -> Held:
        """Give what a reservation was given when it was made."""
        c = reservation_lines.c
        rows = await self.rows(sa.select(reservation_lines).where(c.reservation_id == id).order_by(c.sku))
        return Held([HeldLine(row.sku, row.title, row.quantity, Money(row.unit_price, row.currency), row.categories) for row in rows])

    async def quantities(self, ids: Collection[UUID]) -> dict[str, int]:
        """Add up what reservations hold, sorted by SKU."""
        c = reservation_lines.c
        rows = await self.rows(sa.select(c.sku, sa.func.sum(c.quantity).label("sum")).where(c.reservation_id.in_(list(ids))).group_by(c.sku))
        return dict(sorted((row.sku, int(row.sum)) for row in rows))

    async def restock_fingerprint(self, restock_id: UUID) -> str | None:
        """Give what was taken back under a restock's id."""
        found: str | None = await self.scalar(sa.select(restocks.c.fingerprint).where(restocks.c.id == restock_id))
        return found

    async def open_restock(self, restock_id: UUID, fingerprint: str) -> bool:
        """Insert a restock; False when the id is known."""
        values = {"id": restock_id, "fingerprint": fingerprint, "at": await self.now()}
        return await self.change(self.insert_once(restocks).values(**values)) == 1

    async def take_back(self, id: UUID, quantities: dict[str, int]) -> bool:
        """Count pieces of a locked reservation as restocked; False when that is more than were sold of one of them."""
        c = reservation_lines.c
        after = c.restocked + sa.case(quantities, value=c.sku)
        possible = (c.reservation_id == id) & c.sku.in_(list(quantities)) & (after <= c.quantity)
        return not quantities or await self.change(reservation_lines.update().where(possible).values(restocked=after)) == len(quantities)


def _for_sale(skus: Collection[str]) -> sa.Select[*tuple[Any, ...]]:
    tables = variants.join(products).join(stock, stock.c.sku == variants.c.sku).outerjoin(categories)
    return (
        sa.select(variants.c.sku, variants.c.title, variants.c.price, variants.c.compare_at_price, variants.c.product_id,
                  products.c.title.label("product"), products.c.currency, categories.c.path,
                  (stock.c.on_hand - stock.c.reserved).label("available"))
        .select_from(tables)
        .where(variants.c.sku.in_(list(skus)), ~variants.c.archived, ~products.c.archived)
        .order_by(variants.c.sku)
    )  # fmt: skip


def _variant(row: sa.Row[Any]) -> Variant:
    before = None if row.compare_at_price is None else Money(row.compare_at_price, row.currency)
    return Variant(row.sku, row.product_id, _title(row), Money(row.price, row.currency), before, row.available, _categories(row))


def _title(row: sa.Row[Any]) -> str:
    return line_title(row.product, row.title)


def _categories(row: sa.Row[Any]) -> list[str]:
    return [] if row.path is None else row.path.strip("/").split("/")[::-1]
