"""What every step of the saga works with: an order under a lease, and the transitions that it may make."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from shop.kit.database import Database
from shop.modules.sales.domain import Order, Pause
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore


class Work(Struct, frozen=True):
    """An order to be advanced: as it was just read, under a lease. `cart_token` is there only while a guest's request is being answered."""

    order: Order
    lease: UUID
    now: datetime
    cart_token: str | None = None

    @property
    def expired(self) -> bool:
        """Tell whether the checkout's time is over."""
        return self.now >= self.order.expires_at


log = logging.getLogger("shop.sales")
Step = Callable[[Work], Awaitable[Pause | None]]


class Transitions:
    """Writes what a step decided. A step gives None after it, so that the order is read again: whether the change took place does not matter."""

    def __init__(self, database: Database[SalesStore]) -> None:
        """Write to this database."""
        self.database = database

    async def move(self, work: Work, to: State, *, event: str | None = None, data: Any = None, **values: Any) -> Pause | None:
        """Let the order go on to a state, if it still is as it was read."""
        async with self.database.write() as store:
            await store.move(work.order, to, work.lease, event=event, data=data, **values)
        return None

    async def amend(self, work: Work, event: str, data: Any = None, **values: Any) -> Pause | None:
        """Change the order within its state, if it still is as it was read."""
        async with self.database.write() as store:
            await store.amend(work.order, event, data, **values)
        return None

    async def review(self, work: Work, why: str, **values: Any) -> Pause | None:
        """Take an order that does not add up out of the saga, for a person to look at."""
        log.error("order %s is under review: %s", work.order.id, why)
        return await self.move(work, State.REVIEW, data={"reason": why}, **values)
