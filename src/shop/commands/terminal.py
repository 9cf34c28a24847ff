"""How commands speak with whoever typed them: settings in, one clear line for a refusal, JSON for programs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import click
import msgspec

from shop.configuration import InvalidSettings, Loaded, load
from shop.configuration.loading import NOTHING
from shop.importing import at_the_start

as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")


class Refused(click.ClickException):
    """The command cannot do what it was asked for; shown as it is, on standard error, and the exit code is 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines."""
        click.echo(self.message, err=True, file=file)


def loaded(flags: Mapping[str, object] | None = None, *, required: Mapping[str, tuple[str, ...]] = NOTHING) -> Loaded:
    """Read the settings; what is wrong with them is refused, a line for each key."""
    try:
        return load(flags, required=required, fetch=at_the_start)
    except InvalidSettings as error:
        for warning in error.warnings:
            click.echo(f"warning: {warning}", err=True)
        raise Refused(str(error)) from error


def warned(found: Loaded) -> Loaded:
    """Tell what is odd about the settings on standard error."""
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    return found


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Turn these expected failures into one line."""
    try:
        yield
    except kinds as error:
        raise Refused(str(error)) from error


def answer(value: object) -> None:
    """Print JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
