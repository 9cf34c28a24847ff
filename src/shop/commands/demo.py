"""`shop demo`."""

import asyncio
import os
import sys

import click
import msgspec

from shop.commands.terminal import Refused, as_json, loaded, refusing

HIGHEST = 65532  # three more ports follow


@click.command()
@click.option("--fresh", is_flag=True, help="Start over: delete what is kept under var/demo for this port.")
@click.option("--port", metavar="PORT", help="The shop's port; the Stripe twin, mailbox and mail server follow it [SHOP_PORT].")
@as_json
def command(fresh: bool, port: str | None, as_json: bool) -> None:
    """Run the whole shop on this machine.

    A Stripe twin, a mailbox and a sample catalogue are included; nothing else has to be installed.
    Data is kept under var/demo. Ctrl-C stops everything; the next start goes on with the same data.
    """
    from shop.demo import DemoInProduction, refuse_in_production

    env = os.environ.get("SHOP_ENV") or "demo"
    with refusing(DemoInProduction):
        refuse_in_production(env)
    runtime = loaded({"port": port, "env": env}).settings.runtime
    if runtime.port > HIGHEST:
        raise Refused(f"SHOP_PORT: {runtime.port} leaves no room for the three ports after it; for example SHOP_PORT=8000")
    _run(runtime.host, runtime.port, env, fresh=fresh, as_json=as_json)


def _run(host: str, port: int, env: str, *, fresh: bool, as_json: bool) -> None:
    from shop.demo.child import DemoFailed
    from shop.demo.place import InUse, Place
    from shop.demo.run import Running, folder_of, refuse_taken_ports, run
    from shop.listening import CannotListen

    def show(running: Running) -> None:
        click.echo(msgspec.json.encode(running).decode()) if as_json else _show(running)
        sys.stdout.flush()

    place = Place(host, port, folder_of(port))
    with refusing(CannotListen, InUse, DemoFailed), place.take():
        refuse_taken_ports(place)
        if fresh:
            place.empty()
        if not as_json:
            click.echo("starting the shop, a Stripe twin and a mailbox ...", err=True)
        asyncio.run(run(place, env, show))


def _show(running: object) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    from shop.demo.catalogue import COUPON

    known = msgspec.to_builtins(running)
    password = known["staff_password"] or "as shown at the first start; shop demo --fresh starts over"
    rows = {
        "Shop": f"{known['shop']}/api/v1/products",
        "API": known["api"],
        "Stripe twin": f"{known['payments']}  (press Pay, Decline or Authenticate)",
        "Mailbox": f"{known['mailbox']}  (mail server {known['smtp']})",
        "Staff login": known["staff_email"],
        "Password": password,
        "Data": known["folder"],
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/]", value)
    added = f", {known['products_added']} products, coupon {COUPON.code}" if known["products_added"] else ""
    Console().print(Panel(table, title=f"Shop demo{added}", subtitle="Ctrl-C stops everything", expand=False, padding=(1, 2)))
