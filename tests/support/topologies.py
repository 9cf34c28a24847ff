"""Where the four modules run: in one process, in four applications of this event loop, in four real processes, or anything between."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import httpx
from tests.support.loopback import free_port
from tests.support.outside import Outside
from tests.support.process import ShopProcess
from tests.support.remote import SECRET, Network
from tests.support.shop import ISSUER, SIGNING_KEY

from shop.app import assemble
from shop.demo.serving import serving
from shop.settings import MODULES, Auth, Databases, Images, Remote, Runtime, Settings

PARTITION = tuple((module,) for module in MODULES)


def _beginning(path: str) -> str:
    """Give the part of a path that says whose it is: the first one, and of the audit logs the second one too."""
    parts = path.removeprefix("/api/v1").split("/")
    return "/".join(parts[1:3] if parts[1] == "audit" else parts[1:2])


def _owners() -> dict[str, str]:
    """Find out which module answers below which beginning of a path."""
    manifests = {module: import_module(f"shop.modules.{module}.module").MODULE for module in MODULES}
    return {_beginning(path): module for module, manifest in manifests.items() for handler in manifest.routes for path in handler.paths}


OWNERS = _owners()


class Gateway:
    """Sends each request to whoever hosts the module that its path belongs to, as the gateway in front of four processes does."""

    def __init__(self, apps: Mapping[str, Any]) -> None:
        """`apps` are ASGI applications by module."""
        self._apps = apps

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass one request on; the applications' own lifespans are somebody else's."""
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        owner = OWNERS.get(_beginning(scope["path"]), MODULES[0])
        await self._apps[owner](scope, receive, send)


class Upstream:
    """A process at a URL, as an ASGI application."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        """Send everything there."""
        self._url = url
        self._client = client

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass one request on, and its answer back."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"host", b"connection", b"transfer-encoding")]
        url = httpx.URL(f"{self._url}{scope['path']}", query=scope["query_string"])
        answer = await self._client.request(scope["method"], url, headers=headers, content=body)
        kept = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in (b"connection", b"transfer-encoding")]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        await send({"type": "http.response.body", "body": answer.content})


def settings(url: str, world: Outside, hosted: Sequence[str] = MODULES, peers: Mapping[str, str] | None = None) -> Settings:
    """Give the settings of a process that hosts these modules; with `peers` it reaches the others there."""
    return Settings(
        runtime=Runtime(modules=tuple(hosted)),
        databases=Databases(url=url),
        images=Images(str(world.images)),
        auth=Auth(ISSUER, (SIGNING_KEY,) if "users" in hosted else ()),
        stripe=world.stripe if "sales" in hosted else None,
        smtp=world.smtp if {"sales", "users"} & set(hosted) else None,
        remote=Remote() if peers is None else Remote(SECRET, {module: (peer,) for module, peer in peers.items() if module not in hosted}),
    )


@asynccontextmanager
async def one(url: str, port: int, world: Outside, *, rehearse: bool) -> AsyncGenerator[str]:
    """Run all modules in one application."""
    async with serving(assemble(MODULES, settings(url, world), rehearse=rehearse), port=port) as address:
        yield address


@asynccontextmanager
async def several(partition: Sequence[Sequence[str]], url: str, port: int, world: Outside) -> AsyncGenerator[str]:
    """Run an application for each group of modules in this loop; they call each other over HTTP in memory."""
    apps: dict[str, Any] = {}
    network = Network(apps)
    peers = {module: f"http://{module}" for module in MODULES}
    made = [(hosted, assemble(hosted, settings(url, world, hosted, peers), (httpx.AsyncBaseTransport, network))) for hosted in partition]
    async with AsyncExitStack() as stack:
        for hosted, app in made:
            await stack.enter_async_context(app.lifespan())
            apps.update(dict.fromkeys(hosted, app))
        yield await stack.enter_async_context(serving(cast(Any, Gateway(apps)), port=port))


@asynccontextmanager
async def processes(folder: Path, url: str, port: int, world: Outside, **settings: str) -> AsyncGenerator[str]:
    """Run four real processes that find each other at static addresses, behind a gateway; `settings` are further SHOP_ variables."""
    ports = {module: free_port() for module in MODULES}
    urls = {module: f"http://127.0.0.1:{port}" for module, port in ports.items()}
    running = {module: process(folder, module, port, urls, url, world, **settings) for module, port in ports.items()}
    try:
        for started in running.values():
            started.launch()
        for started in running.values():
            await started.ready()
        async with httpx.AsyncClient(timeout=30, trust_env=False, limits=httpx.Limits(max_connections=None)) as client:
            upstreams = {module: Upstream(started.url, client) for module, started in running.items()}
            async with serving(cast(Any, Gateway(upstreams)), port=port) as address:
                yield address
    finally:
        for started in running.values():
            started.kill()


def process(folder: Path, module: str, port: int, urls: Mapping[str, str], database_url: str, world: Outside, **settings: str) -> ShopProcess:
    """Give the process of one module, which finds the others at these URLs."""
    own = folder / module
    own.mkdir()
    peers = {f"PEERS_{other.upper()}_URL": url for other, url in urls.items() if other != module}
    keyless = {} if module == "users" else {"AUTH_SIGNING_KEY_FILE": ""}
    return ShopProcess(own, port, database_url, world, MODULES=module, INTERNAL_SECRET=SECRET.reveal(), **peers, **keyless, **settings)
