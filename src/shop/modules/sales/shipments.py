"""Shipments of confirmed orders, whole or in parts."""

from uuid import UUID

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.values import Line
from shop.modules.sales.domain import Order, Shipment, summed
from shop.modules.sales.letters_of import owe_shipment
from shop.modules.sales.problems import OrderNotConfirmed, OrderNotFound, ShipmentExceedsOrder
from shop.modules.sales.states import State, Status
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import audit_log


class Shipments:
    """Ships orders."""

    def __init__(self, database: Database[SalesStore]) -> None:
        """Write to this database."""
        self.database = database

    async def ship(self, order_id: UUID, carrier: str, tracking: str | None, lines: list[Line] | None, once: Once) -> Shipment:
        """Ship these pieces, or all that are left. Raises OrderNotConfirmed, ShipmentExceedsOrder."""
        new_id = uuid7()
        async with self.database.write() as store:
            order = await store.order(order_id, lock=True)
            if order is None or order.refusal is not None:
                raise OrderNotFound
            if await once.first(store, subject=new_id):
                await self._ship(store, order, Shipment(new_id, carrier, tracking, summed(lines or []), await store.now()))
            made = once.subject or new_id
            return next(shipment for shipment in await store.shipments_of(order_id) if shipment.id == made)

    async def _ship(self, store: SalesStore, order: Order, shipment: Shipment) -> None:
        if order.state is not State.CONFIRMED or order.withdrawn or order.status == Status.REFUNDED:
            raise OrderNotConfirmed
        wanted = shipment.lines or [Line(line.sku, line.to_ship) for line in await store.lines(order.id) if line.to_ship]
        if not wanted:
            raise ShipmentExceedsOrder
        for line in wanted:
            if not await store.claim_to_ship(order.id, line):
                raise ShipmentExceedsOrder(sku=line.sku)
        parcel = Shipment(shipment.id, shipment.carrier, shipment.tracking, wanted, shipment.created_at)
        await store.add_shipment(order.id, parcel)
        await record(store, audit_log, "shipment.create", order.id, None, {"shipment": parcel.id, "carrier": parcel.carrier, "lines": wanted})
        now = await store.lines(order.id)
        complete = not any(line.to_ship for line in now)
        await store.amend(order, "shipped", {"shipment_id": shipment.id, "carrier": parcel.carrier, "tracking": parcel.tracking}, shipped=complete)
        await owe_shipment(store, order, parcel, {line.sku: line.title for line in now}, complete)
