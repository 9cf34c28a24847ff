"""Who asked to be forgotten."""

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "users_0004"
down_revision = "users_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("next_attempt_at", Moment, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("receipts", sa.JSON, nullable=False),
        sa.Column("finished_at", Moment),
    )


def downgrade() -> None:
    op.drop_table("erasures")
