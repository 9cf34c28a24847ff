"""Settings of a config server are read as the server means them."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.spring import FakeConfigServer, listening

from shop.adapters.config_server import ConfigServerFailed, PropertySource, Source, fetch, insist, merged
from shop.configuration import load
from shop.configuration.loading import Imported
from shop.configuration.problems import InvalidSettings
from shop.configuration.sources import from_server
from shop.importing import at_the_start
from shop.kit.secret import Secret

IMPORT = {"SHOP_CONFIG_IMPORT": "configserver:http://shop:pw@config:8888", "SHOP_CONFIG_PROFILE": "live", "SHOP_MODULES": "products,cart"}


def given(values: dict[str, Any], environ: dict[str, str] | None = None) -> dict[str, str]:
    """Give the settings that a flat map of the server comes to."""
    return {name: text.value for name, text in from_server(values, environ or {}).given.items()}


def test_the_earlier_source_wins() -> None:
    """Key by key; a list is replaced as a whole, whatever its items are."""
    first = PropertySource("products.yml", {"workers": 2, "locales[0]": "de", "shipping_methods[0].code": "a"})
    last = PropertySource("application.yml", {"workers": 1, "port": 80, "locales[0]": "en", "locales[1]": "es", "shipping_methods[1].code": "b"})
    assert merged([first, last]) == {"workers": 2, "locales[0]": "de", "shipping_methods[0].code": "a", "port": 80}


def test_what_could_not_be_decrypted_is_fatal() -> None:
    """Nobody should start with half of the settings."""
    with pytest.raises(ConfigServerFailed, match=r"could not decrypt internal_secret of application\.yml"):
        merged([PropertySource("application.yml", {"invalid.internal_secret": "<n/a>"})])


def test_flat_keys_become_texts_lists_and_tables() -> None:
    """As shop.toml would have them; null, empty and unset are the same."""
    flat = {
        "log.level": "debug",
        "workers": 2,
        "checkout.hard-limit": "24h",
        "locales[1]": "es",
        "locales[0]": "en",
        "tax_rates.ES": 0.21,
        "tax_rates.DE": "0.19",
        "shipping_methods[0].code": "standard",
        "shipping_methods[0].title.en": "Standard",
        "shipping_methods[0].price": 495,
        "shipping_methods[0].free_from": "",
        "smtp.host": "",
    }
    assert given(flat) == {
        "SHOP_LOG_LEVEL": "debug",
        "SHOP_WORKERS": "2",
        "SHOP_CHECKOUT_HARD_LIMIT": "24h",
        "SHOP_LOCALES": "en,es",
        "SHOP_TAX_RATES": "ES=0.21,DE=0.19",
        "SHOP_SHIPPING_METHODS": '[{"code":"standard","title":{"en":"Standard"},"price":495}]',
    }


def test_placeholders_are_the_environments() -> None:
    """The server does not resolve them; one that nobody resolves is a fault."""
    flat = {"currency": "${MONEY:EUR}", "port": "${PORT}"}
    assert given(flat, {"PORT": "8080"}) == {"SHOP_CURRENCY": "EUR", "SHOP_PORT": "8080"}
    (fault,) = from_server(flat, {}).faults
    assert fault.key == "port at the config server"


def test_an_unknown_key_is_a_warning() -> None:
    """It names the closest one."""
    (warning,) = from_server({"log.levle": "debug"}, {}).warnings
    assert "log.levle at the config server" in warning
    assert "SHOP_LOG_LEVEL" in warning


def test_precedence_is_exact(tmp_path: Path) -> None:
    """Command line, environment, config server, shop.toml, default."""
    (tmp_path / "shop.toml").write_text('host = "file"\ncurrency = "USD"\nworkers = 3\nlocales = "es"\nport = 1\n')
    environ = IMPORT | {"SHOP_HOST": "environment", "SHOP_WORKERS": "4"}
    asked: list[tuple[str, ...]] = []

    def answer(source: Secret, application: str, profile: str) -> Imported:
        asked.append((source.reveal(), application, profile))
        return Imported({"host": "server", "workers": 5, "currency": "GBP", "port": 2})

    loaded = load({"host": "flag", "port": None}, environ=environ, folder=tmp_path, fetch=answer)
    runtime, commerce = loaded.settings.runtime, loaded.settings.commerce
    assert (runtime.host, runtime.workers, commerce.currency, commerce.locales, runtime.port) == ("flag", 4, "GBP", ("es",), 2)
    assert commerce.tax_rates == {}
    assert asked == [("configserver:http://shop:pw@config:8888", "products,cart", "live")]
    assert loaded.places["SHOP_CURRENCY"] == "currency at the config server"


def test_a_senseless_value_names_where_it_stands(tmp_path: Path) -> None:
    """As for every other source."""
    with pytest.raises(InvalidSettings, match=r"workers at the config server: 'many' is not a number"):
        load(environ=IMPORT, folder=tmp_path, fetch=lambda *_: Imported({"workers": "many"}))


@pytest.mark.parametrize("text", ["http://config:8888", "configserver:config:8888", "optional:http://config", "configserver:", "consul:http://x"])
def test_an_import_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    """And its password is not shown."""
    with pytest.raises(InvalidSettings, match="SHOP_CONFIG_IMPORT: ") as caught:
        load(environ={"SHOP_CONFIG_IMPORT": text}, folder=tmp_path)
    assert text not in str(caught.value).split(" for example ")[0]


def test_the_server_is_asked_with_name_profile_and_password() -> None:
    """Over a real socket; every failure is one line without the password."""
    server = FakeConfigServer("shop:pw")
    server.files = {"products-live": {"workers": 2}, "application": {"workers": 1, "port": 80}}
    with listening(server) as url:
        source = Source.parse(f"optional:configserver:{url.replace('//', '//shop:pw@')}/")
        assert source.optional
        assert fetch(source, "products", "live") == {"workers": 2, "port": 80}
        server.failures = 1
        with pytest.raises(ConfigServerFailed, match=rf"^the config server at {url} answers 500 for products/live$"):
            fetch(source, "products", "live")
        server.credentials = "other"
        with pytest.raises(ConfigServerFailed, match="answers 401"):
            fetch(source, "products", "live")
    with pytest.raises(ConfigServerFailed, match=rf"^the config server at {url} does not answer$"):
        fetch(source, "products", "live")


def test_the_server_gets_six_tries() -> None:
    """With pauses that grow to two seconds at most."""
    server, pauses = FakeConfigServer(), list[float]()
    with listening(server) as url:
        source = Source.parse(f"configserver:{url}")
        server.failures = 5
        assert insist(source, "products", "live", pauses.append) == {}
        assert (len(pauses), pauses[0], max(pauses) <= 2) == (5, 1.0, True)
        server.failures = 6
        with pytest.raises(ConfigServerFailed):
            insist(source, "products", "live", pauses.append)
        assert len(server.calls) == 12


def test_without_its_server_a_process_does_not_start_unless_that_is_optional() -> None:
    """One line says where it looked, without the password; an optional one is a warning."""
    nowhere, pauses = "configserver:http://shop:pw@127.0.0.1:9", list[float]()
    says = "the config server at http://127.0.0.1:9 does not answer"
    with pytest.raises(InvalidSettings, match=f"^SHOP_CONFIG_IMPORT: {says}; for example "):
        at_the_start(Secret(nowhere), "products", "live", pauses.append)
    found = at_the_start(Secret(f"optional:{nowhere}"), "products", "live", pauses.append)
    assert found == Imported({}, (f"going on without a config server: {says}",))
    assert len(pauses) == 10
