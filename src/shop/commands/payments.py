"""`shop payments`."""

import asyncio
from datetime import timedelta
from typing import Any

import click

from shop.commands.terminal import Refused, answer, as_json, loaded, refusing, warned
from shop.configuration.loading import SERVING
from shop.configuration.values import duration
from shop.settings import Settings

SHORTEST = timedelta(minutes=1)


def _duration(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    try:
        return duration(SHORTEST)(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} {error}") from error


@click.group()
def command() -> None:
    """Look after payments."""


@command.command()
@click.option("--since", callback=_duration, default="72h", show_default=True, metavar="DURATION", help="How far back to look.")
@click.option("--repair", is_flag=True, help="Record payments that orders missed, and cancel what nobody waits for.")
@as_json
def reconcile(since: timedelta, repair: bool, as_json: bool) -> None:
    """Compare Stripe's payments with the orders, in both directions.

    Exit code 1 if something does not agree and was not repaired.
    """
    settings = warned(loaded(required=SERVING)).settings
    if "sales" not in settings.runtime.modules:
        raise Refused("sales is not hosted here: run this where it is (SHOP_MODULES)")
    report = _reconcile(settings, since, repair)
    if as_json:
        answer(report)
    else:
        click.echo(f"compared {report.payments} payments and {report.orders} orders")
    open_findings = [finding for finding in report.findings if not finding.repaired]
    lines = [] if as_json else [_line(finding) for finding in report.findings]
    if open_findings:
        raise Refused("\n".join(lines or [f"{len(open_findings)} do not agree"]))
    for line in lines:
        click.echo(line)


def _line(finding: Any) -> str:
    done = " (repaired)" if finding.repaired else ""
    return f"{finding.kind}{done}: order {finding.order_id or '-'}, payment {finding.payment_id or '-'}: {finding.detail}"


def _reconcile(settings: Settings, since: timedelta, repair: bool) -> Any:
    from shop.commands.hosting import EXPECTED, services
    from shop.kit.problems import Problem
    from shop.modules.sales.reconcile import Reconciliation

    async def compare() -> Any:
        async with services(settings, settings.runtime.modules) as scope:
            return await (await scope.get(Reconciliation, component="sales")).reconcile(since, repair)

    with refusing(*EXPECTED, Problem):
        return asyncio.run(compare())
