"""The twin's memory: one SQLite file that survives kill -9, as Stripe survives our crashes."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from shop.demo.stripe_twin.objects import Charge, Event, PaymentIntent, Refund, WebhookEndpoint

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    kind TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL, created INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_newest ON objects (kind, seq DESC);
CREATE INDEX IF NOT EXISTS objects_of_intent ON objects (kind, json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS objects_of_order ON objects (kind, json_extract(body, '$.metadata."order_id"'));
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL, request TEXT NOT NULL,
    created REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, key TEXT, status INTEGER NOT NULL,
    executed INTEGER NOT NULL, replayed INTEGER NOT NULL, lost INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, event TEXT NOT NULL, endpoint TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL, status INTEGER, error TEXT, updated REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
CREATE TABLE IF NOT EXISTS settlements (id TEXT PRIMARY KEY, due REAL NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);
"""

Kept = PaymentIntent | Charge | Refund | Event | WebhookEndpoint
K = TypeVar("K", PaymentIntent, Charge, Refund, Event, WebhookEndpoint)


class Ledger:
    """Stripe's objects by kind and id, newest first, and the tables around them."""

    def __init__(self, path: Path) -> None:
        """Open the file, and make it if it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.sql = sqlite3.connect(path, isolation_level=None, timeout=10)
        self.sql.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            self.sql.execute(f"PRAGMA {pragma}")
        self.sql.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; nothing is lost if this never happens."""
        self.sql.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Make everything in the block one transaction; a block inside a block joins the outer one."""
        if self.sql.in_transaction:
            yield
            return
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    def put(self, item: Kept) -> None:
        """Write an object as it now is."""
        self.sql.execute(
            "INSERT INTO objects (kind, id, seq, created, body) "
            "VALUES (?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM objects WHERE kind = ?), ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (item.object, item.id, item.object, item.created, msgspec.json.encode(item).decode()),
        )

    def get(self, cls: type[K], id: str) -> K | None:
        """Read an object by its id."""
        found = self.find(cls, "id = ?", (id,), limit=1)
        return found[0] if found else None

    def find(self, cls: type[K], where: str = "TRUE", values: tuple[object, ...] = (), *, limit: int = -1) -> list[K]:
        """Read the objects that satisfy an SQL condition over `id`, `seq`, `created` and `body`, newest first."""
        query = f"SELECT body FROM objects WHERE kind = ? AND ({where}) ORDER BY seq DESC LIMIT ?"  # noqa: S608  conditions are ours
        decode = msgspec.json.Decoder(cls).decode
        return [decode(row["body"]) for row in self.sql.execute(query, (_kind(cls), *values, limit))]

    def delete(self, item: Kept) -> None:
        """Forget an object."""
        self.sql.execute("DELETE FROM objects WHERE kind = ? AND id = ?", (item.object, item.id))


def _kind(cls: type[Kept]) -> str:
    return {PaymentIntent: "payment_intent", Charge: "charge", Refund: "refund", Event: "event", WebhookEndpoint: "webhook_endpoint"}[cls]
