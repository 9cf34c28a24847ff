"""Idempotency as Stripe keeps it: one answer per key for 24 hours, whatever it was, once execution had begun."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.problems import StripeProblem

KEPT_FOR = 24 * 3600.0


class Answer(Struct, frozen=True):
    """What was answered, ready to be sent again; `request` is the id of the request that was executed."""

    status: int
    body: bytes
    request: str


class Answers:
    """Answers by idempotency key."""

    def __init__(self, ledger: Ledger, now: Callable[[], float]) -> None:
        """Keep answers in this ledger, by this clock."""
        self._ledger = ledger
        self._now = now
        self.in_flight: set[str] = set()

    def begin(self, key: str, fingerprint: str) -> Answer | None:
        """Give the kept answer, or take the key; raises if the key is in use or was used for another request."""
        if not 1 <= len(key) <= 255:
            raise StripeProblem("Idempotency keys have 1 to 255 characters.", type="idempotency_error")
        if key in self.in_flight:
            message = "There is currently another in-progress request using this Idempotent Key. Please try again later."
            raise StripeProblem(message, status=409, type="idempotency_error", code="idempotency_key_in_use")
        row = self._ledger.sql.execute("SELECT * FROM answers WHERE key = ? AND created > ?", (key, self._now() - KEPT_FOR)).fetchone()
        if not row:
            self.in_flight.add(key)
            return None
        if row["fingerprint"] != fingerprint:
            message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            raise StripeProblem(message, type="idempotency_error")
        return Answer(row["status"], row["body"], row["request"])

    def end(self, key: str) -> None:
        """Give the key back; what was kept stays."""
        self.in_flight.discard(key)

    def keep(self, key: str, fingerprint: str, answer: Answer) -> None:
        """Keep an answer; called in the transaction of its effect."""
        row = (key, fingerprint, answer.status, answer.body, answer.request, self._now())
        self._ledger.sql.execute("INSERT OR REPLACE INTO answers (key, fingerprint, status, body, request, created) VALUES (?,?,?,?,?,?)", row)


def fingerprint(method: str, path: str, form: dict[str, Any]) -> str:
    """Give what must be the same for a key to be used again; the order of the parameters is not part of it."""
    return hashlib.sha256(msgspec.json.encode([method, path, form], order="sorted")).hexdigest()
