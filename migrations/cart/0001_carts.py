"""Carts, their lines and their checkouts."""

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "cart_0001"
down_revision = None
branch_labels = None
depends_on = None

NOT_ORDERED = sa.text("status <> 'ordered'")
LIVE = sa.text("status IN ('beginning', 'begun', 'committed')")


def upgrade() -> None:
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
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    op.create_table(
        "carts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("checkout_id", sa.Uuid),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.CheckConstraint("(status = 'open') = (checkout_id IS NULL)", name="carts_locked_by_checkout"),
    )
    op.create_index("carts_one_per_customer", "carts", ["customer_id"], unique=True, sqlite_where=NOT_ORDERED, postgresql_where=NOT_ORDERED)
    op.create_index("carts_by_age", "carts", ["status", "updated_at"])
    op.create_table(
        "cart_lines",
        sa.Column("cart_id", sa.Uuid, sa.ForeignKey("carts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sku", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("added_price", sa.BigInteger, nullable=False),
        sa.Column("quoted_title", sa.Text, nullable=False),
        sa.Column("quoted_price", sa.BigInteger, nullable=False),
        sa.Column("quoted_available", sa.Integer, nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 999", name="cart_lines_quantity"),
    )
    op.create_table(
        "checkouts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("cart_id", sa.Uuid),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("quote", sa.JSON),
        sa.Column("missing", sa.JSON),
        sa.Column("expires_at", Moment),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_index("checkouts_one_live_per_cart", "checkouts", ["cart_id"], unique=True, sqlite_where=LIVE, postgresql_where=LIVE)


def downgrade() -> None:
    for table in ("checkouts", "cart_lines", "carts", "idempotency_keys", "secrets"):
        op.drop_table(table)
