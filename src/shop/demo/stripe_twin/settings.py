"""What a twin needs to know."""

from pathlib import Path

from msgspec import Struct

from shop.demo import refuse_in_production


class TwinSettings(Struct, frozen=True, kw_only=True):
    """Where a twin keeps its state, the keys it honours and the webhook endpoint it calls."""

    database: Path
    secret_key: str
    publishable_key: str
    webhook_secret: str
    webhook_url: str | None
    public_url: str
    env: str = "demo"

    def __post_init__(self) -> None:
        """Refuse production and live keys."""
        refuse_in_production(self.env)
        for key in (self.secret_key, self.publishable_key):
            if "_live_" in key:
                raise ValueError("the Stripe twin refuses a live key: give it one that begins with sk_test_ or pk_test_")
