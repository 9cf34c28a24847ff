"""Receipts: what a module has erased of a person, and when. A second round adds to the first one's."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Moment, Store

ERASED = "erased"  # stands where a name or an address was
ERASED_EMAIL = "erased@shop.invalid"


def receipts_table(metadata: sa.MetaData) -> sa.Table:
    """Give a module its receipts."""
    return sa.Table(
        "erasure_receipts",
        metadata,
        sa.Column("customer_id", sa.Uuid, primary_key=True),
        sa.Column("first_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("erased", sa.JSON, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
    )


class Receipt(Struct, frozen=True):
    """How many things of each kind a module has erased of somebody, when last, and how many it still needs, until a later round."""

    module: str
    at: datetime
    erased: dict[str, int]
    waiting: int


async def receipt(store: Store, table: sa.Table, module: str, customer_id: UUID, erased: dict[str, int], waiting: int) -> Receipt:
    """Write or complete the receipt in the transaction that erased, and give it as it stands now."""
    now = await store.now()
    mine = table.c.customer_id == customer_id
    await store.change(store.insert_once(table).values(customer_id=customer_id, first_at=now, last_at=now, erased={}, waiting=waiting))
    before: dict[str, int] = await store.scalar(sa.select(table.c.erased).where(mine).with_for_update())
    total = {kind: before.get(kind, 0) + erased.get(kind, 0) for kind in {**before, **erased}}
    await store.change(table.update().where(mine).values(last_at=now, erased=total, waiting=waiting))
    return Receipt(module, now, total, waiting)
