"""The tables of cart."""

import sqlalchemy as sa

from shop.kit.audit import audit_table
from shop.kit.database import Moment
from shop.kit.erasing import receipts_table
from shop.kit.idempotency import idempotency_table
from shop.kit.secrets import secrets_table

METADATA = sa.MetaData()
NOT_ORDERED = sa.text("status <> 'ordered'")
LIVE = sa.text("status IN ('beginning', 'begun', 'committed')")
CODE = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")  # sorts by code point on both databases

SECRETS = secrets_table(METADATA)
IDEMPOTENCY_KEYS = idempotency_table(METADATA)
AUDIT_LOG = audit_table(METADATA)
ERASURE_RECEIPTS = receipts_table(METADATA)

CARTS = sa.Table(
    "carts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("customer_id", sa.Uuid),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("checkout_id", sa.Uuid),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("coupon", CODE),
    sa.CheckConstraint("(status = 'open') = (checkout_id IS NULL)", name="carts_locked_by_checkout"),
    sa.Index("carts_one_per_customer", "customer_id", unique=True, sqlite_where=NOT_ORDERED, postgresql_where=NOT_ORDERED),
    sa.Index("carts_by_age", "status", "updated_at"),
)

# Prices are minor units of the cart's currency; `added_*` is as it was when the line was made, `quoted_*` as products said last.
CART_LINES = sa.Table(
    "cart_lines",
    METADATA,
    sa.Column("cart_id", sa.Uuid, sa.ForeignKey("carts.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("sku", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("added_price", sa.BigInteger, nullable=False),
    sa.Column("quoted_title", sa.Text, nullable=False),
    sa.Column("quoted_price", sa.BigInteger, nullable=False),
    sa.Column("quoted_available", sa.Integer, nullable=False),
    sa.Column("quoted_categories", sa.JSON, nullable=False, server_default="[]"),
    sa.CheckConstraint("quantity BETWEEN 1 AND 999", name="cart_lines_quantity"),
)

# A row's id is the order's. `cart_id` is empty in the tombstone of a checkout that never began; `expires_at` once only sales may end it.
# `coupon_reason` says why the coupon of the cart is not in the quote.
CHECKOUTS = sa.Table(
    "checkouts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("cart_id", sa.Uuid),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("quote", sa.JSON(none_as_null=True)),
    sa.Column("missing", sa.JSON(none_as_null=True)),
    sa.Column("expires_at", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("coupon_reason", sa.String(16)),
    sa.Index("checkouts_one_live_per_cart", "cart_id", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
)

# `redeemed` is the number of its redemptions. It may be above `max_redemptions`, which staff can lower.
COUPONS = sa.Table(
    "coupons",
    METADATA,
    sa.Column("code", CODE, primary_key=True),
    sa.Column("percent", sa.Integer),
    sa.Column("amount", sa.JSON(none_as_null=True)),
    sa.Column("min_subtotal", sa.JSON(none_as_null=True)),
    sa.Column("starts_at", Moment),
    sa.Column("ends_at", Moment),
    sa.Column("max_redemptions", sa.Integer),
    sa.Column("max_per_customer", sa.Integer),
    sa.Column("skus", sa.JSON, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.Column("redeemed", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.CheckConstraint("(percent IS NULL) <> (amount IS NULL)", name="coupons_percent_or_amount"),
    sa.CheckConstraint("percent BETWEEN 1 AND 100", name="coupons_percent"),
    sa.CheckConstraint("redeemed >= 0", name="coupons_redeemed"),
)

# One for every checkout that has begun or is committed with a coupon; `customer_id` is empty for guests.
REDEMPTIONS = sa.Table(
    "redemptions",
    METADATA,
    sa.Column("checkout_id", sa.Uuid, sa.ForeignKey("checkouts.id"), primary_key=True),
    sa.Column("coupon", CODE, sa.ForeignKey("coupons.code"), nullable=False),
    sa.Column("customer_id", sa.Uuid),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("redemptions_by_customer", "customer_id", "coupon"),
)
