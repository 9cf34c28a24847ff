"""Receipts of what was erased of whom."""

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "sales_0003"
down_revision = "sales_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure_receipts",
        sa.Column("customer_id", sa.Uuid, primary_key=True),
        sa.Column("first_at", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.Column("erased", sa.JSON, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("erasure_receipts")
