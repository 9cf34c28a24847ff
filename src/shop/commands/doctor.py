"""`shop doctor`."""

import asyncio

import click

from shop.commands.terminal import answer, as_json


@click.command()
@as_json
def command(as_json: bool) -> None:
    """Look for what is wrong, and say what to do.

    Settings, databases, signing key, clock, Stripe, the mail server and the place for pictures are checked. Exit code 1 if something is wrong.
    """
    from shop.doctor import Verdict, examine

    findings = asyncio.run(examine())
    if as_json:
        answer(findings)
    else:
        colours = {Verdict.OK: "green", Verdict.ODD: "yellow", Verdict.WRONG: "red"}
        for finding in findings:
            click.echo(f"{click.style(f'{finding.verdict.value:<6}', fg=colours[finding.verdict])} {finding.subject:<10} {finding.what}")
            if finding.advice:
                click.echo(f"{'':<17} {finding.advice}")
    if any(finding.verdict is Verdict.WRONG for finding in findings):
        raise SystemExit(1)
