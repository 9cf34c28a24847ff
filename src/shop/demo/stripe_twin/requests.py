"""What was asked of the API, so that a test can count by idempotency key."""

import time
from typing import Any

import msgspec
from msgspec import Struct

from shop.demo.stripe_twin.call import Call
from shop.demo.stripe_twin.ledger import Ledger


class KeyUse(Struct, frozen=True):
    """How often a key was used, how often that led to an execution, and how often a kept answer was sent again."""

    key: str
    method: str
    path: str
    requests: int
    executed: int
    replayed: int
    lost: int
    statuses: list[int]


class RequestLog:
    """Requests that may change something; reads are not kept."""

    def __init__(self, ledger: Ledger) -> None:
        """Write into this ledger."""
        self._ledger = ledger

    def note(self, call: Call, status: int, *, executed: bool = False, replayed: bool = False) -> None:
        """Write down a request and how it was answered."""
        if call.method == "GET":
            return
        row = (call.id, time.time(), call.method, call.path, call.key, status, executed, replayed, False)
        self._ledger.sql.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def lose(self, id: str) -> None:
        """Write down that the answer never arrived."""
        self._ledger.sql.execute("UPDATE requests SET lost = 1 WHERE id = ?", (id,))

    def all(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Give the last requests, newest first."""
        return [dict(row) for row in self._ledger.sql.execute("SELECT * FROM requests ORDER BY rowid DESC LIMIT ?", (limit,))]

    def by_key(self) -> list[KeyUse]:
        """Count the requests of every idempotency key."""
        query = (
            "SELECT key, min(method) AS method, min(path) AS path, count(*) AS requests, sum(executed) AS executed, "
            "sum(replayed) AS replayed, sum(lost) AS lost, group_concat(status) AS statuses "
            "FROM requests WHERE key IS NOT NULL GROUP BY key ORDER BY min(rowid)"
        )
        rows = [dict(row) for row in self._ledger.sql.execute(query)]
        return msgspec.convert([row | {"statuses": row["statuses"].split(",")} for row in rows], list[KeyUse], strict=False)
