"""Coupons, their redemptions, and what a checkout said of one."""

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "cart_0004"
down_revision = "cart_0003"
branch_labels = None
depends_on = None

CODE = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "coupons",
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
    op.create_table(
        "redemptions",
        sa.Column("checkout_id", sa.Uuid, sa.ForeignKey("checkouts.id"), primary_key=True),
        sa.Column("coupon", CODE, sa.ForeignKey("coupons.code"), nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("created_at", Moment, nullable=False),
    )
    op.create_index("redemptions_by_customer", "redemptions", ["customer_id", "coupon"])
    op.add_column("carts", sa.Column("coupon", CODE))
    op.add_column("cart_lines", sa.Column("quoted_categories", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("checkouts", sa.Column("coupon_reason", sa.String(16)))


def downgrade() -> None:
    op.drop_column("checkouts", "coupon_reason")
    op.drop_column("cart_lines", "quoted_categories")
    op.drop_column("carts", "coupon")
    op.drop_table("redemptions")
    op.drop_table("coupons")
