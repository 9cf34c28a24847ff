"""Every command can be used from its help alone, and refuses in one clear line."""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from tests.support.loopback import free_port
from tests.support.outside import Outside, outside

from shop.cli import COMMANDS, cli
from shop.configuration.keys import KEYS
from shop.kit import revisions
from shop.kit.database import sqlite_file
from shop.settings import MODULES

NOBODY_LISTENS = {"SHOP_STRIPE_API_BASE": "http://127.0.0.1:9", "SHOP_SMTP_HOST": "127.0.0.1", "SHOP_SMTP_PORT": "9", "SHOP_SMTP_TLS": "none"}
KEYS_OF_OTHERS = {
    "SHOP_STRIPE_SECRET_KEY": "sk_test_shop",
    "SHOP_STRIPE_PUBLISHABLE_KEY": "pk_test_shop",
    "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_shop",
    "SHOP_SMTP_SENDER": "shop@example.com",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with nobody's settings."""
    monkeypatch.chdir(tmp_path)
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    return tmp_path


@pytest.fixture
def migrated(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Work on databases that are up to date."""
    monkeypatch.setenv("SHOP_DATABASE_URL", sqlite_url)
    return sqlite_url


@pytest.fixture
async def world(here: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Outside]:
    """Give a Stripe twin and a mail server, and settings that lead to them."""
    async with outside(here, f"http://127.0.0.1:{free_port()}") as world:
        settings = {"SHOP_STRIPE_API_BASE": world.stripe.api_base, "SHOP_SMTP_HOST": "127.0.0.1", "SHOP_SMTP_PORT": str(world.smtp.port)}
        for name, value in (KEYS_OF_OTHERS | settings | {"SHOP_SMTP_TLS": "none"}).items():
            monkeypatch.setenv(name, value)
        yield world


def shop(*arguments: str, typed: str = "", **environ: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(cli, arguments, input=typed, env=environ, prog_name="shop")


async def beside(*arguments: str, typed: str = "") -> Result:
    """Run the command line in a thread, while the test's own servers go on."""
    return await asyncio.to_thread(shop, *arguments, typed=typed)


def test_the_help_names_every_command_and_what_it_is_for() -> None:
    """A newcomer starts here; the order is the one in which commands are needed."""
    done = shop("--help")
    assert done.exit_code == 0
    assert re.findall(r"^  (\w+)  +[A-Z]", done.output, re.MULTILINE) == list(COMMANDS)
    assert "docs/settings.md" in done.output


@pytest.mark.parametrize("command", [*COMMANDS, "admin create", "coupons create", "coupons update", "payments reconcile"])
def test_every_command_explains_itself(command: str) -> None:
    """Each option has a sentence that says what it does."""
    done = shop(*command.split(), "--help")
    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: shop {command}")
    assert not re.search(r"^  --[\w-]+( [A-Z]+)?$\n(?! {10})", done.output, re.MULTILINE)


@pytest.mark.parametrize("usage", ["nothing", "serve --nothing", "admin create", "ports --check --record", "migrate --module x"])
def test_wrong_usage_is_exit_code_2(usage: str) -> None:
    """It is told apart from a refusal."""
    assert shop(*usage.split()).exit_code == 2


def test_migrate_makes_the_tables_and_then_has_nothing_to_do() -> None:
    """`--check` changes nothing and says whether something would have to be done."""
    newest = {module: str(revisions.newest(module)) for module in MODULES}
    assert newest["users"] >= "users_0004"
    before = shop("migrate", "--check", "--module", "products")
    assert (before.exit_code, before.stderr) == (1, f"products: at nothing, not at {newest['products']}; run shop migrate\n")
    assert shop("migrate").output.splitlines() == [f"{module}: nothing -> {newest[module]}" for module in MODULES]
    assert shop("migrate").output.splitlines() == [f"{module}: up to date" for module in MODULES]
    after = shop("migrate", "--check", "--json")
    assert (after.exit_code, json.loads(after.output)[0]) == (
        0,
        {"module": "products", "applied": newest["products"], "newest": newest["products"]},
    )


def test_a_database_that_cannot_be_used_is_one_line() -> None:
    """With the reason, without the password."""
    done = shop("migrate", SHOP_DATABASE_URL="postgresql://shop:secret@127.0.0.1:1/shop")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Connect call failed" in done.stderr
    assert "secret" not in done.stderr


def test_admin_create_reads_a_password(migrated: str) -> None:
    """From standard input; no mail server and no Stripe are needed for it."""
    done = shop("admin", "create", "Ana@Example.com", typed="correct horse battery\n")
    assert (done.exit_code, done.output) == (0, "ana@example.com is a new staff user\n")
    again = shop("admin", "create", "ana@example.com", "--json", typed="another one entirely\n")
    assert json.loads(again.stdout)["created"] is False


def test_what_a_command_does_is_in_the_audit_log(migrated: str) -> None:
    """By the command line; the address and the password are not in it."""
    id = json.loads(shop("admin", "create", "ana@example.com", "--json", typed="correct horse battery\n").stdout)["id"]
    shop("admin", "create", "ana@example.com", typed="another one entirely\n")
    with sqlite3.connect(sqlite_file(migrated, "users")) as users:
        entries = users.execute("SELECT by, action, target, before, after FROM audit_log ORDER BY number").fetchall()
    users.close()
    assert entries == [
        ("command line", "user.create", id, None, '{"roles":["staff"]}'),
        ("command line", "user.make_staff", id, '{"credentials":null}', '{"credentials":"renewed"}'),
    ]


def test_admin_create_prints_a_link_when_there_is_no_password(migrated: str) -> None:
    """Used once, under the shop's public address."""
    done = shop("admin", "create", "ana@example.com", SHOP_PUBLIC_URL="https://shop.example.com")
    assert re.search(r"at https://shop\.example\.com/\S+token=\S{40,}\n$", done.output)


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "complaint"),
    [
        (["ana"], "", 2, "is not a mail address"),
        (["ana@example.com"], "short\n", 1, "a password has 8 to 128 characters"),
    ],
)
def test_admin_create_refuses_nonsense(migrated: str, arguments: list[str], typed: str, code: int, complaint: str) -> None:
    """Before anything is made."""
    done = shop("admin", "create", *arguments, typed=typed)
    assert done.exit_code == code
    assert complaint in done.stderr


def test_admin_create_asks_for_tables_first() -> None:
    """Nothing is made by the way."""
    done = shop("admin", "create", "ana@example.com", "--link")
    assert (done.exit_code, done.stderr) == (1, "the database of users is not up to date: run shop migrate\n")


def test_topology_shows_what_stands_behind_each_port() -> None:
    """For people and for programs; a module that is not here and not elsewhere is told."""
    done = shop("topology", "--json", SHOP_MODULES="products,cart")
    places = {place["module"]: place for place in json.loads(done.stdout)}
    assert places["cart"]["needs"] == [{"port": "Products", "of": "products", "adapter": "in process, products"}]
    assert places["cart"]["database"] == "SQLite, var/cart.db"
    assert places["sales"]["place"] == "not reachable"
    shown = shop("topology", **KEYS_OF_OTHERS, **NOBODY_LISTENS, SHOP_DATABASE_URL="postgresql://shop:secret@db/shop").output
    assert "needs Payments                     Stripe at http://127.0.0.1:9" in shown
    assert "PostgreSQL, db/shop" in shown
    assert "secret" not in shown


def test_doctor_says_what_to_do() -> None:
    """Every wrong thing with its advice; exit code 1."""
    done = shop("doctor", **KEYS_OF_OTHERS, **NOBODY_LISTENS)
    assert done.exit_code == 1
    assert "wrong  migrations products has no tables yet\n                  run shop migrate" in done.output
    assert re.search(r"wrong  payments   Stripe at http://127\.0\.0\.1:9 cannot be used", done.output)
    assert re.search(r"wrong  mail       The mail server 127\.0\.0\.1:9 cannot be used", done.output)
    assert "odd    settings   SHOP_STRIPE_API_BASE" in done.output


def test_doctor_looks_where_pictures_are_kept(migrated: str) -> None:
    """A file in the place of the folder, and a bucket that nobody serves; a process without products has no use for either."""
    Path("taken").write_text("")
    bucket = {"ENDPOINT": "http://127.0.0.1:9", "ACCESS_KEY": "AKIA", "SECRET_KEY": "very secret"}
    in_folder = shop("doctor", SHOP_IMAGES_STORE="taken").output
    in_bucket = shop("doctor", SHOP_IMAGES_STORE="s3://shop/x", **{f"SHOP_IMAGES_{name}": value for name, value in bucket.items()}).output
    assert re.search(r"wrong  images     Pictures cannot be kept in taken: Not a directory\.\n +let the user of this process write there", in_folder)
    assert re.search(r"wrong  images     The bucket cannot be used: .*\n +see SHOP_IMAGES_\*: is there s3://shop/x", in_bucket)
    assert "very secret" not in in_bucket
    assert "images" not in shop("doctor", SHOP_IMAGES_STORE="taken", SHOP_MODULES="cart").output


def test_doctor_examines_what_it_can_when_settings_are_missing(migrated: str) -> None:
    """The missing keys are not all that may be wrong."""
    findings = json.loads(shop("doctor", "--json").stdout)
    assert [finding["subject"] for finding in findings if finding["verdict"] == "wrong"] == ["settings"] * 6
    assert {"subject": "database", "verdict": "ok", "what": f"users answers and is at {revisions.newest('users')}", "advice": ""} in findings


async def test_doctor_finds_nothing_wrong_with_a_healthy_shop(world: Outside, migrated: str) -> None:
    """A Stripe that takes the key and a mail server that takes the sender."""
    done = await beside("doctor", "--json")
    assert done.exit_code == 0
    found = {(finding["subject"], finding["verdict"]) for finding in json.loads(done.stdout)}
    assert found == {(subject, "ok") for subject in ("settings", "database", "tokens", "clock", "payments", "mail", "images")} | {("settings", "odd")}


async def test_reconcile_finds_a_payment_that_no_order_knows(world: Outside, migrated: str) -> None:
    """Exit code 1 while something does not agree."""
    fine = await beside("payments", "reconcile")
    assert (fine.exit_code, fine.stdout) == (0, "compared 0 payments and 0 orders\n")
    order = "01a20c7c-2ab2-7b6f-9c58-6b0c3af929d7"
    form = {"amount": "1999", "currency": "eur", "metadata[order_id]": order, "metadata[attempt]": "1"}
    headers = {"Authorization": "Bearer sk_test_shop"}
    async with httpx.AsyncClient(base_url=world.stripe.api_base, headers=headers) as client:
        assert (await client.post("/v1/payment_intents", data=form)).status_code == 200
    found = await beside("payments", "reconcile", "--since", "1h", "--repair")
    assert found.exit_code == 1
    assert f"unknown_order: order {order}" in found.stderr
    assert (await beside("payments", "reconcile", "--since", "yesterday")).exit_code == 2


def test_reconcile_needs_stripe() -> None:
    """A line for each missing key, as serve says it."""
    done = shop("payments", "reconcile")
    assert done.exit_code == 1
    assert "SHOP_STRIPE_SECRET_KEY: is missing" in done.stderr


def test_the_demo_refuses_production() -> None:
    """It pretends to take money."""
    done = shop("demo", SHOP_ENV="production")
    assert (done.exit_code, done.stderr) == (1, "demo parts never run in production: SHOP_ENV is 'production', set it to 'demo' or 'test'\n")


def test_openapi_prints_the_document() -> None:
    """As JSON."""
    assert json.loads(shop("openapi").stdout)["openapi"].startswith("3.1")
