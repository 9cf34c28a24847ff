"""Running one part of the demo as a process of its own, for machines and containers where the shop runs elsewhere."""

import asyncio
import os
import signal
from collections.abc import Coroutine
from typing import Any

from shop.demo import refuse_in_production


def environment() -> str:
    """Give SHOP_ENV; without it this is production, which is refused. Raises DemoInProduction."""
    env = os.environ.get("SHOP_ENV") or "production"
    refuse_in_production(env)
    return env


def run(part: Coroutine[Any, Any, None]) -> None:
    """Run a part until SIGTERM or Ctrl-C; raises what ends it before."""
    asyncio.run(_until_asked_to_end(part))


async def _until_asked_to_end(part: Coroutine[Any, Any, None]) -> None:
    running = asyncio.create_task(part)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await asyncio.wait({running})
    if not running.cancelled():
        running.result()
