"""What the documents say is what the code does."""

import re
from pathlib import Path

from click.testing import CliRunner

from shop.cli import COMMANDS, cli
from shop.configuration.keys import KEYS, Key
from shop.kit.secret import Secret
from shop.settings import Settings, Smtp, Stripe

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = (DOCS / "settings.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()
ROWS = dict(re.findall(r"^\| `(SHOP_\w+)` \| (.*?) \|", SETTINGS, re.MULTILINE))


SECRET = Secret("x")
COMPLETE = Settings(stripe=Stripe(SECRET, "x", SECRET), smtp=Smtp("x", 1, "x"))


def default_of(key: Key) -> object:
    """Give the value that a key has when nothing is set."""
    section, _, field = str(key.into).partition(".")
    return getattr(getattr(COMPLETE, section), field)


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    """In both directions, `_FILE` aside."""
    assert set(ROWS) == set(KEYS)


def test_the_documented_defaults_are_the_defaults() -> None:
    """Where a default can be written down, it is the one of the code."""
    written = {name: default.strip("`") for name, default in ROWS.items() if re.fullmatch(r"`[\w./:,-]+`", default)}
    assert len(written) >= 12
    assert {name: KEYS[name].read(text) for name, text in written.items()} == {name: default_of(KEYS[name]) for name in written}


def test_every_command_is_documented() -> None:
    """With its exit codes."""
    assert set(re.findall(r"^\| `shop (\w+)", OPERATIONS, re.MULTILINE)) == set(COMMANDS)


def test_every_option_that_a_document_names_exists() -> None:
    """`shop migrate --check` and its like."""
    for command, option in re.findall(r"`shop (\w+)(?: \w+)?[^`]*? (--[\w-]+)", OPERATIONS):
        helped = CliRunner().invoke(cli, [command, "--help"], prog_name="shop").output
        assert option in helped, f"shop {command} {option}"
