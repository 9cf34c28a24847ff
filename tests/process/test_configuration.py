"""Settings: precedence, one line per wrong key, and no secret ever shown."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.configuration import InvalidSettings, load
from shop.configuration.keys import KEYS
from shop.configuration.loading import SERVING
from shop.configuration.signing import FILE, kept_key, with_signing_keys
from shop.kit.secret import Secret
from shop.settings import Databases, Runtime, Settings, Smtp, Stripe

ALL_THAT_IS_NEEDED = {
    "SHOP_STRIPE_SECRET_KEY": "sk_test_1",
    "SHOP_STRIPE_PUBLISHABLE_KEY": "pk_test_1",
    "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_1",
    "SHOP_SMTP_HOST": "mail.example.com",
    "SHOP_SMTP_PORT": "587",
    "SHOP_SMTP_SENDER": "Shop <shop@example.com>",
}


def settings(folder: Path, **environ: str) -> Settings:
    """Load settings from an environment."""
    return load(environ=environ, folder=folder).settings


def faults(folder: Path, environ: dict[str, str], **options: object) -> list[str]:
    """Give the lines about wrong keys."""
    with pytest.raises(InvalidSettings) as caught:
        load(environ=environ, folder=folder, required=SERVING if options.get("serving") else {})
    return str(caught.value).splitlines()


def test_a_shop_with_nothing_set_has_the_documented_defaults(tmp_path: Path) -> None:
    """No environment and no file: the defaults."""
    assert settings(tmp_path) == Settings()


def test_the_command_line_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    """Each source gives what the ones before it do not."""
    (tmp_path / "shop.toml").write_text('port = 1\nworkers = 2\nhost = "file"\n[log]\nlevel = "debug"\n')
    loaded = load({"port": 3}, environ={"SHOP_PORT": "2", "SHOP_WORKERS": "4"}, folder=tmp_path).settings
    assert (loaded.runtime.port, loaded.runtime.workers, loaded.runtime.host, loaded.log.level) == (3, 4, "file", "debug")


def test_serving_without_stripe_and_smtp_names_every_missing_key(tmp_path: Path) -> None:
    """One line per key, all of them at once."""
    assert [line.partition(":")[0] for line in faults(tmp_path, {}, serving=True)] == sorted(ALL_THAT_IS_NEEDED)


def test_serving_products_needs_neither_stripe_nor_smtp(tmp_path: Path) -> None:
    """What a module does not use is not asked for."""
    assert load(environ={"SHOP_MODULES": "products,cart"}, folder=tmp_path, required=SERVING).settings.stripe is None


def test_serving_users_needs_smtp_but_not_stripe(tmp_path: Path) -> None:
    """Mails go out, money does not."""
    assert [line.partition(":")[0] for line in faults(tmp_path, {"SHOP_MODULES": "users"}, serving=True)] == [
        "SHOP_SMTP_HOST",
        "SHOP_SMTP_PORT",
        "SHOP_SMTP_SENDER",
    ]


def test_everything_that_is_needed_is_enough(tmp_path: Path) -> None:
    """The keys of the messages are the keys that help."""
    loaded = load(environ=ALL_THAT_IS_NEEDED, folder=tmp_path, required=SERVING)
    assert loaded.settings.stripe == Stripe(Secret("sk_test_1"), "pk_test_1", Secret("whsec_1"))
    assert loaded.settings.smtp == Smtp("mail.example.com", 587, "Shop <shop@example.com>")
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("SHOP_PORT", "80a", "'80a' is not a number from 1 to 65535"),
        ("SHOP_PORT", "0", "is not a number"),
        ("SHOP_PORT", "tcp://10.0.0.1:80", "enableServiceLinks: false"),
        ("SHOP_MODULES", "products,crat", "names 'crat'"),
        ("SHOP_MODULES", "cart,cart", "twice"),
        ("SHOP_MODULES", ",", "names nothing"),
        ("SHOP_ENV", "prodution", "is none of production"),
        ("SHOP_HOST", "localhost:80", "without a port"),
        ("SHOP_PUBLIC_URL", "shop.example.com", "begins with https://"),
        ("SHOP_PUBLIC_URL", "http://shop.example.com", "plain http"),
        ("SHOP_STRIPE_API_BASE", "http://stripe.example.com", "plain http"),
        ("SHOP_DATABASE_URL", "mysql://host/shop", "neither sqlite"),
        ("SHOP_DATABASE_URL", "sqlite:///var/shop.db", "must be a folder"),
        ("SHOP_IMAGES_STORE", "gs://bucket", "neither a folder nor s3://"),
        ("SHOP_STRIPE_SECRET_KEY", "pk_test_1", "does not begin with sk_ or rk_"),
        ("SHOP_SMTP_TLS", "ssl", "is none of none, starttls, tls"),
        ("SHOP_SMTP_SENDER", "shop", "is not a mail address"),
        ("SHOP_SMTP_USERNAME", "shop", "SHOP_SMTP_PASSWORD: is missing"),
        ("SHOP_AUTH_SIGNING_KEY", "MIGHAgEAMBMG", "is not a PEM text"),
        ("SHOP_AUTH_SIGNING_KEY", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "not an unencrypted private key"),
        ("SHOP_INTERNAL_SECRET", "short", "shorter than 32"),
        ("SHOP_PEERS_CART_URL", "http://cart:8000", "SHOP_INTERNAL_SECRET: is missing"),
        ("SHOP_PORTS_CART", "grpc", "is none of http"),
        ("SHOP_CURRENCY", "EUX", "ISO 4217"),
        ("SHOP_LOCALES", "en,English", "'English'"),
        ("SHOP_TAX_RATES", "ES=21", "21 % is 0.21"),
        ("SHOP_TAX_RATES", "XX=0.2", "ISO 3166-1"),
        ("SHOP_SHIPPING_METHODS", '[{"code": "a"}]', "missing required field `title`"),
        ("SHOP_SHIPPING_METHODS", '[{"code": "a", "title": {"en": "A"}, "price": -1}]', "negative"),
        ("SHOP_TRUSTED_PROXIES", "10.0.0.0/40", "not an IP address"),
        ("SHOP_CHECKOUT_LEASE", "15", "is not a duration"),
        ("SHOP_CHECKOUT_LEASE", "25h", "is not longer than SHOP_CHECKOUT_LEASE"),
        ("SHOP_LOG_LEVEL", "loud", "is none of debug"),
        ("SHOP_SMTP_PASSWORD_FILE", "/nowhere/at/all", "No such file"),
    ],
)
def test_a_senseless_value_is_one_line_with_an_example(tmp_path: Path, key: str, value: str, complaint: str) -> None:
    """The line names the key, says what is wrong and shows how it is written."""
    (line,) = faults(tmp_path, {key: value})
    assert complaint in line
    assert line.startswith("SHOP_")
    assert "; for example SHOP_" in line or "; for example only SHOP_" in line


LETTERS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=40)


@given(st.sampled_from([name for name, key in KEYS.items() if not key.shows]), LETTERS)
def test_a_wrong_secret_is_never_shown(name: str, value: str) -> None:
    """Whatever is wrong with it, its text is in no message."""
    said = ""
    try:
        load(environ={name: value, "SHOP_PORT": "x"}, folder=Path("/nowhere"))
    except InvalidSettings as error:
        said = str(error)
    assert "SHOP_PORT" in said
    assert value not in said


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    """`<NAME>_FILE` is how containers hand secrets over; the line break at its end is dropped."""
    (tmp_path / "key").write_text("sk_test_2\n")
    environ = ALL_THAT_IS_NEEDED | {"SHOP_STRIPE_SECRET_KEY_FILE": str(tmp_path / "key")}
    assert "is set together with SHOP_STRIPE_SECRET_KEY" in faults(tmp_path, environ)[0]
    del environ["SHOP_STRIPE_SECRET_KEY"]
    stripe = settings(tmp_path, **environ).stripe
    assert stripe is not None
    assert stripe.secret_key.reveal() == "sk_test_2"


def test_a_typo_is_a_warning_with_the_closest_name(tmp_path: Path) -> None:
    """In the environment and in the file; what is nobody's key is left alone."""
    (tmp_path / "shop.toml").write_text('[stripe]\nsecrt_key = "x"\n')
    warnings = load(environ={"SHOP_SMTP_HOTS": "x", "SHOP_ABC_XYZ": "y", "HOME": "z"}, folder=tmp_path).warnings
    assert warnings == (
        "SHOP_ABC_XYZ is not a setting and is ignored",
        "SHOP_SMTP_HOTS is not a setting and is ignored; did you mean SHOP_SMTP_HOST?",
        "stripe.secrt_key in shop.toml is not a setting and is ignored; did you mean SHOP_STRIPE_SECRET_KEY?",
    )


def test_a_typo_is_told_together_with_the_key_it_leaves_missing(tmp_path: Path) -> None:
    """The warning is the reason for the fault, so both are told."""
    with pytest.raises(InvalidSettings) as caught:
        load(environ={"SHOP_MODULES": "users", "SHOP_SMTP_HOTS": "x"}, folder=tmp_path, required=SERVING)
    assert "did you mean SHOP_SMTP_HOST?" in caught.value.warnings[0]


def test_another_stripe_is_a_warning(tmp_path: Path) -> None:
    """A twin is accepted, but nobody should miss that it is one; in a demo it is no surprise."""
    environ = ALL_THAT_IS_NEEDED | {"SHOP_STRIPE_API_BASE": "http://127.0.0.1:8001/"}
    assert load(environ=environ | {"SHOP_ENV": "demo"}, folder=tmp_path).warnings == ()
    assert load(environ=environ, folder=tmp_path).warnings == ("SHOP_STRIPE_API_BASE: payments go to http://127.0.0.1:8001, which is not Stripe",)


def test_the_file_may_use_the_types_of_toml(tmp_path: Path) -> None:
    """Lists, tables and numbers give the same as their texts in the environment."""
    (tmp_path / "shop.toml").write_text(
        'modules = ["products", "cart"]\ntax_rates = {ES = 0.21, DE = "0.19"}\n[products]\ndatabase_url = "sqlite:///p/"\n'
        '[checkout]\nlease = "10m"\n[[shipping_methods]]\ncode = "slow"\ntitle = {en = "Slow"}\nprice = 100\n'
    )
    read = settings(tmp_path)
    assert read.runtime.modules == ("products", "cart")
    assert read.commerce.tax_rates == {"ES": Decimal("0.21"), "DE": Decimal("0.19")}
    assert read.databases == Databases(own={"products": "sqlite:///p/"})
    assert read.checkout.lease == timedelta(minutes=10)
    assert [method.code for method in read.commerce.shipping_methods] == ["slow"]


def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    """What cannot be parsed stops the start."""
    (tmp_path / "shop.toml").write_text("port = \n")
    assert len(faults(tmp_path, {})) == 1


def test_links_follow_the_port_until_an_address_is_set(tmp_path: Path) -> None:
    """Mails of a shop on another port lead to it; tokens are issued under the same address."""
    read = settings(tmp_path, SHOP_PORT="9000")
    assert (read.runtime.public_url, read.auth.issuer) == ("http://localhost:9000", "http://localhost:9000")


def test_plain_http_elsewhere_is_accepted_outside_production(tmp_path: Path) -> None:
    """A test stack of containers has no certificates."""
    assert settings(tmp_path, SHOP_ENV="test", SHOP_PUBLIC_URL="http://gateway:8080").runtime.public_url == "http://gateway:8080"


def test_a_signing_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """The first start makes it with mode 0600 beside the data; the next one finds it."""
    own = Settings(databases=Databases(f"sqlite:///{tmp_path}/data/"))
    first, second = with_signing_keys(own), with_signing_keys(own)
    assert first.auth.signing_keys == second.auth.signing_keys != ()
    assert (tmp_path / "data" / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE]


def test_only_a_process_with_users_makes_a_signing_key(tmp_path: Path) -> None:
    """The others check tokens against the JWKS."""
    own = Settings(runtime=Runtime(modules=("products",)), databases=Databases(f"sqlite:///{tmp_path}/data/"))
    assert with_signing_keys(own).auth.signing_keys == ()


def test_several_signing_keys_stand_one_after_another(tmp_path: Path) -> None:
    """The first signs, the others are still published, also with line breaks written as a backslash and an n."""
    old, new = kept_key(tmp_path / "old"), kept_key(tmp_path / "new")
    read = settings(tmp_path, SHOP_AUTH_SIGNING_KEY=(new + old).replace("\n", "\\n"))
    assert [key.reveal() for key in read.auth.signing_keys] == [new, old]


def test_a_damaged_key_file_is_told_by_its_path(tmp_path: Path) -> None:
    """It is never replaced silently: everybody's sessions hang on it."""
    (tmp_path / FILE).write_text("-----BEGIN")
    with pytest.raises(ValueError, match=FILE):
        kept_key(tmp_path)
