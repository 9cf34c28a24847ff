"""A worker: the application behind the door, from the first to the last request."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

import uvloop
from litestar import Litestar

import shop
from shop.adapters.registration import Presence, enrolments
from shop.app import assemble
from shop.configuration.refreshing import Refresher
from shop.kit import tracing
from shop.kit.http.edge import Traffic
from shop.kit.http.traced import Traced
from shop.kit.http.watch import watch
from shop.kit.metrics import Metrics
from shop.listening import Door
from shop.operations import is_ready
from shop.settings import MODULES, Drain, Settings

PUBLISH_EVERY = 1.0
LULL = 0.1  # lets busy connections hear "Connection: close" before the door does close
log = logging.getLogger("shop.process")


def create(settings: Settings, metrics: Metrics | None = None) -> Litestar:
    """Give the application as a worker serves it: every request is counted and logged."""
    app = assemble(settings.runtime.modules, settings, (Metrics, metrics or Metrics()))
    watch(app)
    if tracing.is_on():
        app.asgi_handler = Traced(app.asgi_handler)
    return app


def work(
    settings: Settings,
    opened: socket.socket,
    metrics: Metrics | None = None,
    parent: int | None = None,
    *,
    registers: bool = True,
    refresher: Refresher | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until the parent is gone (the pipe `parent` ends); a second signal ends the waiting.

    Of several workers one `registers`: they are one instance, at one address. `refresher` keeps an eye on the config server.
    """
    stop = _traces(settings)
    try:
        uvloop.run(_work(settings, opened, metrics or Metrics(), parent, registers, refresher))
    finally:
        stop()


def _traces(settings: Settings) -> Callable[[], None]:
    """Send traces where the settings say; gives what ends that."""
    if settings.otel.endpoint is None:
        return lambda: None
    hosted = settings.runtime.modules
    return tracing.start(settings.otel.endpoint, "shop" if set(hosted) == set(MODULES) else f"shop-{'-'.join(hosted)}", shop.__version__)


async def _work(
    settings: Settings, opened: socket.socket, metrics: Metrics, parent: int | None, registers: bool, refresher: Refresher | None
) -> None:
    end = End(parent)
    app = create(settings, metrics)
    app.state.refresher = refresher
    server = app.state.neighbours.server
    presence = Presence(server, enrolments(settings) if server and registers else [])
    async with app.lifespan():
        door = Door(app, opened)
        serving = asyncio.create_task(door.serve(), name="door")
        background = [asyncio.create_task(_publish(metrics), name="publish metrics")]
        background += [asyncio.create_task(refresher.follow(), name="follow the settings")] if refresher else []
        log.info("listening on %s, hosting %s", _address(opened), ", ".join(settings.runtime.modules))
        presence.begin(lambda: is_ready(app))
        ended = asyncio.create_task(end.asked.wait())
        await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
        await _drain(app.state.traffic, settings.drain, end, door, serving, opened, presence)
        for task in (*background, ended):
            task.cancel()
    log.info("ended")


class End:
    """What asks a worker to end."""

    def __init__(self, parent: int | None) -> None:
        """Listen for signals and for the end of the parent's pipe, from before the application is made."""
        self.asked = asyncio.Event()
        self.at_once = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._ask)
        if parent is None:
            loop.add_signal_handler(signal.SIGINT, self._ask)
        else:  # Ctrl-C reaches the parent too, which passes it on
            loop.add_reader(parent, self._orphaned, parent)

    def _ask(self) -> None:
        (self.at_once if self.asked.is_set() else self.asked).set()

    def _orphaned(self, parent: int) -> None:
        asyncio.get_running_loop().remove_reader(parent)
        log.error("the parent process is gone")
        self.asked.set()


async def _drain(
    traffic: Traffic, drain: Drain, end: End, door: Door, serving: asyncio.Task[None], opened: socket.socket, presence: Presence
) -> None:
    """Be not ready and DOWN for a while, leave the registry, close the door, then let requests under way finish within the limit."""
    traffic.draining = True
    await presence.down()
    if drain.wait and not serving.done():
        log.info("not ready any more; the door closes in %g s", drain.wait.total_seconds())
    await _passed(end.at_once, LULL + drain.wait.total_seconds())
    await presence.leave()
    opened.close()
    door.stop()  # type: ignore[no-untyped-call]
    log.info("the door is closed; %d requests are under way", traffic.under_way)
    hurry = asyncio.create_task(end.at_once.wait())
    await asyncio.wait({serving, hurry}, timeout=drain.limit.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    hurry.cancel()
    if traffic.under_way:
        log.warning("%d requests did not finish in %g s and are cut off", traffic.under_way, drain.limit.total_seconds())
    if serving.done():
        serving.result()


async def _passed(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _publish(metrics: Metrics) -> None:
    while True:
        metrics.publish()
        await asyncio.sleep(PUBLISH_EVERY)


def _address(opened: socket.socket) -> str:
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port} (process {os.getpid()})" if ":" in host else f"http://{host}:{port} (process {os.getpid()})"
