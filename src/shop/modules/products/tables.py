"""The tables of products. Stock has no history of its own: `movements` is the ledger, `stock` where it stands."""

import sqlalchemy as sa

from shop.kit.audit import audit_table
from shop.kit.database import Moment
from shop.kit.idempotency import idempotency_table
from shop.kit.secrets import secrets_table

METADATA = sa.MetaData()


def _sorted(length: int | None = None) -> sa.String:
    """Give the type of a text that sorts by code point on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


categories = sa.Table(
    "categories",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("slug", sa.String(100), nullable=False, unique=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("parent_id", sa.Uuid, sa.ForeignKey("categories.id"), index=True),
    sa.Column("path", sa.Text, nullable=False),  # the slugs from the root down: /kitchen/cups/
    sa.Column("search_text", sa.Text, nullable=False),  # its folded title and those of its ancestors
)

products = sa.Table(
    "products",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("slug", sa.String(100), nullable=False, unique=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("category_id", sa.Uuid, sa.ForeignKey("categories.id"), index=True),
    sa.Column("images", sa.JSON, nullable=False),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    # Derived from the product, its variants and its category in the same transaction:
    sa.Column("title_key", _sorted(), nullable=False),
    sa.Column("lowest_price", sa.Integer),
    sa.Column("search_text", sa.Text, nullable=False),
    sa.Column("category_text", sa.Text, nullable=False),
    sa.Index("ix_products_by_price", "lowest_price", "number"),
    sa.Index("ix_products_by_title", "title_key", "number"),
)

variants = sa.Table(
    "variants",
    METADATA,
    sa.Column("sku", _sorted(64), primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("title", sa.String(200)),
    sa.Column("price", sa.Integer, nullable=False),
    sa.Column("compare_at_price", sa.Integer),
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Index("ix_variants_of_product", "product_id", "position"),
    sa.CheckConstraint("price >= 0", name="ck_variants_price"),
    sa.CheckConstraint("compare_at_price >= 0", name="ck_variants_compare_at_price"),
)

stock = sa.Table(
    "stock",
    METADATA,
    sa.Column("sku", _sorted(64), sa.ForeignKey("variants.sku"), primary_key=True),
    sa.Column("on_hand", sa.Integer, nullable=False),
    sa.Column("reserved", sa.Integer, nullable=False),
    sa.CheckConstraint("reserved >= 0", name="ck_stock_reserved"),
    sa.CheckConstraint("on_hand - reserved >= 0", name="ck_stock_available"),
)

movements = sa.Table(
    "movements",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("sku", _sorted(64), sa.ForeignKey("stock.sku"), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("delta", sa.Integer, nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
    sa.Column("by", sa.String(64), nullable=False),
    sa.Index("ix_movements_of_sku", "sku", "number"),
)

reservations = sa.Table(
    "reservations",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),  # of the lines asked for; empty on a tombstone
    sa.Column("expires_at", Moment, nullable=False),
    sa.CheckConstraint("status IN ('held', 'committed', 'released')", name="ck_reservations_status"),
    sa.Index("ix_reservations_held", "expires_at", postgresql_where=sa.text("status = 'held'"), sqlite_where=sa.text("status = 'held'")),
)

reservation_lines = sa.Table(
    "reservation_lines",
    METADATA,
    sa.Column("reservation_id", sa.Uuid, sa.ForeignKey("reservations.id"), primary_key=True),
    sa.Column("sku", _sorted(64), sa.ForeignKey("stock.sku"), primary_key=True),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("restocked", sa.Integer, nullable=False),
    sa.Column("title", sa.String(500), nullable=False),
    sa.Column("unit_price", sa.Integer, nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.CheckConstraint("quantity > 0", name="ck_reservation_lines_quantity"),
    sa.CheckConstraint("restocked >= 0 AND restocked <= quantity", name="ck_reservation_lines_restocked"),
)

restocks = sa.Table(
    "restocks",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("at", Moment, nullable=False),
)

secrets = secrets_table(METADATA)
idempotency_keys = idempotency_table(METADATA)
audit_log = audit_table(METADATA)
