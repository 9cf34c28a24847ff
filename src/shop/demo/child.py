"""The shop of a demo: a real `shop serve` beside this process."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

from shop.demo.place import STAFF, Memory, Place

START_LIMIT = 60.0
END_LIMIT = 30.0
KEPT = ("SHOP_LOG_", "SHOP_LOCALES", "SHOP_TAX_RATES", "SHOP_SHIPPING_METHODS", "SHOP_CHECKOUT_", "SHOP_DRAIN_", "SHOP_TRUSTED_PROXIES")


class DemoFailed(RuntimeError):
    """The demo cannot go on; the message is one line for people."""


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
            "SHOP_IMAGES_STORE": f"{place.folder}/images/",
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


@asynccontextmanager
async def serving_shop(place: Place, variables: dict[str, str]) -> AsyncGenerator[asyncio.subprocess.Process]:
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


async def wait_until_ready(place: Place) -> None:
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


async def make_staff(place: Place, variables: dict[str, str], password: str) -> None:
    """Make the staff login; one that is there gets this password."""
    command = [sys.executable, "-m", "shop", "admin", "create", STAFF, "--name", "Staff"]
    pipe = subprocess.PIPE
    made = await asyncio.create_subprocess_exec(*command, env=variables, cwd=place.folder, stdin=pipe, stdout=pipe, stderr=pipe)
    _, complaint = await made.communicate(f"{password}\n".encode())
    if made.returncode:
        raise DemoFailed(f"the staff login could not be made: {complaint.decode().strip()}")
