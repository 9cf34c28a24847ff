"""Payments and refunds that a bank decides later, and the task that lets that later come."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal

from shop.demo.stripe_twin.ledger import Ledger

Outcome = Literal["succeeded", "failed"]
_LONGEST_NAP = 60.0
_NEVER = 9e12

log = logging.getLogger(__name__)


class Settlements:
    """What is still to be settled, by id, with the outcome it will have and the time it is due."""

    def __init__(self, ledger: Ledger) -> None:
        """Plan in this ledger."""
        self._ledger = ledger
        self.arrived = asyncio.Event()

    def plan(self, id: str, outcome: Outcome, after: float | None) -> None:
        """Settle this after so many seconds; None waits until a test says so."""
        due = _NEVER if after is None else time.time() + after
        self._ledger.sql.execute("INSERT OR REPLACE INTO settlements (id, due, outcome) VALUES (?, ?, ?)", (id, due, outcome))
        self.arrived.set()

    def forget(self, id: str) -> None:
        """Take away what is planned for this id."""
        self._ledger.sql.execute("DELETE FROM settlements WHERE id = ?", (id,))

    def due(self) -> list[tuple[str, Outcome]]:
        """Give what is due now."""
        rows = self._ledger.sql.execute("SELECT id, outcome FROM settlements WHERE due <= ?", (time.time(),))
        return [(row["id"], row["outcome"]) for row in rows]

    async def run(self, settle: Callable[[str, Outcome], object]) -> None:
        """Settle what falls due, for ever."""
        while True:
            self.arrived.clear()
            for id, outcome in self.due():
                try:
                    settle(id, outcome)
                except Exception:
                    log.exception("settling %s failed", id)
                    self.forget(id)
            await self._rest()

    async def _rest(self) -> None:
        (due,) = self._ledger.sql.execute("SELECT coalesce(min(due), ?) FROM settlements", (_NEVER,)).fetchone()
        try:
            async with asyncio.timeout(max(0.0, min(due - time.time(), _LONGEST_NAP))):
                await self.arrived.wait()
        except TimeoutError:
            return
