"""Writes letters: one template per kind and format, the words of each language beside them, money and dates as the language writes them."""

import re
import textwrap
import tomllib
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_precision
from babel.units import format_unit
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from msgspec import Struct

from shop.kit.address import Address
from shop.kit.money import Money

SHARED = Path(__file__).parent / "templates"
NATIVE = "en"
WIDTH = 68
NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
LIKE_A_LINK = re.compile(r"[/@\\<>]|:\S|\w\.\w|www", re.IGNORECASE)
LONGEST_NAME = 80


class Written(Struct, frozen=True):
    """A letter in both alternatives, ready to be sent; `language` is the one it was written in."""

    subject: str
    text: str
    html: str
    language: str


class Prose(Struct, frozen=True):
    """A passage of a letter that was written in both alternatives already; it stays as it is."""

    text: str
    html: str


class Stationery:
    """A module's templates and words, in the name of the shop."""

    def __init__(self, folder: Path, locales: Sequence[str], sender: str) -> None:
        """`folder` has `<kind>.txt`, `<kind>.html` and the words, `<language>.toml`; the first of the locales is the one to fall back to."""
        name, address = mailbox(sender)
        self.shop = name or "Shop"
        self.domain = address.rpartition("@")[2].encode("idna").decode() or "localhost"
        self._words = _words(folder, locales)
        self._first = next(iter(self._words))
        self._templates = _environment(folder)

    def message_id(self, letter_id: object) -> str:
        """Give the Message-ID that every try of a letter has, without its brackets."""
        return f"{letter_id}@{self.domain}"

    def write(self, kind: str, locale: str, **values: Any) -> Written:
        """Write one letter; `values` are what its templates name."""
        language, locale_ = self._spoken(locale)
        words = self._words[language]
        values = {"locale": locale_, "shop": self.shop, "language": language} | {name: _tidy(value) for name, value in values.items()}
        said = {**values, "t": _say(words["shared"] | words[kind])}
        text, html = (self._templates.get_template(f"{kind}.{format}").render(said) for format in ("txt", "html"))
        return Written(one_line(words[kind]["subject"].format(**values)), text.strip() + "\n", html, language)

    def _spoken(self, locale: str) -> tuple[str, Locale]:
        language = locale.partition("-")[0]
        if language not in self._words:
            return self._first, Locale.parse(self._first)
        try:
            return language, Locale.parse(locale, sep="-")
        except (UnknownLocaleError, ValueError):
            return language, Locale.parse(language)


def mailbox(sender: str) -> tuple[str, str]:
    """Take `The Shop, Ltd. <orders@example.com>` apart into name and address; commas and quotes are as people write them."""
    name, bracket, rest = sender.strip().rpartition("<")
    return (name.strip().strip('"').strip(), rest.strip("> ")) if bracket else ("", sender.strip())


def one_line(text: str) -> str:
    """Give a text without line breaks, control characters and marks that turn the direction of what follows."""
    return " ".join(NOT_IN_A_LINE.sub(" ", text).split())


def salutation(name: str) -> str:
    """Give the name to greet by; none when it is so long or so like a link that a stranger may speak through it."""
    name = one_line(name)
    return "" if len(name) > LONGEST_NAME or LIKE_A_LINK.search(name) else name


def _words(folder: Path, locales: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for language in (*(locale.partition("-")[0] for locale in locales), NATIVE):
        file = folder / f"{language}.toml"
        if file.exists() and language not in found:
            found[language] = tomllib.loads((SHARED / file.name).read_text("utf-8")) | tomllib.loads(file.read_text("utf-8"))
    return found


def _environment(folder: Path) -> Environment:
    loader = FileSystemLoader([folder, SHARED])
    made = Environment(loader=loader, autoescape=select_autoescape(["html"]), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"money": money_text, "day": _day, "hours": _hours, "columns": _columns, "wrapped": _wrapped, "address_lines": _address_lines}
    return made


def _say(words: dict[str, str]) -> Callable[..., str]:
    """Give `t`: a phrase by its name, its gaps filled."""

    def say(name: str, /, **gaps: object) -> str:
        return words[name].format(**gaps)

    return say


def _tidy(value: Any) -> Any:
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if isinstance(value, Struct) and not isinstance(value, Money | Prose):
        return type(value)(**{name: _tidy(getattr(value, name)) for name in value.__struct_fields__})
    return value


def money_text(money: Money, locale: Locale | str) -> str:
    """Write an amount as people of a locale do, such as `€19.99`."""
    digits = get_currency_precision(money.currency)
    return format_currency(Decimal(money.amount).scaleb(-digits), money.currency, locale=locale)


def _day(moment: datetime, locale: Locale) -> str:
    return format_date(moment.date(), "long", locale=locale)


def _hours(number: int, locale: Locale) -> str:
    return format_unit(number, "duration-hour", "long", locale=locale)


def _address_lines(address: Address, locale: Locale) -> list[str]:
    town = " ".join(filter(None, (address.postal_code, address.city)))
    country = locale.territories.get(address.country, address.country)
    parts = (address.name, address.line1, address.line2, town, address.region, country)
    return [part for part in parts if part]


def _columns(left: str, right: str, indent: int = 0) -> str:
    """Give a line of plain text with one part at each margin; the left one goes on below where it is long."""
    room = WIDTH - _width(right) - 2 - indent
    first, *more = textwrap.wrap(left, max(room, 20), break_long_words=True) or [""]
    gap = " " * max(WIDTH - indent - _width(first) - _width(right), 2)
    return "\n".join([" " * indent + first + gap + right, *(" " * (indent + 4) + line for line in more)])


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
