"""`python -m shop.demo.mailbox`: the mailbox and its mail server alone."""

from pathlib import Path

import click

from shop.demo import DemoInProduction
from shop.demo.alone import environment, run
from shop.demo.mailbox import serve_mailbox
from shop.demo.serving import PortTaken


@click.command()
@click.option("--folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where mails are kept.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8002, show_default=True, help="Of the pages.")
@click.option("--smtp-port", default=8003, show_default=True, help="Of the mail server.")
def main(folder: Path, host: str, port: int, smtp_port: int) -> None:
    """Run the mailbox until SIGTERM or Ctrl-C; SHOP_ENV must be demo or test."""
    try:
        run(serve_mailbox(folder, env=environment(), host=host, port=port, smtp_port=smtp_port))
    except (DemoInProduction, PortTaken, OSError) as error:
        raise click.ClickException(str(error)) from error


main(prog_name="python -m shop.demo.mailbox")
