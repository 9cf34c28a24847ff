"""A real `shop serve` that dies, and a client that asks again."""

import asyncio

import httpx
from tests.support.process import ShopProcess
from tests.support.shop import Shop


class Stubborn(httpx.AsyncHTTPTransport):
    """Sends a request again until somebody answers it: what a careful client does, under the same idempotency key."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Repeat on a broken connection, on 503 and while the key is in use."""
        deadline = asyncio.get_running_loop().time() + 90
        while True:
            try:
                response = await super().handle_async_request(request)
                if response.status_code != 503 and not await _is_in_use(response):
                    return response
            except httpx.TransportError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.1)


async def _is_in_use(response: httpx.Response) -> bool:
    if response.status_code != 409:
        return False
    return b"idempotency_key_in_use" in await response.aread()


class Killable:
    """A shop that can be killed while people buy."""

    def __init__(self, shop: Shop, process: ShopProcess) -> None:
        """Both speak of the same shop."""
        self.shop = shop
        self.process = process

    async def dies(self, after: float) -> None:
        """Run for some seconds, be killed, and start again."""
        await asyncio.sleep(after)
        self.process.kill()
        await self.process.start()
