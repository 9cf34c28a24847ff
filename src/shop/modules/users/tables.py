"""The tables of users. Nothing here gives a password, a refresh token or the token of a link back."""

from uuid import UUID

import sqlalchemy as sa

from shop.kit.audit import audit_table
from shop.kit.database import Moment
from shop.kit.idempotency import idempotency_table
from shop.kit.outbox import outbox_table
from shop.kit.secrets import secrets_table

METADATA = sa.MetaData()

users = sa.Table(
    "users",
    METADATA,
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


def _owner(*, nullable: bool = False) -> "sa.Column[UUID]":
    return sa.Column("user_id", sa.Uuid, sa.ForeignKey("users.id", ondelete="CASCADE"), index=True, nullable=nullable)


sessions = sa.Table(
    "sessions",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    _owner(),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    METADATA,
    sa.Column("hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("session_id", sa.Uuid, sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("expires_at", Moment, nullable=False, index=True),
    sa.Column("used_at", Moment),
)

throttles = sa.Table(
    "throttles",
    METADATA,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),
    sa.Column("wrong", sa.JSON, nullable=False),
    sa.Column("changed_at", Moment, nullable=False, index=True),
)

links = sa.Table(
    "links",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    _owner(nullable=True),
    sa.Column("purpose", sa.String(20), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
    sa.Column("used_at", Moment),
)

addresses = sa.Table(
    "addresses",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    _owner(),
    sa.Column("address", sa.JSON, nullable=False),
)

consents = sa.Table(
    "consents",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    _owner(),
    sa.Column("purpose", sa.String(20), nullable=False),
    sa.Column("granted", sa.Boolean, nullable=False),
    sa.Column("wording", sa.String(40), nullable=False),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("at", Moment, nullable=False),
)

promotions = sa.Table(
    "promotions",
    METADATA,
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

promotion_mails = sa.Table(  # without addresses, and without a foreign key to users: who is erased stays counted
    "promotion_mails",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("promotion_id", sa.Uuid, sa.ForeignKey("promotions.id"), nullable=False),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", Moment, nullable=False),
    sa.Column("lease_until", Moment),
    sa.Column("answer", sa.String(200)),
    sa.UniqueConstraint("promotion_id", "user_id", name="promotion_mails_once"),
    sa.Index("promotion_mails_due", "promotion_id", "status", "next_attempt_at"),
)

promotion_pace = sa.Table(
    "promotion_pace",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("next_at", Moment, nullable=False),
)

suppressions = sa.Table(  # digests: whether an address is among them can be asked, which ones they are cannot
    "suppressions",
    METADATA,
    sa.Column("address", sa.LargeBinary(32), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("answer", sa.String(200), nullable=False),
)

erasures = sa.Table(  # the durable row of each: what was erased of somebody who has no other row any more
    "erasures",
    METADATA,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("next_attempt_at", Moment, index=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("receipts", sa.JSON, nullable=False),
    sa.Column("finished_at", Moment),
)

outbox = outbox_table(METADATA)
secrets = secrets_table(METADATA)
idempotency_keys = idempotency_table(METADATA)
audit_log = audit_table(METADATA)
