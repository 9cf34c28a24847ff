"""The demo put together: the outside world runs in this process, the shop is a real `shop serve` beside it."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from shop.demo import refuse_in_production
from shop.demo.child import DemoFailed, environment, make_staff, serving_shop, wait_until_ready
from shop.demo.place import STAFF, Memory, Place
from shop.listening import CannotListen, listen


class Running(Struct, frozen=True):
    """What the one who started the demo wants to know; the password is there only when the login was just made."""

    shop: str
    api: str
    payments: str
    mailbox: str
    smtp: str
    folder: str
    staff_email: str
    staff_password: str | None
    products_added: int


def refuse_taken_ports(place: Place) -> None:
    """Refuse to start where somebody listens; raises CannotListen, which names the port and what it is for."""
    for name, port in place.ports.items():
        try:
            listen(place.host, port).close()
        except CannotListen as error:
            raise CannotListen(f"{name} cannot start: {error}") from error


async def run(place: Place, env: str, show: Callable[[Running], None]) -> None:
    """Run everything until SIGTERM or Ctrl-C; `show` is called once, when everything can be used. Raises DemoFailed."""
    refuse_in_production(env)
    asked = _asked_to_end()
    memory = place.memory()
    variables = environment(place, memory, os.environ)
    async with serving_shop(place, variables) as shop, _outside(place, memory, env) as outside:
        work = asyncio.create_task(_open(place, memory, variables, show))
        ended = [asyncio.create_task(asked.wait()), asyncio.create_task(shop.wait()), *outside]
        await asyncio.wait([work, *ended], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
            await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        ended[0].cancel()
        _explain(asked, shop, outside)


def _explain(asked: asyncio.Event, shop: asyncio.subprocess.Process, outside: list[asyncio.Task[None]]) -> None:
    if asked.is_set():
        return
    for part in outside:
        if part.done():
            raise DemoFailed(f"{part.get_name()} stopped: {part.exception()}")
    if shop.returncode is not None:
        how = f"was ended by signal {-shop.returncode}" if shop.returncode < 0 else f"ended with {shop.returncode}"
        raise DemoFailed(f"the shop {how}; start shop demo again, it goes on with the same data")


def _asked_to_end() -> asyncio.Event:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked


@asynccontextmanager
async def _outside(place: Place, memory: Memory, env: str) -> AsyncGenerator[list[asyncio.Task[None]]]:
    """Run the Stripe twin, and the mailbox with its mail server."""
    from shop.demo.mailbox import serve_mailbox  # the shop starts while these are loaded
    from shop.demo.stripe_twin import TwinSettings, serve_twin

    twin = TwinSettings(
        database=place.folder / "stripe.db",
        secret_key=memory.secret_key,
        publishable_key=memory.publishable_key,
        webhook_secret=memory.webhook_secret,
        webhook_url=f"http://127.0.0.1:{place.port}/api/v1/payments/stripe/webhook",
        public_url=place.url("the Stripe twin"),
        env=env,
    )
    ports = place.ports
    mails = place.folder / "mails"
    parts = [
        asyncio.create_task(serve_twin(twin, host=place.host, port=ports["the Stripe twin"]), name="the Stripe twin"),
        asyncio.create_task(
            serve_mailbox(mails, env=env, host=place.host, port=ports["the mailbox"], smtp_port=ports["the mail server"]), name="the mailbox"
        ),
    ]
    try:
        yield parts
    finally:
        for part in parts:
            part.cancel()
        await asyncio.wait(parts)


async def _open(place: Place, memory: Memory, variables: dict[str, str], show: Callable[[Running], None]) -> None:
    """Wait until the shop answers; the first time, make the staff login and fill the shelves."""
    await wait_until_ready(place)
    password, added = None, 0
    if not memory.stocked:
        from shop.demo.stocking import CannotStock, stock

        password = secrets.token_urlsafe(12)
        await make_staff(place, variables, password)
        try:
            added = await stock(f"http://127.0.0.1:{place.port}", place.url("the Stripe twin"), STAFF, password)
        except (CannotStock, ExceptionGroup) as error:
            first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            raise DemoFailed(f"{first}; start shop demo again, it goes on from there") from error
        place.remember_stocked()
    show(_running(place, password, added))


def _running(place: Place, password: str | None, added: int) -> Running:
    shop = place.url("the shop")
    return Running(
        shop=shop,
        api=f"{shop}/schema",
        payments=place.url("the Stripe twin"),
        mailbox=place.url("the mailbox"),
        smtp=f"127.0.0.1:{place.ports['the mail server']}",
        folder=str(place.folder),
        staff_email=STAFF,
        staff_password=password,
        products_added=added,
    )


def folder_of(port: int) -> Path:
    """Give the folder of the demo at this port, so that two demos never share one."""
    return Path("var/demo").absolute() / str(port)
