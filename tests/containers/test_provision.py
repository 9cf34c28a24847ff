"""What the first container of a profile promises: clear refusals, and secrets for each service alone."""

import stat
from pathlib import Path

import pytest
from deploy.containers.provision import provision

from shop.configuration import InvalidSettings

GIVEN = {
    "SHOP_ENV": "production",
    "SHOP_STRIPE_SECRET_KEY": "sk_live_1",
    "SHOP_STRIPE_PUBLISHABLE_KEY": "pk_live_1",
    "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_1",
    "SHOP_SMTP_HOST": "mail.example.com",
    "SHOP_SMTP_PORT": "587",
    "SHOP_SMTP_SENDER": "shop@example.com",
}
LOGIN = {"SHOP_SMTP_USERNAME": "shop", "SHOP_SMTP_PASSWORD": "geheim"}


def read(folder: Path) -> dict[str, dict[str, str]]:
    """Give every file of every service."""
    return {service.name: {file.name: file.read_text() for file in service.iterdir()} for service in folder.iterdir()}


def test_who_has_set_nothing_is_told_all_of_it(tmp_path: Path) -> None:
    """One line for each missing key, and no secret is made."""
    with pytest.raises(InvalidSettings) as refused:
        provision(tmp_path, {})
    told = str(refused.value)
    assert [told.count(f"{name}: is missing") for name in GIVEN if name != "SHOP_ENV"] == [1] * 6
    assert not list(tmp_path.iterdir())


def test_each_service_gets_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """Stripe's keys are for sales, the signing key is for users, each module has a database password of its own."""
    provision(tmp_path, GIVEN | LOGIN)
    found = read(tmp_path)
    holders = {name: {service for service, files in found.items() if name in files} for files in found.values() for name in files}
    assert holders["stripe_secret_key"] == holders["stripe_webhook_secret"] == {"shop", "sales"}
    assert holders["smtp_password"] == {"shop", "sales", "users"}
    assert holders["auth_signing_key"] == {"users"}
    assert holders["internal_secret"] == {"products", "cart", "sales", "users"}
    assert holders["eureka_password"] == {"eureka"}
    passwords = {name: found["postgres"][f"{name}_password"] for name in ("postgres", "products", "cart", "sales", "users")}
    assert len(set(passwords.values())) == 5
    assert all(passwords[name] in found[name]["database_url"] for name in ("products", "cart", "sales", "users"))
    assert found["eureka"]["eureka_password"] in found["gateway"]["eureka_url"]


def test_the_next_start_keeps_what_was_made_and_takes_what_was_changed(tmp_path: Path) -> None:
    """Passwords stay, a new key of Stripe arrives, a password that is no longer set is taken away."""
    provision(tmp_path, GIVEN | LOGIN)
    before = read(tmp_path)
    provision(tmp_path, GIVEN | {"SHOP_STRIPE_SECRET_KEY": "sk_live_2"})
    after = read(tmp_path)
    assert after["kept"] == before["kept"]
    assert after["postgres"] == before["postgres"]
    assert after["sales"]["stripe_secret_key"] == "sk_live_2"
    assert "smtp_password" not in after["users"]


def test_services_can_read_and_nobody_can_write(tmp_path: Path) -> None:
    """Services run as other users than the one that writes; what is kept is read by that one alone."""
    provision(tmp_path, GIVEN)
    modes = {path.relative_to(tmp_path): stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*/*")}
    assert {mode for path, mode in modes.items() if path.parts[0] != "kept"} == {0o444}
    assert {mode & 0o077 for path, mode in modes.items() if path.parts[0] == "kept"} == {0}
