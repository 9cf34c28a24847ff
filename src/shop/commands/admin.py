"""`shop admin`."""

import asyncio
import sys
from typing import Any

import click
import msgspec

from shop.commands.terminal import Refused, answer, as_json, loaded, refusing, warned
from shop.kit.values import Email, normal_email
from shop.settings import Settings

SHORTEST, LONGEST = 8, 128


@click.group()
def command() -> None:
    """Manage those who run the shop."""


@command.command()
@click.argument("email")
@click.option("--name", default="", metavar="NAME", help="How they are called; otherwise the part before the @.")
@click.option("--link", "by_link", is_flag=True, help="Print a link with which they choose a password, once.")
@as_json
def create(email: str, name: str, by_link: bool, as_json: bool) -> None:
    """Make a staff user, or make a user staff.

    The password is asked for on a terminal and otherwise read from standard input; without one, or with --link, a link is printed.
    """
    try:
        address = msgspec.convert(normal_email(email), Email)
    except msgspec.ValidationError:
        raise click.BadParameter("is not a mail address", param_hint="EMAIL") from None
    settings = warned(loaded()).settings
    password = None if by_link else _password()
    made = _create(settings, address, password, name)
    if as_json:
        answer(made)
        return
    click.echo(f"{address} is {'a new staff user' if made.created else 'staff now'}")
    if made.link:
        click.echo(f"they choose a password, once and within 24 hours, at {made.link}")


def _password() -> str | None:
    if sys.stdin.isatty():
        given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if given and not SHORTEST <= len(given) <= LONGEST:
        raise Refused(f"a password has {SHORTEST} to {LONGEST} characters")
    return given or None


def _create(settings: Settings, email: str, password: str | None, name: str) -> Any:
    from shop.commands.hosting import EXPECTED, services
    from shop.kit.problems import Problem
    from shop.modules.users.service import Accounts
    from shop.ports.mail import Mail
    from shop.ports.sales import PurchaseHistory

    async def create() -> Any:
        unused = object()
        async with services(settings, ("users",), (Mail, unused), (PurchaseHistory, unused)) as scope:
            accounts = await scope.get(Accounts, component="users")
            return await accounts.create_staff(email, password, name=name, locale=settings.commerce.locales[0])

    with refusing(*EXPECTED, Problem):
        return asyncio.run(create())
