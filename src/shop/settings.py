"""What can be set, one frozen Struct per concern; see docs/settings.md for every key."""

from datetime import timedelta
from decimal import Decimal

from msgspec import Struct

from shop.kit.secret import Secret

MODULES = ("products", "cart", "sales", "users")
STRIPE_API_BASE = "https://api.stripe.com"


class Runtime(Struct, frozen=True):
    """Which modules this process hosts and where it listens."""

    modules: tuple[str, ...] = MODULES
    env: str = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    public_url: str = "http://localhost:8000"
    trusted_proxies: tuple[str, ...] = ()


class Drain(Struct, frozen=True):
    """How a process ends: `wait` between readiness 503 and the closed door, `limit` for requests in flight."""

    wait: timedelta = timedelta()
    limit: timedelta = timedelta(seconds=8)


class Databases(Struct, frozen=True):
    """Where the modules keep their data; `own` has the modules with a database of their own."""

    url: str = "sqlite:///var/"
    own: dict[str, str] = {}

    def of(self, module: str) -> str:
        """Give the URL for a module."""
        return self.own.get(module, self.url)


class Stripe(Struct, frozen=True):
    """The payment provider."""

    secret_key: Secret
    publishable_key: str
    webhook_secret: Secret
    api_base: str = STRIPE_API_BASE


class Smtp(Struct, frozen=True):
    """The mail server; `tls` is none, starttls or tls."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: Secret | None = None
    tls: str = "starttls"


class Auth(Struct, frozen=True):
    """Who signs access tokens and how they are checked; `signing_keys` are PEM texts, the first one signs, the others are still published."""

    issuer: str = "http://localhost:8000"
    signing_keys: tuple[Secret, ...] = ()
    jwks_url: str | None = None


class Remote(Struct, frozen=True):
    """How modules in other processes are reached; `forced` names ports that go over HTTP although their module is here."""

    internal_secret: Secret | None = None
    peers: dict[str, tuple[str, ...]] = {}
    forced: frozenset[str] = frozenset()


class Eureka(Struct, frozen=True):
    """The registry: `urls` end in /eureka and may carry credentials; `hostname` is how others reach this process."""

    urls: tuple[Secret, ...] = ()
    hostname: str | None = None
    zone: str = "defaultZone"


class Config(Struct, frozen=True):
    """Where further settings come from: `[optional:]configserver:` and the server's address, with credentials."""

    source: Secret | None = None
    profile: str = "default"


class ShippingMethod(Struct, frozen=True, forbid_unknown_fields=True):
    """A way to ship; titles by locale, `price` and `free_from` in minor units, `countries` None means everywhere."""

    code: str
    title: dict[str, str]
    price: int
    free_from: int | None = None
    countries: tuple[str, ...] | None = None


STANDARD = ShippingMethod("standard", {"en": "Standard", "es": "Estándar"}, 495)


class Commerce(Struct, frozen=True):
    """How the shop sells; tax rates by country, such as 0.21."""

    currency: str = "EUR"
    locales: tuple[str, ...] = ("en", "es")
    tax_rates: dict[str, Decimal] = {}
    shipping_methods: tuple[ShippingMethod, ...] = (STANDARD,)


class Images(Struct, frozen=True):
    """Where pictures of products are kept: `store` is a folder or `s3://bucket/prefix`; the rest is for S3, without `endpoint` Amazon's."""

    store: str = "var/images/"
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key: str | None = None
    secret_key: Secret | None = None


class Checkout(Struct, frozen=True):
    """How long a checkout holds stock before sales gives it up, and before products does."""

    lease: timedelta = timedelta(minutes=15)
    hard_limit: timedelta = timedelta(hours=24)


class Promotions(Struct, frozen=True):
    """How fast special promotions go out: at most `rate` mails a second, all processes together."""

    rate: int = 10


class Log(Struct, frozen=True):
    """What is written to standard error; `auto` is text on a terminal and json otherwise."""

    format: str = "auto"
    level: str = "info"


class Otel(Struct, frozen=True):
    """Where traces go: the base URL of an OpenTelemetry collector that speaks OTLP over HTTP."""

    endpoint: str | None = None


class Settings(Struct, frozen=True):
    """All of it; `stripe` and `smtp` are None where no hosted module needs them."""

    runtime: Runtime = Runtime()
    drain: Drain = Drain()
    databases: Databases = Databases()
    stripe: Stripe | None = None
    smtp: Smtp | None = None
    auth: Auth = Auth()
    remote: Remote = Remote()
    eureka: Eureka = Eureka()
    config: Config = Config()
    commerce: Commerce = Commerce()
    images: Images = Images()
    checkout: Checkout = Checkout()
    promotions: Promotions = Promotions()
    log: Log = Log()
    otel: Otel = Otel()
