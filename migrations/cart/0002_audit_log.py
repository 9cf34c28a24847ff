"""The audit log."""

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "cart_0002"
down_revision = "cart_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("request_id", sa.String(64)),
    )
    op.create_index("audit_log_target", "audit_log", ["target", "number"])
    op.create_index("audit_log_by", "audit_log", ["by", "number"])


def downgrade() -> None:
    op.drop_table("audit_log")
