"""Constant requests from several clients, of which none may fail."""

import asyncio
import re
from types import TracebackType

import httpx
from deploy.containers.engine import within
from tests.support.shop import eventually

CLIENTS, PAUSE = 6, 0.05  # below nginx's limit for one address
FRESH = {"Cache-Control": "no-cache"}  # past nginx's cache, so that the services answer
SCRAPE = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/actuator/prometheus').read().decode())"


class Traffic:
    """Reads an address again and again for the length of the block; every answer must be 200."""

    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        """Begin with nothing sent."""
        self._client, self._path = client, path
        self.sent = 0
        self.failures: list[str] = []

    async def __aenter__(self) -> "Traffic":
        """Start the clients."""
        self._tasks = [asyncio.create_task(self._read()) for _ in range(CLIENTS)]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop the clients; raises AssertionError if any request failed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        print(f"   {self.sent} requests, {len(self.failures)} failed")
        if kind is None:
            assert not self.failures, self.failures[:5]

    async def reaches(self, number: int) -> None:
        """Wait until so many were sent."""
        await eventually(lambda: self._has_sent(number), 120)

    async def _has_sent(self, number: int) -> bool:
        return self.sent >= number

    async def _read(self) -> None:
        while True:
            try:
                answer = await self._client.get(self._path, headers=FRESH)
                if answer.status_code != 200:
                    self.failures.append(f"{answer.status_code} {answer.text[:200]}")
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
            self.sent += 1
            await asyncio.sleep(PAUSE)


def served(container: str) -> int:
    """Give how many requests for the catalogue this instance has answered."""
    lines = within(container, "python", "-c", SCRAPE).splitlines()
    found = [line for line in lines if re.match(r'http_server_requests_seconds_count\{.*uri="/api/v1/products"', line)]
    return sum(int(float(line.rpartition(" ")[2])) for line in found)
