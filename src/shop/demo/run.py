"""The demo put together: the outside world runs in this process, the shop is a real `shop serve` beside it."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct

from shop.demo import refuse_in_production
from shop.demo.place import STAFF, Memory, Place
from shop.listening import CannotListen, listen

START_LIMIT = 60.0
END_LIMIT = 30.0
KEPT = ("SHOP_LOG_", "SHOP_LOCALES", "SHOP_TAX_RATES", "SHOP_SHIPPING_METHODS", "SHOP_CHECKOUT_", "SHOP_DRAIN_")


class DemoFailed(RuntimeError):
    """The demo cannot go on; the message is one line for people."""


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


def environment(place: Place, memory: Memory, given: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of the shop: real settings for real adapters, which lead to the twin and the mailbox."""
    kept = {name: value for name, value in given.items() if not name.startswith("SHOP_") or name.startswith(KEPT)}
    return (
        {"SHOP_LOG_LEVEL": "warning"}
        | kept
        | {
            "SHOP_ENV": "demo",
            "SHOP_HOST": place.host,
            "SHOP_PORT": str(place.port),
            "SHOP_PUBLIC_URL": place.url("the shop"),
            "SHOP_DATABASE_URL": f"sqlite:///{place.folder}/",
            "SHOP_STRIPE_SECRET_KEY": memory.secret_key,
            "SHOP_STRIPE_PUBLISHABLE_KEY": memory.publishable_key,
            "SHOP_STRIPE_WEBHOOK_SECRET": memory.webhook_secret,
            "SHOP_STRIPE_API_BASE": f"http://127.0.0.1:{place.ports['the Stripe twin']}",
            "SHOP_SMTP_HOST": "127.0.0.1",
            "SHOP_SMTP_PORT": str(place.ports["the mail server"]),
            "SHOP_SMTP_TLS": "none",
            "SHOP_SMTP_SENDER": "Shop <shop@shop.example>",
        }
    )


async def run(place: Place, env: str, show: Callable[[Running], None]) -> None:
    """Run everything until SIGTERM or Ctrl-C; `show` is called once, when everything can be used. Raises DemoFailed."""
    refuse_in_production(env)
    asked = _asked_to_end()
    memory = place.memory()
    variables = environment(place, memory, os.environ)
    async with _shop(place, variables) as shop, _outside(place, memory, env) as outside:
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
async def _shop(place: Place, variables: dict[str, str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run `shop serve`; it ends when this process does, however that goes, because the pipe between them closes."""
    alive, held = os.pipe()
    command = [sys.executable, "-m", "shop", "serve", "--until-closed", str(alive)]
    shop = await asyncio.create_subprocess_exec(
        *command, env=variables, cwd=place.folder, pass_fds=[alive], start_new_session=True, stdin=subprocess.DEVNULL
    )
    os.close(alive)
    try:
        yield shop
    finally:
        if shop.returncode is None:
            shop.terminate()
        try:
            async with asyncio.timeout(END_LIMIT):
                await shop.wait()
        except TimeoutError:
            shop.kill()
        os.close(held)


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
    await _ready(place)
    password, added = None, 0
    if not memory.stocked:
        from shop.demo.stocking import CannotStock, stock

        password = secrets.token_urlsafe(12)
        await _make_staff(place, variables, password)
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


async def _ready(place: Place) -> None:
    """Wait for readiness; a shop that ends before is seen elsewhere."""
    request = b"GET /actuator/health/readiness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(START_LIMIT):
            while True:
                with suppress(OSError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
                    writer.write(request)
                    answer = await reader.readline()
                    writer.close()
                    if b" 200 " in answer:
                        return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DemoFailed(f"the shop did not become ready in {START_LIMIT:g} s") from None


async def _make_staff(place: Place, variables: dict[str, str], password: str) -> None:
    command = [sys.executable, "-m", "shop", "admin", "create", STAFF, "--name", "Staff"]
    pipe = subprocess.PIPE
    made = await asyncio.create_subprocess_exec(*command, env=variables, cwd=place.folder, stdin=pipe, stdout=pipe, stderr=pipe)
    _, complaint = await made.communicate(f"{password}\n".encode())
    if made.returncode:
        raise DemoFailed(f"the staff login could not be made: {complaint.decode().strip()}")


def folder_of(port: int) -> Path:
    """Give the folder of the demo at this port, so that two demos never share one."""
    return Path("var/demo").absolute() / str(port)
