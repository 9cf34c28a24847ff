"""`shop promotions send`, as a real process, alone and beside a server."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest
from tests.process.running import environment
from tests.promotions.office import Office
from tests.support.loopback import free_port
from tests.support.outside import Outside, outside
from tests.support.process import ShopProcess
from tests.support.shop import eventually

from shop.kit.clock import Clock
from shop.modules.users.promotion import Progress, PromotionStatus

COMMAND = [sys.executable, "-m", "shop", "promotions", "send"]


class Terminal:
    """A database with readers, a mail server, and a place to type commands."""

    def __init__(self, folder: Path, url: str, world: Outside, office: Office) -> None:
        """Run commands in this folder."""
        self.folder, self.url, self.outside, self.office = folder, url, world, office

    def starts(self, id: UUID, *options: str, rate: int = 1000, tls: str = "none") -> subprocess.Popen[str]:
        """Start the command."""
        smtp = self.outside.smtp
        settings = {"SMTP_HOST": smtp.host, "SMTP_PORT": str(smtp.port), "SMTP_TLS": tls, "SMTP_SENDER": smtp.sender}
        variables = environment(MODULES="users", DATABASE_URL=self.url, PROMOTIONS_RATE=str(rate), **settings)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*COMMAND, str(id), *options], cwd=self.folder, env=variables, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    async def sends(self, id: UUID, *options: str, tls: str = "none") -> tuple[int, str, str]:
        """Run the command to its end, and give its exit code, what it printed and what it complained about."""
        return await ended(self.starts(id, *options, tls=tls))

    async def arrived(self) -> list[str]:
        """Name who got mail."""
        return sorted(mail["to"][0] for mail in await self.outside.mails("", "Mugs", seconds=0))


async def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a command."""
    said, complained = await asyncio.to_thread(process.communicate, timeout=90)
    return process.returncode, said, complained


@pytest.fixture
async def terminal(sqlite_url: str, tmp_path: Path) -> AsyncGenerator[Terminal]:
    """Give a terminal on SQLite: the queue itself is tried on both databases elsewhere."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{free_port()}"))
        office = Office(sqlite_url, Clock())
        stack.push_async_callback(office.close)
        yield Terminal(tmp_path, sqlite_url, world, office)


async def test_a_promotion_is_sent_without_a_server(terminal: Terminal) -> None:
    """From the draft to the last mail; once more sends nothing, and says the same in JSON."""
    emails = await terminal.office.readers(3)
    await terminal.office.reader("no@example.com", consents=False)
    id = await terminal.office.draft()
    assert await terminal.sends(id) == (0, "3 recipients: 3 sent, 0 failed, 0 skipped\n", "")
    assert await terminal.arrived() == emails
    code, said, _ = await terminal.sends(id, "--json")
    assert (code, json.loads(said)) == (0, {"recipients": 3, "sent": 3, "failed": 0, "skipped": 0, "unknown": 0})
    assert await terminal.arrived() == emails


async def test_interrupted_it_finishes_the_mail_at_hand_and_goes_on_when_repeated(terminal: Terminal) -> None:
    """Ctrl-C is exit code 1 and a line that says how to go on; nobody is left between."""
    emails = await terminal.office.readers(20)
    id = await terminal.office.draft()
    process = terminal.starts(id, rate=5)
    await eventually(terminal.arrived)
    process.send_signal(signal.SIGINT)
    code, said, complained = await ended(process)
    assert (code, said) == (1, "")
    assert complained.startswith("interrupted; run this again, or let a server go on")
    assert "Traceback" not in complained
    sent = await terminal.arrived()
    assert await terminal.office.progress(id) == Progress(20, len(sent))
    assert len(sent) < 20
    assert (await terminal.sends(id))[0] == 0
    assert await terminal.arrived() == sorted(emails)


async def test_beside_a_server_nobody_gets_it_twice(terminal: Terminal) -> None:
    """Both work on the same queue until it is empty."""
    emails = await terminal.office.readers(60)
    id = await terminal.office.draft()
    server = ShopProcess(terminal.folder, free_port(), terminal.url, terminal.outside, PROMOTIONS_RATE="30")
    await server.start()
    try:
        code, said, _ = await ended(terminal.starts(id, rate=30))
    finally:
        server.stop()
    assert (code, said) == (0, "60 recipients: 60 sent, 0 failed, 0 skipped\n")
    assert await terminal.arrived() == sorted(emails)


async def test_a_mail_server_that_takes_nothing_ends_it(terminal: Terminal) -> None:
    """What keeps every mail from being sent is said at once; nobody has lost theirs."""
    await terminal.office.readers(2)
    id = await terminal.office.draft()
    code, said, complained = await terminal.sends(id, tls="starttls")
    assert (code, said) == (1, "")
    assert complained.splitlines()[-1].startswith("the mail server takes nothing: ")
    assert await terminal.office.progress(id) == Progress(2)


async def test_it_refuses_in_a_line(terminal: Terminal) -> None:
    """An unknown promotion, one that is paused, a mail server that is none; wrong usage is 2."""
    await terminal.office.readers(1)
    unknown = UUID(int=7)
    assert await terminal.sends(unknown) == (1, "", "There is no such promotion.\n")
    paused = await terminal.office.sending()
    await terminal.office.promotions.pause(paused)
    code, _, complained = await terminal.sends(paused)
    assert (code, complained) == (1, "the promotion is paused: resume it first. 0 recipients: 0 sent, 0 failed, 0 skipped\n")
    assert await terminal.office.status(paused) is PromotionStatus.PAUSED
    code, _, complained = await ended(subprocess.Popen([*COMMAND, "x"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    assert (code, "is not a valid UUID" in complained) == (2, True)
    assert await terminal.arrived() == []
