"""The tables of sales. The order row is the saga's log and the work queue; no capability token is stored in any of them."""

from typing import Any

import sqlalchemy as sa

from shop.kit.audit import audit_table
from shop.kit.database import Moment
from shop.kit.erasing import receipts_table
from shop.kit.idempotency import idempotency_table
from shop.kit.outbox import outbox_table
from shop.kit.secrets import secrets_table
from shop.modules.sales.states import LIVE, State

METADATA = sa.MetaData()


def _money(name: str, **options: Any) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False, default=0, **options)


def _order(**options: Any) -> "sa.Column[Any]":
    return sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), nullable=False, **options)


def _work() -> list["sa.Column[Any]"]:
    return [
        sa.Column("next_attempt_at", Moment),
        sa.Column("tries", sa.Integer, nullable=False, default=0),
        sa.Column("lease", sa.Uuid),
        sa.Column("lease_until", Moment),
    ]


orders = sa.Table(
    "orders",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False, unique=True),
    sa.Column("number", sa.String(20), nullable=False, unique=True),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    sa.Column("cart_id", sa.Uuid, nullable=False),
    sa.Column("cart_proof", sa.LargeBinary),
    sa.Column("customer_id", sa.Uuid),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("email_key", sa.String(800), nullable=False),
    sa.Column("locale", sa.String(10), nullable=False),
    sa.Column("shipping_address", sa.JSON, nullable=False),
    sa.Column("billing_address", sa.JSON(none_as_null=True)),
    sa.Column("terms", sa.JSON, nullable=False),
    sa.Column("refusal", sa.JSON(none_as_null=True)),
    sa.Column("currency", sa.String(3), nullable=False),
    _money("subtotal"),
    _money("discount"),
    _money("shipping"),
    _money("tax"),
    _money("total"),
    sa.Column("payment_id", sa.String(255), unique=True),
    sa.Column("client_secret", sa.String(255)),
    sa.Column("paid_currency", sa.String(3)),
    _money("captured"),
    _money("refunded"),
    sa.Column("withdrawn", sa.Boolean, nullable=False, default=False),
    sa.Column("shipped", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", Moment, nullable=False, index=True),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("asked_at", Moment),
    *_work(),
    sa.CheckConstraint(f"state IN {tuple(state.value for state in sorted(State))}", name="orders_state"),
    sa.CheckConstraint("subtotal - discount + shipping = total", name="orders_total"),
    sa.CheckConstraint(
        "subtotal >= 0 AND discount >= 0 AND discount <= subtotal AND shipping >= 0 AND tax >= 0 AND tax <= total", name="orders_money"
    ),
    sa.CheckConstraint("refunded >= 0 AND refunded <= captured", name="orders_refunded"),
)
IS_LIVE = orders.c.state.in_(sorted(LIVE))
WAITS = orders.c.next_attempt_at.is_not(None)
sa.Index("orders_live", orders.c.cart_id, unique=True, sqlite_where=IS_LIVE, postgresql_where=IS_LIVE)
sa.Index("orders_due", orders.c.next_attempt_at, sqlite_where=WAITS, postgresql_where=WAITS)
sa.Index("orders_customer", orders.c.customer_id, orders.c.seq)
sa.Index("orders_status", orders.c.status, orders.c.seq)
sa.Index("orders_email", orders.c.email_key, orders.c.seq)

order_lines = sa.Table(
    "order_lines",
    METADATA,
    _order(primary_key=True),
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    _money("unit_price"),
    _money("line_total"),
    _money("discount"),
    _money("tax"),
    sa.Column("refunded", sa.Integer, nullable=False),
    sa.Column("shipped", sa.Integer, nullable=False),
    sa.Column("kept_back", sa.Integer, nullable=False),  # those of the refunded pieces that were never shipped
    sa.CheckConstraint("quantity > 0 AND unit_price >= 0 AND line_total = unit_price * quantity", name="order_lines_money"),
    sa.CheckConstraint("discount >= 0 AND discount <= line_total AND tax >= 0", name="order_lines_discount"),
    sa.CheckConstraint("refunded >= 0 AND refunded <= quantity", name="order_lines_refunded"),
    sa.CheckConstraint("shipped >= 0 AND kept_back >= 0 AND shipped + kept_back <= quantity", name="order_lines_shipped"),
    sa.CheckConstraint("kept_back <= refunded", name="order_lines_kept_back"),
)

order_events = sa.Table(
    "order_events",
    METADATA,
    _order(primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("type", sa.String(30), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)

refunds = sa.Table(
    "refunds",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    _order(index=True),
    _money("amount"),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("reason", sa.String(30), nullable=False),
    sa.Column("note", sa.String(1000)),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("provider_id", sa.String(255)),
    sa.Column("closing", sa.Boolean, nullable=False),
    sa.Column("restocked", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    *_work(),
    sa.CheckConstraint("amount >= 0", name="refunds_amount"),
    sa.CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name="refunds_status"),
)
sa.Index(
    "refunds_due",
    refunds.c.next_attempt_at,
    sqlite_where=refunds.c.next_attempt_at.is_not(None),
    postgresql_where=refunds.c.next_attempt_at.is_not(None),
)

refund_lines = sa.Table(
    "refund_lines",
    METADATA,
    sa.Column("refund_id", sa.Uuid, sa.ForeignKey("refunds.id"), primary_key=True),
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("quantity", sa.Integer, nullable=False),
)

shipments = sa.Table(
    "shipments",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    _order(index=True),
    sa.Column("carrier", sa.String(200), nullable=False),
    sa.Column("tracking", sa.String(200)),
    sa.Column("created_at", Moment, nullable=False),
)

shipment_lines = sa.Table(
    "shipment_lines",
    METADATA,
    sa.Column("shipment_id", sa.Uuid, sa.ForeignKey("shipments.id"), primary_key=True),
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("quantity", sa.Integer, nullable=False),
)

webhook_events = sa.Table(
    "webhook_events",
    METADATA,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("type", sa.String(255), nullable=False),
    sa.Column("payment_id", sa.String(255), index=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("received_at", Moment, nullable=False, index=True),
)

counters = sa.Table(
    "counters",
    METADATA,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

outbox = outbox_table(METADATA)
secrets = secrets_table(METADATA)
idempotency_keys = idempotency_table(METADATA)
audit_log = audit_table(METADATA)
erasure_receipts = receipts_table(METADATA)
