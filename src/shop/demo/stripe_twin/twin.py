"""The twin put together: what is remembered, what can be asked, what happens on its own."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from shop.demo.stripe_twin.answers import Answers
from shop.demo.stripe_twin.deliveries import Deliveries
from shop.demo.stripe_twin.events import Events
from shop.demo.stripe_twin.faults import FaultBox
from shop.demo.stripe_twin.gate import Gate
from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.payments import Payments
from shop.demo.stripe_twin.refunds import Refunds
from shop.demo.stripe_twin.requests import RequestLog
from shop.demo.stripe_twin.settings import TwinSettings
from shop.demo.stripe_twin.settlements import Outcome, Settlements


class Twin:
    """A Stripe account in test mode, on this machine."""

    def __init__(self, settings: TwinSettings, clock: Callable[[], float] = time.time) -> None:
        """Open the account that the settings name."""
        self.settings = settings
        self._clock = clock
        self.ledger = Ledger(settings.database)
        self.faults = FaultBox(self.ledger)
        self.events = Events(self.ledger, self.faults, self.now, configured=settings.webhook_url is not None)
        self.settlements = Settlements(self.ledger)
        self.payments = Payments(self.ledger, self.events, self.faults, self.settlements, self.now, settings.public_url)
        self.refunds = Refunds(self.ledger, self.events, self.faults, self.settlements, self.now)
        self.requests = RequestLog(self.ledger)
        self.gate = Gate(settings, self.ledger, Answers(self.ledger, self.now), self.faults, self.requests)
        self.deliveries = Deliveries(settings, self.ledger, self.events, self.faults)

    def now(self) -> float:
        """Give the time that this Stripe believes it is."""
        return self._clock() + self.faults.now.clock_ahead

    def settle(self, id: str, outcome: Outcome) -> object:
        """Let a processing payment or a pending refund come to its end."""
        with self.ledger.transaction():
            return self.refunds.settle(id, outcome) if id.startswith("re_") else self.payments.settle(id, outcome)

    @asynccontextmanager
    async def alive(self) -> AsyncGenerator[None]:
        """Deliver webhooks and settle what falls due for the length of the block."""
        tasks = [asyncio.create_task(self.deliveries.run()), asyncio.create_task(self.settlements.run(self.settle))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.ledger.close()


TheTwin: TypeAlias = NamedDependency[SkipValidation[Twin]]
"""How a route asks for the twin."""
