"""`shop openapi`."""

import click

from shop.commands.terminal import Refused


@click.command()
@click.option("--check", is_flag=True, help="Compare with the recorded document; exit code 1 if they differ.")
@click.option("--record", is_flag=True, help="Record the document, so that every process serves it.")
def command(check: bool, record: bool) -> None:
    """Print the OpenAPI document of the whole public API."""
    if check and record:
        raise click.UsageError("--check and --record exclude each other")
    from shop import openapi

    if check:
        if differences := openapi.check():
            raise Refused("\n".join(["the recorded document is not current; run shop openapi --record", *(f"  {line}" for line in differences)]))
        click.echo("the document is as recorded")
    elif record:
        openapi.RECORDED.write_bytes(openapi.build())
        click.echo("recorded")
    else:
        click.echo(openapi.build(), nl=False)
