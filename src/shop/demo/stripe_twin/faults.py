"""What a test may make go wrong; kept in the ledger, so faults survive a restart too."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from shop.demo.stripe_twin.ledger import Ledger

Seconds = Annotated[float, Meta(ge=0, le=3600)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]


class Faults(Struct, frozen=True, forbid_unknown_fields=True):
    """The faults in force; the defaults are a healthy Stripe.

    `match` limits the faults of requests to those whose "METHOD /path" fits this shell pattern, e.g. "POST /v1/refunds".
    A 500 is kept under the idempotency key, as Stripe keeps it; 429 and 503 are refused before anything is executed and not kept.
    """

    match: str = "*"
    slow_execution: Seconds = 0
    slow_answers: Seconds = 0
    lose_answers: Count = 0
    fail_requests: Count = 0
    fail_status: Literal[429, 500, 503] = 500
    fail_after_effect: bool = False
    decline: str | None = None
    refunds: Literal["succeed", "pending", "fail"] = "succeed"
    settle_after: Seconds | None = 2.0
    search_lag: Seconds = 0
    drop_webhooks: bool = False
    hold_webhooks: bool = False
    duplicate_webhooks: Annotated[int, Meta(ge=0, le=20)] = 0
    webhook_delay: Seconds = 0
    retry_after: Annotated[float, Meta(ge=0.01, le=3600)] = 1.0
    clock_ahead: Annotated[float, Meta(ge=-1e8, le=1e8)] = 0

    def hit(self, method: str, path: str) -> bool:
        """Say whether the faults of requests concern this one."""
        return fnmatchcase(f"{method} {path}", self.match)


class FaultBox:
    """Holds the faults in force and counts down those that hit a number of requests."""

    def __init__(self, ledger: Ledger) -> None:
        """Go on with the faults that were in force."""
        self._ledger = ledger
        row = ledger.sql.execute("SELECT body FROM faults").fetchone()
        self.now: Faults = msgspec.json.decode(row["body"], type=Faults) if row else Faults()

    def set(self, faults: Faults) -> None:
        """Replace the faults in force."""
        self.now = faults
        self._ledger.sql.execute("INSERT OR REPLACE INTO faults (id, body) VALUES (1, ?)", (msgspec.json.encode(faults).decode(),))

    def takes_failure(self, method: str, path: str) -> int | None:
        """Give the status that this request must fail with, if it must, and count it."""
        if not (self.now.fail_requests and self.now.hit(method, path)):
            return None
        self.set(replace(self.now, fail_requests=self.now.fail_requests - 1))
        return self.now.fail_status

    def takes_loss(self, method: str, path: str) -> bool:
        """Say whether the answer to this request must be lost, and count it."""
        if not (self.now.lose_answers and self.now.hit(method, path)):
            return False
        self.set(replace(self.now, lose_answers=self.now.lose_answers - 1))
        return True
