"""`shop coupons` as people type it: what it makes, shows and refuses, and what is left of it."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shop.cli import cli
from shop.configuration.keys import KEYS
from shop.kit.database import sqlite_file

Coupons = Callable[..., Result]


def moment(**ahead: float) -> str:
    """Write a moment, so long ahead of now."""
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def coupons(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Coupons:
    """Give the command over databases that are up to date, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **settings: str) -> Result:
        environment: dict[str, str | None] = dict.fromkeys(KEYS) | {"SHOP_DATABASE_URL": sqlite_url, "SHOP_MODULES": "cart"} | settings
        return CliRunner().invoke(cli, ["coupons", *words], env=environment, prog_name="shop")

    return run


def told(result: Result) -> Any:
    """Give what a command said in JSON."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_coupon_is_made_changed_and_ended(coupons: Coupons) -> None:
    """The whole life of one; what is not named stays."""
    ends = moment(days=30)
    words = ("--percent", "10", "--min-subtotal", "2000", "--ends-at", ends, "--max-redemptions", "100", "--max-per-customer", "1")
    made = told(coupons("create", "WELCOME10", *words, "--sku", "mug", "--sku", "cup", "--category", "home", "--json"))
    assert (made["code"], made["percent"], made["amount"], made["redeemed"]) == ("WELCOME10", 10, None, 0)
    assert (made["min_subtotal"], made["ends_at"]) == ({"amount": 2000, "currency": "EUR"}, ends)
    assert (sorted(made["skus"]), made["categories"]) == (["cup", "mug"], ["home"])
    changed = told(coupons("update", "welcome10", "--max-redemptions", "50", "--clear", "ends-at", "--clear", "sku", "--json"))
    assert changed == made | {"max_redemptions": 50, "ends_at": None, "skus": changed["skus"]}
    assert not changed["skus"]
    assert told(coupons("list", "--json")) == [changed]
    other = told(coupons("update", "WELCOME10", "--amount", "500", "--json"))
    assert (other["percent"], other["amount"]) == (None, {"amount": 500, "currency": "EUR"})
    assert told(coupons("update", "WELCOME10", "--percent", "10", "--json")) == changed
    ended = told(coupons("end", "WELCOME10", "--json"))
    assert ended == changed | {"ends_at": ended["ends_at"]}
    assert datetime.fromisoformat(ended["ends_at"]) <= datetime.now(UTC)


def test_the_list_can_be_read(coupons: Coupons) -> None:
    """A line each: the code, what it takes off, on which conditions, how often it was used, how it stands."""
    coupons("create", "TENTH", "--percent", "10")
    coupons("create", "FIVER", "--amount", "500", "--min-subtotal", "2000", "--max-redemptions", "100", "--max-per-customer", "1")
    coupons("create", "SOON", "--percent", "5", "--starts-at", "2999-01-01T01:00:00+01:00")
    coupons("create", "LATE", "--percent", "5", "--ends-at", "2026-01-01T00:00:00Z")
    coupons("create", "MUGS", "--percent", "5", *(word for sku in "abcde" for word in ("--sku", sku)), "--category", "home")
    heading, *lines = coupons("list").stdout.splitlines()
    assert heading.split("  ")[0] == "CODE"
    found = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert found == {
        "TENTH": "10 % - 0 active",
        "FIVER": "€5.00 from €20.00, 1 per customer 0 of 100 active",
        "SOON": "5 % starts 2999-01-01 00:00Z 0 not started",
        "LATE": "5 % ends 2026-01-01 00:00Z 0 expired",
        "MUGS": "5 % only a b c and 2 more or in home 0 active",
    }
    columns = {line.index(line.split()[1]) for line in lines}
    assert len(columns) == 1


def test_every_page_is_shown(coupons: Coupons, sqlite_url: str) -> None:
    """More coupons than a page of the API may hold."""
    first = told(coupons("create", "C0", "--percent", "10", "--json"))
    with sqlite3.connect(sqlite_file(sqlite_url, "cart")) as cart:
        cart.row_factory = sqlite3.Row
        row = dict(cart.execute("SELECT * FROM coupons").fetchone())
        for number in range(1, 250):
            values = row | {"code": f"C{number}"}
            cart.execute(f"INSERT INTO coupons ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))
    cart.close()
    listed = told(coupons("list", "--json"))
    assert first in listed
    assert {coupon["code"] for coupon in listed} == {f"C{number}" for number in range(250)}
    assert len(listed) == 250


def test_what_it_does_is_in_the_audit_log(coupons: Coupons, sqlite_url: str) -> None:
    """By the command line, with what differs; a change that changes nothing leaves no entry."""
    coupons("create", "TENTH", "--percent", "10")
    coupons("update", "TENTH", "--max-redemptions", "5")
    coupons("update", "TENTH", "--max-redemptions", "5")
    with sqlite3.connect(sqlite_file(sqlite_url, "cart")) as cart:
        entries = cart.execute("SELECT by, action, target, before, after FROM audit_log ORDER BY number").fetchall()
    cart.close()
    assert [entry[:3] for entry in entries] == [("command line", "coupon.create", "TENTH"), ("command line", "coupon.update", "TENTH")]
    assert [json.loads(text) for text in entries[1][3:]] == [{"max_redemptions": None}, {"max_redemptions": 5}]


def test_it_refuses_in_a_line(coupons: Coupons) -> None:
    """A code that is taken, one that nobody knows, another process's module, tables that are not there."""
    coupons("create", "TENTH", "--percent", "10")
    for refused in (
        coupons("create", "tenth", "--percent", "20"),
        coupons("update", "OTHER", "--percent", "20"),
        coupons("end", "OTHER"),
        coupons("update", "TENTH", "--starts-at", moment(days=2), "--ends-at", moment(days=1)),
        coupons("list", SHOP_MODULES="products"),
        coupons("list", SHOP_DATABASE_URL="sqlite:///empty/"),
    ):
        assert (refused.exit_code, len(refused.stderr.splitlines()), refused.stdout) == (1, 1, "")
    assert told(coupons("list", "--json"))[0]["percent"] == 10


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("create", "Missing argument 'CODE'"),
        ("create A", "Give either --percent or --amount"),
        ("create A --percent 10 --amount 500", "Give either --percent or --amount"),
        ("create A --percent 101", "101 is not in the range"),
        ("create A --amount 0", "0 is not in the range"),
        ("create a/b --percent 10", "code: "),
        ("create A --percent 10 --sku a/b", "skus[0]: "),
        ("create A --percent 10 --category A", "categories[0]: "),
        ("create A --percent 10 --starts-at 2026-11-24T09:30:00", "is not a moment with its zone"),
        ("create A --percent 10 --ends-at soon", "is not a moment with its zone"),
        ("update A", "Say what is to change"),
        ("update A --percent 10 --amount 500", "Give either --percent or --amount"),
        ("update A --ends-at 2999-01-01T00:00:00Z --clear ends-at", "Either give --ends-at or clear it"),
        ("update A --clear percent", "is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_2(coupons: Coupons, words: str, complaint: str) -> None:
    """It is told what is wrong, and nothing is made."""
    done = coupons(*words.split())
    assert (done.exit_code, complaint in done.stderr) == (2, True), done.stderr
    assert told(coupons("list", "--json")) == []
