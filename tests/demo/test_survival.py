"""What a demo part promises about its process: it survives kill -9, refuses production and taken ports, and stops when told."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.support.loopback import free_port

from shop.demo import DemoInProduction
from shop.demo.mailbox import create_app as create_mailbox
from shop.demo.mailbox import serve_mailbox
from shop.demo.serving import PortTaken, serve, serving
from shop.demo.stripe_twin import TwinSettings, create_app

PROGRAM = """
import asyncio, sys
from pathlib import Path
from shop.demo.stripe_twin import TwinSettings, serve_twin
settings = TwinSettings(database=Path(sys.argv[1]), secret_key="sk_test_1", publishable_key="pk_test_1", webhook_secret="whsec_1",
                        webhook_url=None, public_url="http://localhost")
async def main():
    ready = asyncio.Event()
    twin = asyncio.create_task(serve_twin(settings, port=int(sys.argv[2]), ready=ready))
    await ready.wait()
    print("ready", flush=True)
    await twin
asyncio.run(main())
"""
FORM = {"amount": "1999", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}


async def start(database: Path, port: int) -> asyncio.subprocess.Process:
    """Start a twin in a process of its own and wait until it answers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(database), str(port), stdout=asyncio.subprocess.PIPE, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert process.stdout
    assert await asyncio.wait_for(process.stdout.readline(), 15) == b"ready\n"
    return process


async def test_a_twin_survives_kill_9(tmp_path: Path) -> None:
    """What was answered before the kill is answered again after it, from the same key, by another process."""
    port = free_port()
    headers = {"Authorization": "Bearer sk_test_1", "Idempotency-Key": "pi:order:1"}
    answers: list[httpx.Response] = []
    for _ in range(2):
        process = await start(tmp_path / "twin.db", port)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            answers.append(await client.post("/v1/payment_intents", data=FORM))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert answers[0].json()["status"] == "succeeded"
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_production_is_refused(tmp_path: Path) -> None:
    """Every entry point says so in one line; a live key is refused anywhere."""
    keys: Any = {"secret_key": "sk_test_1", "publishable_key": "pk_test_1", "webhook_secret": "w", "webhook_url": None, "public_url": ""}
    with pytest.raises(DemoInProduction, match="never run in production"):
        create_app(TwinSettings(database=tmp_path / "t.db", env="production", **keys))
    with pytest.raises(DemoInProduction):
        create_mailbox(tmp_path, env="production")
    with pytest.raises(DemoInProduction):
        await serve_mailbox(tmp_path, env="Production", port=free_port(), smtp_port=free_port())
    with pytest.raises(ValueError, match="live key"):
        TwinSettings(database=tmp_path / "t.db", **keys | {"secret_key": "sk_live_1"})


async def test_a_taken_port_is_one_clear_line() -> None:
    """A second server on the port is refused instead of sharing it; after the first has stopped the port is free."""
    port = free_port()
    async with serving(Litestar(openapi_config=None, logging_config=None), port=port):
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port} cannot be listened on"):
            await serve(Litestar(openapi_config=None, logging_config=None), port=port)
    ready = asyncio.Event()
    server = asyncio.create_task(serve(Litestar(openapi_config=None, logging_config=None), port=port, ready=ready))
    await ready.wait()
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server
