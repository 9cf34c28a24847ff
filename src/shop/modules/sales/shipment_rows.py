"""The queries about shipments."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import asdict

from shop.kit.database import Store
from shop.kit.values import Line
from shop.modules.sales.domain import Shipment
from shop.modules.sales.tables import order_lines, shipment_lines, shipments


class ShipmentRows(Store):
    """Shipments and what is in them."""

    async def claim_to_ship(self, order_id: UUID, line: Line) -> bool:
        """Count pieces as shipped; False when fewer are left to ship."""
        row = order_lines.c
        enough = (row.order_id == order_id) & (row.sku == line.sku) & (row.shipped + row.kept_back + line.quantity <= row.quantity)
        return bool(await self.change(order_lines.update().where(enough).values(shipped=row.shipped + line.quantity)))

    async def add_shipment(self, order_id: UUID, shipment: Shipment) -> None:
        """Write a shipment."""
        values = {"id": shipment.id, "order_id": order_id, "carrier": shipment.carrier, "tracking": shipment.tracking}
        await self.change(shipments.insert().values(**values, created_at=shipment.created_at))
        await self.change(shipment_lines.insert(), [{"shipment_id": shipment.id} | asdict(line) for line in shipment.lines])

    async def shipments_of(self, order_id: UUID) -> list[Shipment]:
        """Give the shipments of an order, oldest first."""
        return (await self.shipments_by_order([order_id]))[order_id]

    async def shipments_by_order(self, ids: Sequence[UUID]) -> dict[UUID, list[Shipment]]:
        """Give the shipments of each of these orders, oldest first."""
        query = sa.select(shipments, shipment_lines.c.sku, shipment_lines.c.quantity).join(shipment_lines).where(shipments.c.order_id.in_(ids))
        found: dict[UUID, list[Shipment]] = {id: [] for id in ids}
        for row in await self.rows(query.order_by(shipments.c.created_at, shipments.c.id, shipment_lines.c.sku)):
            of_order = found[row.order_id]
            if not of_order or of_order[-1].id != row.id:
                of_order.append(Shipment(row.id, row.carrier, row.tracking, [], row.created_at))
            of_order[-1].lines.append(Line(row.sku, row.quantity))
        return found
