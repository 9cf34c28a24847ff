"""The kinds of adapters that every case of a contract suite runs against."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

from tests.support.loopback import free_port
from tests.support.remote import Network, serves, target
from typing_extensions import TypeForm

from shop.adapters import feign, in_process
from shop.adapters.http_client import http_client
from shop.demo.serving import serving
from shop.kit.port import endpoints

P = TypeVar("P")
LOCAL = ("fake", "in_process", "rehearsed")
KINDS = (*LOCAL, "http", "socket")


@asynccontextmanager
async def adapted(kind: str, port: TypeForm[P], fake: P, open_scope: Callable[[], AbstractAsyncContextManager[P]]) -> AsyncGenerator[P]:
    """Give the port behind the adapter of this kind: the fake itself, or the real module in this process, over HTTP in memory, or over sockets."""
    if kind == "fake":
        yield fake
        return
    local = in_process.adapter(port, open_scope, rehearse=kind == "rehearsed")
    if kind in ("in_process", "rehearsed"):
        yield local
        return
    module, app = endpoints(port)[0].module, serves(port, local)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(app, port=free_port())) if kind == "socket" else f"http://{module}"
        client = await stack.enter_async_context(http_client(None if kind == "socket" else Network({module: app})))
        yield feign.client(port, target(module, client, url))
