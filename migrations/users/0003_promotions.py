"""Special promotions, who gets them, how fast, and who is never written to again."""

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "users_0003"
down_revision = "users_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "promotions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("status", sa.String(10), nullable=False, index=True),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("coupon", sa.String(64)),
        sa.Column("audience", sa.JSON, nullable=False),
        sa.Column("variants", sa.JSON, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("started_at", Moment),
        sa.Column("finished_at", Moment),
        sa.Column("last_user", sa.Uuid),
        sa.Column("is_gathered", sa.Boolean, nullable=False),
        sa.Column("not_before", Moment),
        sa.Column("result", sa.JSON(none_as_null=True)),
    )
    op.create_table(
        "promotion_mails",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("promotion_id", sa.Uuid, sa.ForeignKey("promotions.id"), nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", Moment, nullable=False),
        sa.Column("lease_until", Moment),
        sa.Column("answer", sa.String(200)),
        sa.UniqueConstraint("promotion_id", "user_id", name="promotion_mails_once"),
    )
    op.create_index("promotion_mails_due", "promotion_mails", ["promotion_id", "status", "next_attempt_at"])
    op.create_table(
        "promotion_pace",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("next_at", Moment, nullable=False),
    )
    op.create_table(
        "suppressions",
        sa.Column("address", sa.LargeBinary(32), primary_key=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("answer", sa.String(200), nullable=False),
    )


def downgrade() -> None:
    for table in ("suppressions", "promotion_pace", "promotion_mails", "promotions"):
        op.drop_table(table)
