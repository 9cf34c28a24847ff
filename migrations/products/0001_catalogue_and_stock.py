"""The catalogue with its search index, the stock with its ledger, reservations, and what every module has."""

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "products_0001"
down_revision = None
branch_labels = None
depends_on = None

HELD = sa.text("status = 'held'")


def upgrade() -> None:
    _catalogue()
    _stock()
    _reservations()
    _every_module()
    if op.get_bind().dialect.name == "postgresql":
        _search_on_postgresql()
    else:
        _search_on_sqlite()


def _sorted(length: int | None = None) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _catalogue() -> None:
    op.create_table(
        "categories",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("slug", sa.String(100), nullable=False, unique=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("parent_id", sa.Uuid, sa.ForeignKey("categories.id"), index=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
    )
    op.create_table(
        "products",
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
        sa.Column("title_key", _sorted(), nullable=False),
        sa.Column("lowest_price", sa.Integer),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("category_text", sa.Text, nullable=False),
    )
    op.create_index("ix_products_by_price", "products", ["lowest_price", "number"])
    op.create_index("ix_products_by_title", "products", ["title_key", "number"])
    op.create_table(
        "variants",
        sa.Column("sku", _sorted(64), primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("title", sa.String(200)),
        sa.Column("price", sa.Integer, nullable=False),
        sa.Column("compare_at_price", sa.Integer),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.CheckConstraint("price >= 0", name="ck_variants_price"),
        sa.CheckConstraint("compare_at_price >= 0", name="ck_variants_compare_at_price"),
    )
    op.create_index("ix_variants_of_product", "variants", ["product_id", "position"])


def _stock() -> None:
    op.create_table(
        "stock",
        sa.Column("sku", _sorted(64), sa.ForeignKey("variants.sku"), primary_key=True),
        sa.Column("on_hand", sa.Integer, nullable=False),
        sa.Column("reserved", sa.Integer, nullable=False),
        sa.CheckConstraint("reserved >= 0", name="ck_stock_reserved"),
        sa.CheckConstraint("on_hand - reserved >= 0", name="ck_stock_available"),
    )
    op.create_table(
        "movements",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("sku", _sorted(64), sa.ForeignKey("stock.sku"), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("delta", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
    )
    op.create_index("ix_movements_of_sku", "movements", ["sku", "number"])


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.CheckConstraint("status IN ('held', 'committed', 'released')", name="ck_reservations_status"),
    )
    op.create_index("ix_reservations_held", "reservations", ["expires_at"], postgresql_where=HELD, sqlite_where=HELD)
    op.create_table(
        "reservation_lines",
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
    op.create_table(
        "restocks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("at", Moment, nullable=False),
    )


def _every_module() -> None:
    op.create_table("secrets", sa.Column("name", sa.String(40), primary_key=True), sa.Column("key", sa.LargeBinary, nullable=False))
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


def _search_on_postgresql() -> None:
    """Index trigrams of the folded texts. pg_trgm is a trusted extension: the owner of a database may create it."""
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE INDEX ix_products_search ON products USING gin (search_text gin_trgm_ops, category_text gin_trgm_ops)")


def _search_on_sqlite() -> None:
    """Index trigrams of the folded texts in a table beside products, which triggers keep up to date."""
    op.execute(
        "CREATE VIRTUAL TABLE product_search USING fts5(search_text, category_text, "
        "content = 'products', content_rowid = 'number', tokenize = 'trigram case_sensitive 1')"
    )
    op.execute(
        "CREATE TRIGGER product_search_insert AFTER INSERT ON products BEGIN "
        "INSERT INTO product_search(rowid, search_text, category_text) VALUES (new.number, new.search_text, new.category_text); END"
    )
    op.execute(
        "CREATE TRIGGER product_search_delete AFTER DELETE ON products BEGIN INSERT INTO product_search(product_search, rowid, search_text, "
        "category_text) VALUES ('delete', old.number, old.search_text, old.category_text); END"
    )
    op.execute(
        "CREATE TRIGGER product_search_update AFTER UPDATE OF search_text, category_text ON products BEGIN "
        "INSERT INTO product_search(product_search, rowid, search_text, category_text) "
        "VALUES ('delete', old.number, old.search_text, old.category_text); "
        "INSERT INTO product_search(rowid, search_text, category_text) VALUES (new.number, new.search_text, new.category_text); END"
    )


def downgrade() -> None:
    """Undo it."""
    if op.get_bind().dialect.name != "postgresql":
        op.execute("DROP TABLE product_search")
    tables = ("restocks", "reservation_lines", "reservations", "movements", "stock", "variants", "products", "categories")
    for table in (*tables, "secrets", "idempotency_keys"):
        op.drop_table(table)
