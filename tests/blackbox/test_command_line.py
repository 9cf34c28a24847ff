"""settings-and-cli: what the commands print and how they end."""

import json
import subprocess
from pathlib import Path

import pytest
from tests.blackbox.conftest import SHOP, clean_environment
from tests.blackbox.outside import Demo

STRIPE = {"SHOP_STRIPE_SECRET_KEY": "sk_test_abc", "SHOP_STRIPE_PUBLISHABLE_KEY": "pk_test_abc", "SHOP_STRIPE_WEBHOOK_SECRET": "whsec_abc"}
MAIL = {"SHOP_SMTP_HOST": "127.0.0.1", "SHOP_SMTP_PORT": "9", "SHOP_SMTP_SENDER": "shop@shop.example"}
WHOLE = STRIPE | MAIL


def shop(folder: Path, *words: str, said: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with these settings only."""
    return subprocess.run([SHOP, *words], cwd=folder, env=clean_environment(**settings), input=said, capture_output=True, text=True, timeout=60)


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What a command that was refused said: exit code 1, lines, no traceback."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if line.strip()]


@pytest.mark.parametrize(
    "words", [["nonsense"], ["serve", "--nonsense"], ["ports", "extra"], ["admin"], ["admin", "create"], ["migrate", "--module"]]
)
def test_wrong_usage_ends_with_2(tmp_path: Path, words: list[str]) -> None:
    """Exit code 2: wrong usage, said on standard error."""
    done = shop(tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr


def test_serve_names_every_missing_key_in_a_line(tmp_path: Path) -> None:
    """`serve` refuses to start sales without Stripe, and sales or users without SMTP: one line that names the key and an example."""
    lines = complaints(shop(tmp_path, "serve"))
    keys = [*STRIPE, *MAIL]
    assert len(lines) == len(keys), lines
    for key in keys:
        [line] = [line for line in lines if key in line]
        assert len(line) < 300
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "key,value",
    [
        ("SHOP_PORT", "x"),
        ("SHOP_PORT", "0x10"),
        ("SHOP_PORT", "70000"),
        ("SHOP_PORT", "-1"),
        ("SHOP_WORKERS", "0"),
        ("SHOP_WORKERS", "many"),
        ("SHOP_MODULES", "products,nonsense"),
        ("SHOP_ENV", "prod"),
        ("SHOP_CURRENCY", "euro"),
        ("SHOP_TAX_RATES", "ES"),
        ("SHOP_TAX_RATES", "ES=21"),
        ("SHOP_TAX_RATES", "XX=0.1"),
        ("SHOP_SHIPPING_METHODS", "x"),
        ("SHOP_SHIPPING_METHODS", "[]"),
        ("SHOP_SHIPPING_METHODS", '[{"code": "a"}]'),
        ("SHOP_CHECKOUT_LEASE", "15"),
        ("SHOP_CHECKOUT_LEASE", "-1m"),
        ("SHOP_CHECKOUT_HARD_LIMIT", "x"),
        ("SHOP_DATABASE_URL", "mysql://x"),
        ("SHOP_DATABASE_URL", "x"),
        ("SHOP_PUBLIC_URL", "shop.example"),
        ("SHOP_PUBLIC_URL", "ftp://shop.example"),
        ("SHOP_STRIPE_API_BASE", "x"),
        ("SHOP_STRIPE_SECRET_KEY", "x"),
        ("SHOP_STRIPE_WEBHOOK_SECRET", "x"),
        ("SHOP_SMTP_PORT", "x"),
        ("SHOP_SMTP_TLS", "maybe"),
        ("SHOP_SMTP_SENDER", "x"),
        ("SHOP_LOG_LEVEL", "loud"),
        ("SHOP_LOG_FORMAT", "xml"),
        ("SHOP_TRUSTED_PROXIES", "x"),
        ("SHOP_PORTS_PRODUCTS", "smoke"),
        ("SHOP_AUTH_SIGNING_KEY", "x"),
        ("SHOP_STRIPE_SECRET_KEY_FILE", "/no/such/file"),
    ],
)
def test_a_senseless_value_stops_the_start(tmp_path: Path, key: str, value: str) -> None:
    """One line that names the key, what is wrong and an example."""
    settings = {name: given for name, given in WHOLE.items() if f"{name}_FILE" != key} | {key: value}
    lines = complaints(shop(tmp_path, "serve", **settings))
    assert len(lines) == 1, lines
    assert key.removesuffix("_FILE") in lines[0]


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    """Neither a good one nor a bad one."""
    done = shop(tmp_path, "serve", **WHOLE | {"SHOP_STRIPE_SECRET_KEY": "hunter2hunter2", "SHOP_PORT": "x"})
    assert "hunter2" not in done.stdout + done.stderr
    assert len(complaints(done)) == 2


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    """<NAME>_FILE reads a secret from a file; with a newline at its end too."""
    for name, value in STRIPE.items():
        (tmp_path / name).write_text(value + "\n")
    files = {f"{name}_FILE": str(tmp_path / name) for name in STRIPE}
    lines = complaints(shop(tmp_path, "serve", **files))
    assert {key for key in WHOLE for line in lines if key in line} == set(MAIL)


def test_demo_parts_refuse_production(tmp_path: Path) -> None:
    """Demo parts refuse to run in production."""
    lines = complaints(shop(tmp_path, "demo", SHOP_ENV="production"))
    assert len(lines) == 1
    assert "SHOP_ENV" in lines[0]


@pytest.mark.parametrize("offset", [0, 1, 2, 3])
def test_a_taken_port_is_one_clear_line(demo: Demo, tmp_path: Path, offset: int) -> None:
    """Of the shop, of the twin, of the mailbox, of the mail server."""
    taken = demo.port + 3
    [line] = complaints(shop(tmp_path, "demo", SHOP_PORT=str(taken - offset)))
    assert any(str(port) in line for port in range(demo.port, demo.port + 4))


def test_serve_on_a_taken_port_is_one_clear_line(demo: Demo, tmp_path: Path) -> None:
    """And the databases are left alone."""
    lines = complaints(shop(tmp_path, "serve", SHOP_LOG_FORMAT="text", SHOP_PORT=str(demo.port), **WHOLE))
    assert len([line for line in lines if str(demo.port) in line]) == 1, lines


def test_migrate_and_its_check(tmp_path: Path) -> None:
    """--check is 1 while something would have to be done, and changes nothing; afterwards 0."""
    assert shop(tmp_path, "migrate", "--check").returncode == 1
    assert shop(tmp_path, "migrate", "--module", "cart").returncode == 0
    assert shop(tmp_path, "migrate", "--module", "cart", "--check").returncode == 0
    assert shop(tmp_path, "migrate").returncode == 0
    done = shop(tmp_path, "migrate", "--check", "--json")
    assert done.returncode == 0
    json.loads(done.stdout)
    assert shop(tmp_path, "migrate", "--module", "nonsense").returncode in (1, 2)


@pytest.mark.parametrize(
    "words",
    [["ports", "--check"], ["openapi", "--check"], ["ports", "--json"], ["topology"], ["topology", "--json"], ["openapi"], ["--version"], ["--help"]],
)
def test_what_only_looks_ends_with_0(tmp_path: Path, words: list[str]) -> None:
    """The recorded schemas are current; --json is JSON; nothing is left in the folder."""
    done = shop(tmp_path, *words, **WHOLE)
    assert done.returncode == 0, done.stderr
    if words[-1] in ("--json", "openapi"):
        json.loads(done.stdout)
    assert not list(tmp_path.iterdir())


def test_the_doctor_says_what_to_do(tmp_path: Path) -> None:
    """1 when something is wrong, and it never shows a secret; --json for programs."""
    done = shop(tmp_path, "doctor", "--json", SHOP_STRIPE_API_BASE="http://127.0.0.1:9", **WHOLE)
    assert done.returncode == 1
    json.loads(done.stdout)
    assert "sk_test_abc" not in done.stdout + done.stderr
    bare = shop(tmp_path, "doctor")
    assert bare.returncode == 1
    for key in [*STRIPE, *MAIL]:
        assert key in bare.stdout + bare.stderr


def test_staff_are_made_by_hand(tmp_path: Path) -> None:
    """Password from standard input or a one-time link; no default account exists."""
    shop(tmp_path, "migrate")
    done = shop(tmp_path, "admin", "create", "boss@example.com", said="a good password\n", **WHOLE)
    assert done.returncode == 0, done.stderr
    assert "a good password" not in done.stdout + done.stderr
    assert len(complaints(shop(tmp_path, "admin", "create", "other@example.com", said="short\n", **WHOLE))) == 1
