"""Events: what happened, written in the same transaction as its effect, with a delivery for every endpoint that wants it."""

import asyncio
import time
from collections.abc import Callable
from contextvars import ContextVar

import msgspec

from shop.demo.stripe_twin.faults import FaultBox
from shop.demo.stripe_twin.ids import new_id
from shop.demo.stripe_twin.ledger import Ledger
from shop.demo.stripe_twin.objects import Cause, Charge, Event, EventData, PaymentIntent, Refund, WebhookEndpoint

CONFIGURED = "configured"
"""The name of the endpoint that comes from the settings."""

CAUSE: ContextVar[Cause] = ContextVar("cause", default=Cause())  # noqa: B039  a frozen Struct
"""The API request being executed."""


class Events:
    """Records events; `arrived` wakes whoever delivers them."""

    def __init__(self, ledger: Ledger, faults: FaultBox, now: Callable[[], float], *, configured: bool) -> None:
        """Record into this ledger; `configured` says whether the settings name an endpoint."""
        self._ledger = ledger
        self._faults = faults
        self._now = now
        self._configured = configured
        self.arrived = asyncio.Event()

    def record(self, type: str, about: PaymentIntent | Charge | Refund) -> Event:
        """Write an event about an object as it now is."""
        endpoints = self.endpoints(type)
        event = Event(
            id=new_id("evt"),
            created=int(self._now()),
            data=EventData(msgspec.to_builtins(about)),
            pending_webhooks=len(endpoints),
            request=CAUSE.get(),
            type=type,
        )
        self._ledger.put(event)
        for endpoint in endpoints:
            self._plan(event, endpoint)
        self.arrived.set()
        return event

    def endpoints(self, type: str) -> list[str]:
        """Name the endpoints that want events of this type."""
        made = self._ledger.find(WebhookEndpoint)
        wanting = [each.id for each in made if each.status == "enabled" and {"*", type} & set(each.enabled_events)]
        return [CONFIGURED, *wanting] if self._configured else wanting

    def _plan(self, event: Event, endpoint: str) -> None:
        faults, now = self._faults.now, time.time()
        state = "dropped" if faults.drop_webhooks else "pending"
        row = (event.id, endpoint, state, now + faults.webhook_delay, now)
        for _ in range(1 + faults.duplicate_webhooks):
            self._ledger.sql.execute("INSERT INTO deliveries (event, endpoint, state, due, updated) VALUES (?, ?, ?, ?, ?)", row)
