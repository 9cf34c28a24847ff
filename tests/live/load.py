"""Constant load, of which every answer counts."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from msgspec import Struct

PAUSE = 0.02


class Answer(Struct, frozen=True):
    """What one request met: a status, or the name of the error that came instead; `at` is monotonic seconds."""

    at: float
    outcome: str


class Load:
    """Requests of some people who never stop."""

    def __init__(self) -> None:
        """Begin without any."""
        self.answers: list[Answer] = []

    @property
    def failures(self) -> list[Answer]:
        """Give those that were not answered with 200."""
        return [answer for answer in self.answers if answer.outcome != "200"]


@asynccontextmanager
async def load(send: Callable[[], Awaitable[httpx.Response]], people: int = 6) -> AsyncGenerator[Load]:
    """Let some people send a request again and again, each after the answer to the one before, for the length of the block."""
    running, seen = True, Load()

    async def person() -> None:
        while running:
            try:
                outcome = str((await send()).status_code)
            except httpx.TransportError as error:
                outcome = type(error).__name__
            seen.answers.append(Answer(time.monotonic(), outcome))
            await asyncio.sleep(PAUSE)

    async with asyncio.TaskGroup() as group:
        for _ in range(people):
            group.create_task(person())
        try:
            yield seen
        finally:
            running = False
