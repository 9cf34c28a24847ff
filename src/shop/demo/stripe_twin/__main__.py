"""`python -m shop.demo.stripe_twin`: the twin alone. Its keys are the shop's: SHOP_STRIPE_SECRET_KEY, _PUBLISHABLE_KEY and _WEBHOOK_SECRET."""

from pathlib import Path

import click

from shop.demo import DemoInProduction
from shop.demo.alone import environment, run
from shop.demo.serving import PortTaken
from shop.demo.stripe_twin import TwinSettings, serve_twin


@click.command()
@click.option("--folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where its state is kept.")
@click.option("--webhook-url", required=True, help="Where it sends its events: <shop>/api/v1/payments/stripe/webhook.")
@click.option("--public-url", required=True, help="How a browser reaches it.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8001, show_default=True)
@click.option("--secret-key", envvar="SHOP_STRIPE_SECRET_KEY", required=True, hidden=True)
@click.option("--publishable-key", envvar="SHOP_STRIPE_PUBLISHABLE_KEY", required=True, hidden=True)
@click.option("--webhook-secret", envvar="SHOP_STRIPE_WEBHOOK_SECRET", required=True, hidden=True)
def main(folder: Path, host: str, port: int, **settings: str) -> None:
    """Run the Stripe twin until SIGTERM or Ctrl-C; SHOP_ENV must be demo or test."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        twin = TwinSettings(database=folder / "stripe.db", env=environment(), **settings)
        run(serve_twin(twin, host=host, port=port))
    except (DemoInProduction, PortTaken, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error


main(prog_name="python -m shop.demo.stripe_twin")
