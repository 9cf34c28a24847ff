"""The audit log: what staff did, written in the transaction of the deed itself, so that neither is there without the other.

A service says `record(store, table, "product.update", target, before, after)` where it writes; who is acting it need not know.
Customers, guests, jobs and neighbours leave no entry, and neither does an action that changed nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

import msgspec
import sqlalchemy as sa
from msgspec import Meta, Struct

from shop.kit.database import Database, Moment, S, Store
from shop.kit.http import context
from shop.kit.paging import Page, decode_cursor, page

COMMAND_LINE = "command line"
PRIVATE = ("password", "token", "secret", "address", "phone")
ATTRIBUTES = "attributes"  # of a variant: staff name them, and a charger for a phone is nothing private
Place = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_on_command_line: ContextVar[bool] = ContextVar("on_command_line", default=False)


def audit_table(metadata: sa.MetaData) -> sa.Table:
    """Give a module its audit log; `by` is the id of a staff user or `command line`."""
    return sa.Table(
        "audit_log",
        metadata,
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", Moment, nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("request_id", sa.String(64)),
        sa.Index("audit_log_target", "target", "number"),
        sa.Index("audit_log_by", "by", "number"),
    )


class Actor(Struct, frozen=True):
    """Who of the shop is acting, and in which request."""

    by: str
    request_id: str | None


def acting() -> Actor | None:
    """Give the member of staff whose request is being answered, or the command line; None for everybody else."""
    if _on_command_line.get():
        return Actor(COMMAND_LINE, None)
    exchange = context.exchange.get(None)
    if exchange is None or not exchange.caller.is_staff:
        return None
    return Actor(str(exchange.caller.user_id), exchange.request_id)


@contextmanager
def on_command_line() -> Iterator[None]:
    """Let what happens within be done by the command line."""
    token = _on_command_line.set(True)
    try:
        yield
    finally:
        _on_command_line.reset(token)


class PrivateDetail(AssertionError):
    """An entry would hold what nobody may read in a log; a bug of whoever records it."""


async def record(store: Store, table: sa.Table, action: str, target: object, before: object = None, after: object = None) -> None:
    """Note in the open transaction what staff do to a target; of a change only the members that differ. Raises PrivateDetail.

    `before` and `after` are Structs or dicts; None where there was nothing, or nothing is left.
    """
    actor = acting()
    if actor is None:
        return
    old, new = _differing(msgspec.to_builtins(before), msgspec.to_builtins(after))
    if not old and not new:
        return
    _check(old)
    _check(new)
    values = {"at": await store.now(), "by": actor.by, "request_id": actor.request_id, "action": action, "target": str(target)}
    await store.change(table.insert().values(before=old, after=new, **values))


def _differing(old: Any, new: Any) -> tuple[Any, Any]:
    if old is None or new is None:
        return old, new
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {name: old.get(name) for name in names}, {name: new.get(name) for name in names}


def _check(value: object) -> None:
    if isinstance(value, dict):
        members = cast(dict[str, object], value)
        if found := [name for name in members if any(private in name.lower() for private in PRIVATE)]:
            raise PrivateDetail(f"the audit log is told {', '.join(found)}")
        for name, member in members.items():
            if name != ATTRIBUTES:
                _check(member)
    elif isinstance(value, list):
        for item in cast(list[object], value):
            _check(item)


class AuditEntry(Struct, frozen=True):
    """What somebody did; `by` is a staff user's id or `command line`, `email` is null where the module does not know it."""

    number: int
    at: datetime
    by: str
    email: str | None
    action: str
    target: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None


class Sought(Struct, frozen=True):
    """Which entries are looked for; all that is said must be true of them."""

    action: str | None = None
    target: str | None = None
    by: str | None = None
    since: datetime | None = None


class AuditLog:
    """The audit log of a module, for reading."""

    def __init__(self, database: Database[S], table: sa.Table, people: sa.Table | None = None) -> None:
        """Read this table; `people` has the id and e-mail of staff, in the module that knows them."""
        self._database, self._table, self._people = database, table, people

    async def entries(self, sought: Sought, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """Give a page of entries, the newest first; raises Invalid."""
        place = decode_cursor(cursor, tuple[Place])
        columns = self._table.c
        query = sa.select(self._table).order_by(columns.number.desc()).limit(limit + 1)
        query = query.where(*(columns[name] == value for name in ("action", "target", "by") if (value := getattr(sought, name)) is not None))
        if sought.since is not None:
            query = query.where(columns.at >= sought.since)
        if place is not None:
            query = query.where(columns.number < place[0])
        async with self._database.read() as store:
            rows, following = page(await store.rows(query), limit, lambda row: (row.number,))
            emails = await self._emails(store, {row.by for row in rows})
        return Page([_entry(row, emails.get(row.by)) for row in rows], following)

    async def _emails(self, store: Store, by: set[str]) -> dict[str, str]:
        ids = [UUID(id) for id in by if id != COMMAND_LINE]
        if self._people is None or not ids:
            return {}
        people = self._people.c
        return {str(row.id): row.email for row in await store.rows(sa.select(people.id, people.email).where(people.id.in_(ids)))}


def _entry(row: sa.Row[Any], email: str | None) -> AuditEntry:
    return AuditEntry(row.number, row.at, row.by, email, row.action, row.target, row.before, row.after, row.request_id)
