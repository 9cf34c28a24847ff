"""`shop promotions`."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import click

from shop.commands.terminal import Refused, answer, as_json, loaded, refusing, warned
from shop.configuration.loading import SERVING
from shop.settings import Settings

LOOK_EVERY = 0.5
Report = Callable[[Any], None]


@click.group()
def command() -> None:
    """Send special promotions by mail."""


@command.command()
@click.argument("id", type=click.UUID)
@as_json
def send(id: UUID, as_json: bool) -> None:
    """Send a promotion, and stay until its last mail.

    It can be interrupted and repeated, and servers may send it at the same time: nobody is written to twice.
    Whoever has no consent to marketing when their turn comes is skipped.
    """
    settings = warned(loaded(required={"users": SERVING["users"]})).settings
    if "users" not in settings.runtime.modules:
        raise Refused("users is not hosted here: run this where it is (SHOP_MODULES)")
    if as_json:
        answer(_sent(settings, id, lambda progress: None))
        return
    with _bar() as bar:
        done = _sent(settings, id, _reporting(bar))
    click.echo(_summary(done))


def _sent(settings: Settings, id: UUID, report: Report) -> Any:
    from shop.commands.hosting import EXPECTED, services
    from shop.kit.problems import Problem
    from shop.modules.users.mailing import Mailing
    from shop.modules.users.promotions import Promotions
    from shop.ports.sales import PurchaseHistory

    async def work() -> Any:
        async with services(settings, ("users",), (PurchaseHistory, object())) as scope:
            promotions, mailing = await scope.get(Promotions, component="users"), await scope.get(Mailing, component="users")
            stop = asyncio.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await promotions.send(id)
            return await _work(promotions, mailing, id, report, stop)

    with refusing(*EXPECTED, Problem):
        return asyncio.run(work())


async def _work(promotions: Any, mailing: Any, id: UUID, report: Report, stop: asyncio.Event) -> Any:
    """Take steps until the promotion is sent, and give how far it got; the mail at hand is finished before a stop."""
    looked_at = 0.0
    while True:
        if time.monotonic() - looked_at >= LOOK_EVERY or stop.is_set():
            promotion, progress = await promotions.show(id)
            report(progress)
            looked_at = time.monotonic()
            if promotion.status == "sent":
                return progress
            if promotion.status == "paused":
                raise Refused(f"the promotion is paused: resume it first. {_summary(progress)}")
            if stop.is_set():
                raise Refused(f"interrupted; run this again, or let a server go on; only a pause stops it everywhere. {_summary(progress)}")
        step = await mailing.step(id)
        if step.trouble:
            raise Refused(f"the mail server takes nothing: {step.trouble}")
        if not step.worked:
            await _rest(stop, min(step.wait or LOOK_EVERY, LOOK_EVERY))


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _summary(progress: Any) -> str:
    maybe = f" ({progress.unknown} of them may have arrived)" if progress.unknown else ""
    return f"{progress.recipients} recipients: {progress.sent} sent, {progress.failed} failed{maybe}, {progress.skipped} skipped"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    counts = TextColumn("[green]{task.fields[sent]} sent[/] [red]{task.fields[failed]} failed[/] {task.fields[skipped]} skipped")
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), counts, TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _reporting(bar: Any) -> Report:
    task = bar.add_task("", total=None, sent=0, failed=0, skipped=0)

    def report(progress: Any) -> None:
        counts = {name: getattr(progress, name) for name in ("sent", "failed", "skipped")}
        bar.update(task, total=progress.recipients, completed=progress.done, **counts)

    return report
