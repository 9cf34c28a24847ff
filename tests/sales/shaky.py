"""A port whose calls may get lost: before they do anything, or after they did it all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shop.kit.problems import Unavailable
from shop.kit.transactions import assert_no_transaction


class Killed(BaseException):
    """The process died; nothing in it may catch this."""


async def nothing(name: str) -> None:
    """Do nothing before a call."""


class Network:
    """Decides what happens to each call: `choose` gives ok, before, after, kill or kill_after for its name; `on_call` runs before it arrives."""

    def __init__(self) -> None:
        """Start with a network that loses nothing."""
        self.choose: Callable[[str], str] = lambda name: "ok"
        self.calls: list[str] = []
        self.on_call: Callable[[str], Awaitable[None]] = nothing

    def lose(self, name: str, fate: str = "before", times: int = 1) -> None:
        """Let the next calls of this name be lost like this, and no others."""
        left = [fate] * times
        self.choose = lambda called: left.pop() if called == name and left else "ok"

    async def carry(self, name: str, call: Callable[[], Any]) -> Any:
        """Carry one call over."""
        assert_no_transaction(name)
        self.calls.append(name)
        fate = self.choose(name)
        await asyncio.sleep(0)
        if fate == "before":
            raise Unavailable(f"{name} was lost")
        if fate == "kill":
            raise Killed(name)
        await self.on_call(name)
        result = await call()
        await asyncio.sleep(0)
        if fate == "after":
            raise Unavailable(f"the answer of {name} was lost")
        if fate == "kill_after":
            raise Killed(name)
        return result


class Shaky:
    """Stands before a port and sends every call through the network."""

    def __init__(self, port: Any, name: str, network: Network) -> None:
        """Give it the port's name, so that the network can tell calls apart."""
        self._port, self._name, self._network = port, name, network

    def __getattr__(self, method: str) -> Any:
        """Give the method as it behaves over this network."""
        call = getattr(self._port, method)

        async def carried(**arguments: Any) -> Any:
            return await self._network.carry(f"{self._name}.{method}", lambda: call(**arguments))

        return carried
