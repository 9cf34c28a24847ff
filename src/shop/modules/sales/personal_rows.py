"""The queries that find what sales holds about a customer, and take it away."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.kit.database import Store
from shop.kit.erasing import ERASED, ERASED_EMAIL
from shop.modules.sales.domain import Order
from shop.modules.sales.order_rows import FIELDS, order_of
from shop.modules.sales.states import State, Status
from shop.modules.sales.tables import order_events, orders, outbox, refunds, shipments

LETTER = (outbox.c.kind, outbox.c.recipient, outbox.c.locale, outbox.c.created_at, outbox.c.status, outbox.c.sent_at)
DELIVERED = (orders.c.state == State.CONFIRMED) & (orders.c.shipped | (orders.c.status == Status.REFUNDED))
AT_ONCE = 50  # a round is answered within the time limit of the port
OVER = orders.c.state.in_((State.CANCELLED, State.REFUNDED)) | DELIVERED


class PersonalRows(Store):
    """The orders, letters and notes of one person."""

    async def orders_of(self, customer_id: UUID) -> list[Order]:
        """Give every order of a customer, refused ones too, the oldest first."""
        query = sa.select(*FIELDS).where(orders.c.customer_id == customer_id).order_by(orders.c.seq)
        return [order_of(row) for row in await self.rows(query)]

    async def letters_of(self, customer_id: UUID) -> list[dict[str, Any]]:
        """Give the mails that were owed to a customer, without their contents, which are those of the orders."""
        about = _subjects(sa.select(orders.c.id).where(orders.c.customer_id == customer_id))
        return [row._asdict() for row in await self.rows(sa.select(*LETTER).where(about).order_by(outbox.c.created_at))]

    async def orders_to_erase(self, customer_id: UUID) -> list[Order]:
        """Give and lock some of a customer's orders with which nothing is left to do: nothing to ship, to refund or to tell."""
        refunding = sa.select(refunds.c.id).where(refunds.c.order_id == orders.c.id, refunds.c.next_attempt_at.is_not(None))
        query = sa.select(*FIELDS).where(orders.c.customer_id == customer_id, OVER, ~refunding.exists()).order_by(orders.c.seq).limit(AT_ONCE)
        found = [order_of(row) for row in await self.rows(query.with_for_update())]
        return [order for order in found if not await self._is_owed_mail(order.id)]

    async def _is_owed_mail(self, order_id: UUID) -> bool:
        pending = sa.select(outbox.c.id).where(outbox.c.status == "pending", _subjects(_one(order_id)))
        return await self.scalar(pending.limit(1)) is not None

    async def erase_order(self, order: Order) -> None:
        """Take the person out of an order; numbers, lines, amounts and the country of the tax stay."""
        anonymous = {"customer_id": None, "email": ERASED_EMAIL, "email_key": ERASED_EMAIL, "cart_proof": None, "client_secret": None}
        addresses = {"shipping_address": _erased(order.shipping_address), "billing_address": _erased(order.billing_address)}
        await self.change(orders.update().where(orders.c.id == order.id).values(**anonymous, **addresses))
        await self.change(refunds.update().where(refunds.c.order_id == order.id).values(note=None))
        await self.change(shipments.update().where(shipments.c.order_id == order.id).values(tracking=None))
        await self.change(outbox.update().where(_subjects(_one(order.id))).values(recipient=ERASED_EMAIL, data={}))
        await self._erase_events(order.id)

    async def _erase_events(self, order_id: UUID) -> None:
        row = order_events.c
        for version, data in await self.rows(sa.select(row.version, row.data).where(row.order_id == order_id)):
            if "tracking" in data:
                untracked = {**data, "tracking": None}
                await self.change(order_events.update().where(row.order_id == order_id, row.version == version).values(data=untracked))


def _one(order_id: UUID) -> "sa.Select[tuple[UUID]]":
    return sa.select(orders.c.id).where(orders.c.id == order_id)


def _subjects(ids: Any) -> sa.ColumnElement[bool]:
    """Match the letters about these orders, their shipments and their refunds."""
    subject = outbox.c.subject_id
    parcels = sa.select(shipments.c.id).where(shipments.c.order_id.in_(ids))
    money_back = sa.select(refunds.c.id).where(refunds.c.order_id.in_(ids))
    return subject.in_(ids) | subject.in_(parcels) | subject.in_(money_back)


def _erased(address: dict[str, Any] | None) -> dict[str, Any] | None:
    if address is None:
        return None
    return {"name": ERASED, "line1": ERASED, "postal_code": ERASED, "city": ERASED, "country": address["country"]}
