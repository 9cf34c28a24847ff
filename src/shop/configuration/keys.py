"""Every key that can be set, and where its value goes in `Settings`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec import Struct

from shop.configuration import commerce
from shop.configuration import values as v
from shop.settings import MODULES

ENVIRONMENTS = ("production", "staging", "development", "test", "demo")
SECOND = timedelta(seconds=1)
PEM_EXAMPLE = '"$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)"'


class Key(Struct, frozen=True):
    """One setting: `name` as in shop.toml, `into` its place in `Settings`; `refreshable` when a running process takes over a change."""

    name: str
    into: str
    read: Callable[[str], Any]
    example: str
    shows: bool = True
    refreshable: bool = False

    @property
    def variable(self) -> str:
        """Give its name in the environment."""
        return variable(self.name)


def variable(name: str) -> str:
    """Give the environment's name of a key: `stripe.secret_key` is SHOP_STRIPE_SECRET_KEY."""
    return "SHOP_" + name.replace(".", "_").replace("-", "_").upper()


PROCESS = (
    Key("modules", "runtime.modules", v.items(v.module), "products,cart"),
    Key("env", "runtime.env", v.one_of(*ENVIRONMENTS), "production"),
    Key("host", "runtime.host", v.host, "0.0.0.0"),  # noqa: S104 an example
    Key("port", "runtime.port", v.number(1, 65535), "8000"),
    Key("workers", "runtime.workers", v.number(1, 64), "2"),
    Key("public_url", "runtime.public_url", v.url, "https://shop.example.com"),
    Key("trusted_proxies", "runtime.trusted_proxies", v.items(v.network), "10.0.0.0/8"),
    Key("drain.wait", "drain.wait", v.duration(0 * SECOND), "12s"),
    Key("drain.limit", "drain.limit", v.duration(SECOND), "8s"),
)
DATABASES = (
    Key("database.url", "databases.url", v.database_url, "postgresql://shop:secret@db/shop", shows=False),
    *(Key(f"{name}.database_url", f"databases.own.{name}", v.database_url, "sqlite:///var/", shows=False) for name in MODULES),
)
NEIGHBOURS = (
    Key("internal_secret", "remote.internal_secret", v.long_secret, '"$(openssl rand -hex 32)"', shows=False),
    *(Key(f"peers.{name}_url", f"remote.peers.{name}", v.items(v.url), f"http://{name}:8000") for name in MODULES),
    *(Key(f"ports.{name}", f"remote.forced.{name}", v.one_of("http"), "http") for name in MODULES),
    Key("auth.jwks_url", "auth.jwks_url", v.url, "http://users:8000/.well-known/jwks.json"),
    Key("eureka.url", "eureka.urls", v.items(v.secret_url), "http://eureka:8761/eureka", shows=False),
    Key("eureka.hostname", "eureka.hostname", v.host, "products"),
    Key("eureka.zone", "eureka.zone", v.text, "defaultZone"),
    Key("config.import", "config.source", v.config_source, "configserver:http://config:8888", shows=False),
    Key("config.profile", "config.profile", v.word, "production"),
)
OUTSIDE = (
    Key("stripe.secret_key", "stripe.secret_key", v.secret_prefixed("sk_", "rk_"), "sk_test_...", shows=False),
    Key("stripe.publishable_key", "stripe.publishable_key", v.prefixed("pk_"), "pk_test_..."),
    Key("stripe.webhook_secret", "stripe.webhook_secret", v.secret_prefixed("whsec_"), "whsec_...", shows=False),
    Key("stripe.api_base", "stripe.api_base", v.url, "https://api.stripe.com"),
    Key("smtp.host", "smtp.host", v.host, "mail.example.com"),
    Key("smtp.port", "smtp.port", v.number(1, 65535), "587"),
    Key("smtp.username", "smtp.username", v.text, "shop"),
    Key("smtp.password", "smtp.password", v.secret, "...", shows=False),
    Key("smtp.tls", "smtp.tls", v.one_of("none", "starttls", "tls"), "starttls"),
    Key("smtp.sender", "smtp.sender", v.sender, "shop@example.com"),
    Key("auth.signing_key", "auth.signing_keys", v.signing_keys, PEM_EXAMPLE, shows=False),
    Key("auth.issuer", "auth.issuer", v.url, "https://shop.example.com"),
)
IMAGES = (
    Key("images.store", "images.store", v.image_store, "s3://shop-images/products"),
    Key("images.endpoint", "images.endpoint", v.url, "https://s3.example.com"),
    Key("images.region", "images.region", v.word, "eu-central-1"),
    Key("images.access_key", "images.access_key", v.text, "..."),
    Key("images.secret_key", "images.secret_key", v.secret, "...", shows=False),
)
SELLING = (
    Key("currency", "commerce.currency", commerce.currency, "EUR"),
    Key("locales", "commerce.locales", v.items(commerce.locale), "en,es"),
    Key("tax_rates", "commerce.tax_rates", commerce.tax_rates, "ES=0.21,DE=0.19"),
    Key("shipping_methods", "commerce.shipping_methods", commerce.shipping_methods,
        '\'[{"code": "standard", "title": {"en": "Standard"}, "price": 495}]\''),
    Key("checkout.lease", "checkout.lease", v.duration(SECOND), "15m"),
    Key("checkout.hard_limit", "checkout.hard_limit", v.duration(SECOND), "24h"),
    Key("promotions.rate", "promotions.rate", v.number(1, 1000), "10"),
)  # fmt: skip
OBSERVING = (
    Key("log.format", "log.format", v.one_of("text", "json"), "json", refreshable=True),
    Key("otel.endpoint", "otel.endpoint", v.url, "http://collector:4318"),
    Key("log.level", "log.level", v.one_of("debug", "info", "warning", "error"), "info", refreshable=True),
)
KEYS = {key.variable: key for key in (*PROCESS, *DATABASES, *NEIGHBOURS, *OUTSIDE, *IMAGES, *SELLING, *OBSERVING)}
