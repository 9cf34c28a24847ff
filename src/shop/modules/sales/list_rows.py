"""The queries that find many orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Moment, Store
from shop.kit.paging import decode_cursor
from shop.kit.problems import Invalid
from shop.kit.values import normal_email
from shop.modules.sales.domain import Order
from shop.modules.sales.order_rows import order_of
from shop.modules.sales.states import State, Status
from shop.modules.sales.tables import IS_LIVE, orders

FIELDS = [orders.c[name] for name in Order.__struct_fields__]


class Wanted(Struct, frozen=True):
    """Which orders a list shows; `q` is a whole number or e-mail address, or the beginning of one; placed at `since` or later and before `until`."""

    customer_id: UUID | None = None
    status: Status | None = None
    q: str | None = None
    email: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class ListRows(Store):
    """Lists of orders, newest first. Orders that were refused while they were placed are in none of them."""

    async def standing(self) -> Sequence[Any]:
        """Give number and oldest `created_at` by state of the orders that have not ended, and of those that people must look at."""
        state, review = orders.c.state, orders.c.status == Status.UNDER_REVIEW
        columns = state, sa.func.count().label("number"), sa.func.min(orders.c.created_at, type_=Moment).label("oldest")
        return [
            *await self.rows(sa.select(*columns).where(IS_LIVE).group_by(state)),
            *await self.rows(sa.select(*columns).where(review).group_by(state)),
        ]

    async def found(self, wanted: Wanted, before: int | None, limit: int) -> list[Order]:
        """Give one more than `limit` orders below this sequence number."""
        query = sa.select(*FIELDS).where(orders.c.refusal.is_(None), *_conditions(wanted))
        if before is not None:
            query = query.where(orders.c.seq < before)
        return [order_of(row) for row in await self.rows(query.order_by(orders.c.seq.desc()).limit(limit + 1))]

    async def confirmed(self, customer_id: UUID, before: int | None, limit: int) -> list[Order]:
        """Give one more than `limit` of a customer's confirmed orders."""
        query = sa.select(*FIELDS).where(orders.c.customer_id == customer_id, orders.c.state == State.CONFIRMED)
        if before is not None:
            query = query.where(orders.c.seq < before)
        return [order_of(row) for row in await self.rows(query.order_by(orders.c.seq.desc()).limit(limit + 1))]

    async def created_since(self, moment: datetime, after: UUID | None, limit: int) -> list[Order]:
        """Give a page of the orders made since then, by id, for the sweep."""
        query = sa.select(*FIELDS).where(orders.c.created_at >= moment)
        if after is not None:
            query = query.where(orders.c.id > after)
        return [order_of(row) for row in await self.rows(query.order_by(orders.c.id).limit(limit))]

    async def by_ids(self, ids: list[UUID]) -> dict[UUID, Order]:
        """Give these orders by their ids."""
        return {row.id: order_of(row) for row in await self.rows(sa.select(*FIELDS).where(orders.c.id.in_(ids)))}


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    conditions = []
    if wanted.customer_id is not None:
        conditions.append(orders.c.customer_id == wanted.customer_id)
    if wanted.status is not None:
        conditions.append(orders.c.status == wanted.status)
    if wanted.email is not None:
        conditions.append(orders.c.email_key == normal_email(wanted.email))
    if wanted.since is not None:
        conditions.append(orders.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(orders.c.created_at < wanted.until)
    if wanted.q:
        number, email = wanted.q.strip().upper(), normal_email(wanted.q)
        conditions.append(orders.c.number.startswith(number, autoescape=True) | orders.c.email_key.startswith(email, autoescape=True))
    return conditions


def place_of(cursor: str | None) -> int | None:
    """Read the sequence number of the last order of the page before; raises Invalid."""
    place = decode_cursor(cursor, tuple[int])
    if place is not None and not 0 <= place[0] < 2**62:
        raise Invalid.field("cursor", "is not one that a page gave")
    return place[0] if place else None
