"""`shop migrate`."""

import asyncio

import click

from shop.commands.terminal import Refused, answer, as_json, loaded, refusing, warned
from shop.settings import MODULES, Settings


@click.command()
@click.option("--module", "modules", metavar="M", multiple=True, type=click.Choice(MODULES), help="Only this module; may be repeated.")
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if something would have to be done.")
@as_json
def command(modules: tuple[str, ...], check: bool, as_json: bool) -> None:
    """Bring the databases of the hosted modules up to date."""
    from shop.migrating import CannotMigrate

    settings = warned(loaded()).settings
    with refusing(CannotMigrate):
        (_check if check else _migrate)(settings, modules or settings.runtime.modules, as_json)


def _check(settings: Settings, modules: tuple[str, ...], as_json: bool) -> None:
    from shop.migrating import states

    found = asyncio.run(states(settings, modules))
    if as_json:
        answer(found)
    pending = [state for state in found if not state.is_current]
    if not as_json:
        for state in found:
            if state.is_current:
                click.echo(f"{state.module}: up to date ({state.newest})")
    if pending:
        raise Refused("\n".join(f"{state.module}: at {state.applied or 'nothing'}, not at {state.newest}; run shop migrate" for state in pending))


def _migrate(settings: Settings, modules: tuple[str, ...], as_json: bool) -> None:
    from shop.migrating import migrate

    changed = {state.module: state for state in asyncio.run(migrate(settings, modules))}
    if as_json:
        answer(list(changed.values()))
        return
    for module in modules:
        state = changed.get(module)
        click.echo(f"{module}: {state.applied or 'nothing'} -> {state.newest}" if state else f"{module}: up to date")
