"""What stands in for the outside world on a laptop: a Stripe twin, a mailbox and a sample catalogue.

Nothing in here is imported by the shop itself except by `shop demo` and by tests.
"""


class DemoInProduction(RuntimeError):
    """A demo part was asked to run in production; it pretends to take money and mail, so it refuses."""


def refuse_in_production(env: str) -> None:
    """Raise DemoInProduction, one clear line, if this environment is production."""
    if env.strip().lower() in {"production", "prod"}:
        raise DemoInProduction(f"demo parts never run in production: SHOP_ENV is {env!r}, set it to 'demo' or 'test'")
