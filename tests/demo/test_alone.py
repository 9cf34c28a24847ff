"""A part of the demo as a process of its own, as containers run it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest
from tests.support.loopback import free_port

KEYS = {"SHOP_STRIPE_SECRET_KEY": "sk_test_1", "SHOP_STRIPE_PUBLISHABLE_KEY": "pk_test_1", "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_1"}
TWIN = ("shop.demo.stripe_twin", "--webhook-url=http://localhost:9", "--public-url=http://localhost:8001")
MAILBOX = ("shop.demo.mailbox",)


async def start(*arguments: str, **environ: str) -> asyncio.subprocess.Process:
    """Start a part with this environment and no other SHOP_ variables."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SHOP_")}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", *arguments, env=inherited | KEYS | environ, stdout=pipe, stderr=pipe)


async def answers(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until something answers there."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(600):
            assert process.returncode is None, await process.communicate()
            try:
                assert (await client.get(url)).status_code == 200
                return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.parametrize("part", [TWIN, MAILBOX])
async def test_a_part_serves_alone_and_ends_when_told(part: tuple[str, ...], tmp_path: Path) -> None:
    """It answers on its port, keeps what it has in its folder, and SIGTERM ends it with 0."""
    port, further = free_port(), [f"--smtp-port={free_port()}"] if part is MAILBOX else []
    process = await start(*part, f"--folder={tmp_path / 'kept'}", f"--port={port}", *further, SHOP_ENV="test")
    await answers(f"http://127.0.0.1:{port}/", process)
    process.send_signal(signal.SIGTERM)
    _, said = await process.communicate()
    assert process.returncode == 0, said
    assert (tmp_path / "kept").is_dir()


@pytest.mark.parametrize("part", [TWIN, MAILBOX])
@pytest.mark.parametrize("environ", [{"SHOP_ENV": "production"}, {}])
async def test_a_part_refuses_production_and_who_does_not_say(part: tuple[str, ...], environ: dict[str, str], tmp_path: Path) -> None:
    """In one line, and with exit code 1."""
    process = await start(*part, f"--folder={tmp_path}", **environ)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().strip().splitlines() == ["Error: demo parts never run in production: SHOP_ENV is 'production', set it to 'demo' or 'test'"]
