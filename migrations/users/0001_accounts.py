"""Accounts, sessions, throttles, links, addresses, consents and what every module has."""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

from shop.kit.database import Moment

revision = "users_0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _accounts()
    _sessions()
    _belongings()
    _outbox()
    _every_module()


def _owner(nullable: bool = False) -> "sa.Column[UUID]":
    return sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=nullable, index=True)


def _accounts() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(800), nullable=False, unique=True),
        sa.Column("password_hash", sa.String(200)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("locale", sa.String(5), nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("verified_at", Moment),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.Uuid, primary_key=True),
        _owner(nullable=True),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False, index=True),
        sa.Column("used_at", Moment),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, primary_key=True),
        _owner(),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False, index=True),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("session_id", sa.Uuid, sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("expires_at", Moment, nullable=False, index=True),
        sa.Column("used_at", Moment),
    )
    op.create_table(
        "throttles",
        sa.Column("key", sa.LargeBinary(32), primary_key=True),
        sa.Column("wrong", sa.JSON, nullable=False),
        sa.Column("changed_at", Moment, nullable=False, index=True),
    )


def _belongings() -> None:
    op.create_table(
        "addresses",
        sa.Column("id", sa.Uuid, primary_key=True),
        _owner(),
        sa.Column("address", sa.JSON, nullable=False),
    )
    op.create_table(
        "consents",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        _owner(),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("wording", sa.String(40), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("at", Moment, nullable=False),
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
