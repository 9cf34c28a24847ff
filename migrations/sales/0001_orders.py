"""Orders, their lines, events, refunds and shipments, the inbox of webhooks, and what every module has."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "sales_0001"
down_revision = None
branch_labels = None
depends_on = None

LIVE = "state IN ('cancelling', 'new', 'paid', 'paying', 'refunding', 'releasing', 'reserved', 'unlocking')"
STATES = (
    "state IN ('cancelled', 'cancelling', 'confirmed', 'new', 'paid', 'paying', 'refunded', 'refunding', 'releasing', 'reserved', "
    "'review', 'unlocking')"
)
WAITS = "next_attempt_at IS NOT NULL"


def upgrade() -> None:
    _orders()
    _parts_of_orders()
    _refunds()
    _shipments()
    _webhooks_and_counters()
    _outbox()
    _every_module()


def _money(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False)


def _order(**options: Any) -> "sa.Column[Any]":
    return sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), nullable=False, **options)


def _work() -> list["sa.Column[object]"]:
    return [
        sa.Column("next_attempt_at", Moment),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("lease", sa.Uuid),
        sa.Column("lease_until", Moment),
    ]


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False, unique=True),
        sa.Column("number", sa.String(20), nullable=False, unique=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("cart_id", sa.Uuid, nullable=False),
        sa.Column("cart_proof", sa.LargeBinary),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(800), nullable=False),
        sa.Column("locale", sa.String(10), nullable=False),
        sa.Column("shipping_address", sa.JSON, nullable=False),
        sa.Column("billing_address", sa.JSON),
        sa.Column("terms", sa.JSON, nullable=False),
        sa.Column("refusal", sa.JSON),
        sa.Column("currency", sa.String(3), nullable=False),
        *(_money(name) for name in ("subtotal", "discount", "shipping", "tax", "total")),
        sa.Column("payment_id", sa.String(255), unique=True),
        sa.Column("client_secret", sa.String(255)),
        sa.Column("paid_currency", sa.String(3)),
        _money("captured"),
        _money("refunded"),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("shipped", sa.Boolean, nullable=False),
        sa.Column("created_at", Moment, nullable=False, index=True),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("asked_at", Moment),
        *_work(),
        sa.CheckConstraint(STATES, name="orders_state"),
        sa.CheckConstraint("subtotal - discount + shipping = total", name="orders_total"),
        sa.CheckConstraint("subtotal >= 0 AND discount >= 0 AND discount <= subtotal AND shipping >= 0", name="orders_money"),
        sa.CheckConstraint("tax >= 0 AND tax <= total", name="orders_tax"),
        sa.CheckConstraint("refunded >= 0 AND refunded <= captured", name="orders_refunded"),
    )
    op.create_index("orders_live", "orders", ["cart_id"], unique=True, sqlite_where=sa.text(LIVE), postgresql_where=sa.text(LIVE))
    op.create_index("orders_due", "orders", ["next_attempt_at"], sqlite_where=sa.text(WAITS), postgresql_where=sa.text(WAITS))
    op.create_index("orders_customer", "orders", ["customer_id", "seq"])
    op.create_index("orders_status", "orders", ["status", "seq"])
    op.create_index("orders_email", "orders", ["email_key", "seq"])


def _parts_of_orders() -> None:
    op.create_table(
        "order_lines",
        _order(primary_key=True),
        sa.Column("sku", sa.String(64), primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        *(_money(name) for name in ("unit_price", "line_total", "discount", "tax")),
        sa.Column("refunded", sa.Integer, nullable=False),
        sa.Column("shipped", sa.Integer, nullable=False),
        sa.Column("kept_back", sa.Integer, nullable=False),
        sa.CheckConstraint("quantity > 0 AND unit_price >= 0 AND line_total = unit_price * quantity", name="order_lines_money"),
        sa.CheckConstraint("discount >= 0 AND discount <= line_total AND tax >= 0", name="order_lines_discount"),
        sa.CheckConstraint("refunded >= 0 AND refunded <= quantity", name="order_lines_refunded"),
        sa.CheckConstraint("shipped >= 0 AND kept_back >= 0 AND shipped + kept_back <= quantity", name="order_lines_shipped"),
        sa.CheckConstraint("kept_back <= refunded", name="order_lines_kept_back"),
    )
    op.create_table(
        "order_events",
        _order(primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("type", sa.String(30), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )


def _refunds() -> None:
    op.create_table(
        "refunds",
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
    op.create_index("refunds_due", "refunds", ["next_attempt_at"], sqlite_where=sa.text(WAITS), postgresql_where=sa.text(WAITS))
    op.create_table(
        "refund_lines",
        sa.Column("refund_id", sa.Uuid, sa.ForeignKey("refunds.id"), primary_key=True),
        sa.Column("sku", sa.String(64), primary_key=True),
        sa.Column("quantity", sa.Integer, nullable=False),
    )


def _shipments() -> None:
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid, primary_key=True),
        _order(index=True),
        sa.Column("carrier", sa.String(200), nullable=False),
        sa.Column("tracking", sa.String(200)),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_table(
        "shipment_lines",
        sa.Column("shipment_id", sa.Uuid, sa.ForeignKey("shipments.id"), primary_key=True),
        sa.Column("sku", sa.String(64), primary_key=True),
        sa.Column("quantity", sa.Integer, nullable=False),
    )


def _webhooks_and_counters() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("payment_id", sa.String(255), index=True),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("received_at", Moment, nullable=False, index=True),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("subject_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("locale", sa.String(10), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", Moment, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("expires_at", Moment),
        sa.Column("sent_at", Moment),
        sa.Column("answer", sa.String(200)),
        sa.UniqueConstraint("subject_id", "kind", name="outbox_once"),
    )
    op.create_index("outbox_due", "outbox", ["status", "next_attempt_at"])


def _every_module() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(400), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("lease_until", Moment, nullable=False),
        sa.Column("applied", sa.Boolean, nullable=False),
        sa.Column("subject", sa.Uuid),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.LargeBinary),
        sa.Column("created_at", Moment, nullable=False, index=True),
    )
