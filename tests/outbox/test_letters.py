"""What people read: every letter, in both languages, whatever they are called."""

import string
import tomllib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from shop.adapters.mime import address, envelope
from shop.kit import letters
from shop.kit.address import Address
from shop.kit.letters import Stationery, mailbox, salutation
from shop.kit.money import Money
from shop.kit.outbox import Letter
from shop.modules import sales, users
from shop.modules.sales.letters import OrderLetter, OrderLetterLine, RefundLetter, SalesLetters, ShipmentLetter, ShipmentLetterLine
from shop.modules.users.letters import AccountLetter, AccountLetters
from shop.ports.mail import Message

ID = UUID("01a20c62-e1be-7b7f-806f-59bd9c1492fb")
SENDER = "Fern & Field <orders@shop.example>"
TOKEN = "s3cr3t-t0k3n"
PLACED = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
FOLDERS = [Path(str(package.__file__)).parent / "templates" for package in (sales, users, letters)]
LANGUAGES = ("en", "es")


def eur(amount: int) -> Money:
    """Give so many cents."""
    return Money(amount, "EUR")


ADDRESS = Address("María José Fernández", "Calle de Alcalá 42", "28014", "Madrid", "ES", "3.º izquierda")
LINES = [OrderLetterLine("MUG-1", "Enamel mug", 2, eur(1499), eur(2998)), OrderLetterLine("TENT-2", "Tent", 1, eur(24900), eur(24900))]
ORDER = OrderLetter(ID, "A-1001", "María José", PLACED, LINES, eur(27898), eur(1000), eur(495), eur(4752), eur(27393), "Standard", ADDRESS)
PARCEL = ShipmentLetter(ID, "A-1001", "María José", "Correos", "PQ4F6L", [ShipmentLetterLine("MUG-1", "Enamel mug", 2)], ADDRESS, complete=False)
REFUND = RefundLetter(ID, "A-1001", "María José", eur(1499), eur(2998), eur(27393))
ACCOUNT = AccountLetter("María José", 24)
LETTERS: dict[str, Struct] = {
    "order_confirmed": ORDER,
    "order_shipped": PARCEL,
    "order_refunded": REFUND,
    "verification": ACCOUNT,
    "already_registered": ACCOUNT,
    "password_reset": ACCOUNT,
}


async def order_link(order_id: UUID) -> str:
    """Give the address of an order's page."""
    return f"https://shop.example/orders/{order_id}?a=1&b=2"


async def token(_letter: Letter) -> str:
    """Derive a token."""
    return TOKEN


def composers() -> dict[str, Callable[[Letter], Awaitable[Message]]]:
    """Give who composes what."""
    of_sales, of_users = SalesLetters(SENDER, LANGUAGES, order_link), AccountLetters(SENDER, LANGUAGES, "https://shop.example/", token)
    return {kind: (of_users if isinstance(data, AccountLetter) else of_sales).compose for kind, data in LETTERS.items()}


COMPOSERS = composers()


async def written(kind: str, locale: str = "en", data: Struct | None = None) -> Message:
    """Compose one letter as the relay does: from the JSON of its row."""
    row = msgspec.json.decode(msgspec.json.encode(data or LETTERS[kind]))
    return await COMPOSERS[kind](Letter(ID, ID, kind, "ana@example.com", locale, row, PLACED))


class Reader(HTMLParser):
    """Reads HTML as a mail program does: tags with their attributes, and the text in between."""

    def __init__(self, html: str) -> None:
        """Read it all."""
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.pieces: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.pieces.append(data)

    @property
    def text(self) -> str:
        """Give all of the text, its spaces evened out."""
        return " ".join("".join(self.pieces).split())


async def test_a_confirmation_says_what_was_bought_and_what_it_costs() -> None:
    """In both alternatives: every line, every sum, where it goes, and how to see it."""
    mail = await written("order_confirmed")
    assert mail.subject == "Your order A-1001 is confirmed"
    for said in (" ".join(mail.text.split()), Reader(mail.html).text):
        for part in (
            "María José",
            "A-1001",
            "Enamel mug",
            "MUG-1",
            "€29.98",
            "€14.99 each",
            "Tent",
            "€249.00",
            "€278.98",
            "€10.00",
            "€4.95",
            "€273.93",
            "€47.52",
        ):
            assert part in said
        for part in ("Calle de Alcalá 42", "3.º izquierda", "28014 Madrid", "Spain", "November 24, 2026", "Standard"):
            assert part in said
    assert "https://shop.example/orders/" in mail.text
    assert Reader(mail.html).links == [f"https://shop.example/orders/{ID}?a=1&b=2"]


async def test_spanish_writes_money_and_dates_the_spanish_way() -> None:
    """The same letter, for somebody else."""
    mail = await written("order_confirmed", "es")
    assert mail.subject == "Su pedido A-1001 está confirmado"
    assert mail.headers["Content-Language"] == "es"
    for said in (" ".join(mail.text.split()), Reader(mail.html).text):
        for part in ("273,93 €", "24 de noviembre de 2026", "España", "Hola, María José:"):
            assert part in said


async def test_what_is_not_there_is_not_written() -> None:
    """No discount, no tax, no shipping, no tracking number, no page, no second address."""
    plain = replace(ORDER, discount=eur(0), tax=eur(0), shipping=eur(0))
    mail = await written("order_confirmed", data=plain)
    assert "Discount" not in mail.text + mail.html
    assert "Tax" not in mail.text + mail.html
    assert "free" in mail.text
    assert "Tracking" not in (await written("order_shipped", data=replace(PARCEL, tracking=None))).text
    letter = Letter(ID, ID, "order_confirmed", "ana@example.com", "en", msgspec.to_builtins(plain), PLACED)
    assert "http" not in (await SalesLetters(SENDER, LANGUAGES).compose(letter)).text


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("kind", ["verification", "password_reset"])
async def test_an_account_letter_leads_back_to_the_shop(kind: str, locale: str) -> None:
    """Its token stands in the link, and beside it for whoever cannot open links."""
    mail = await written(kind, locale)
    (link,) = Reader(mail.html).links
    assert link.startswith("https://shop.example/account/")
    assert TOKEN in link
    assert link in mail.text
    assert mail.text.count(TOKEN) == Reader(mail.html).text.count(TOKEN) + 1 == 2
    assert "24" in mail.text


async def test_who_has_an_account_already_gets_no_token() -> None:
    """Somebody else may have asked."""
    mail = await written("already_registered")
    assert TOKEN not in mail.text + mail.html


@pytest.mark.parametrize("kind", LETTERS)
async def test_every_try_of_a_letter_is_the_same_mail(kind: str) -> None:
    """Same Message-ID, in the sender's domain; and no machine answers it."""
    first, second = await written(kind), await written(kind)
    assert first == second
    assert first.message_id == f"{ID}@shop.example"
    assert first.headers["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("locale", "language", "total"),
    [
        ("es", "es", "273,93\xa0€"),
        ("es-MX", "es", "EUR273.93"),
        ("es-XX", "es", "273,93\xa0€"),
        ("en-GB", "en", "€273.93"),
        ("de", "en", "€273.93"),
        ("", "en", "€273.93"),
    ],
)
async def test_an_unknown_language_gets_the_shops_first(locale: str, language: str, total: str) -> None:
    """A country known within a language writes its own numbers."""
    mail = await written("order_confirmed", locale)
    assert mail.headers["Content-Language"] == language
    assert total in mail.text


async def test_a_shop_speaks_its_own_languages_first() -> None:
    """A Spanish shop answers a German in Spanish; a shop of languages that nobody wrote answers in English."""
    row = Letter(ID, ID, "order_confirmed", "ana@example.com", "de", msgspec.to_builtins(ORDER), PLACED)
    assert (await SalesLetters(SENDER, ("es", "en")).compose(row)).headers["Content-Language"] == "es"
    assert (await SalesLetters(SENDER, ("de",)).compose(row)).headers["Content-Language"] == "en"


def test_a_sender_without_a_name_is_the_shop() -> None:
    """The domain makes the Message-ID, in letters that every server reads."""
    stationery = Stationery(FOLDERS[0], LANGUAGES, "orders@müller.example")
    assert (stationery.shop, stationery.message_id("1")) == ("Shop", "1@xn--mller-kva.example")


@pytest.mark.parametrize(
    ("sender", "parts"),
    [
        ("orders@shop.example", ("", "orders@shop.example")),
        ("Shop <orders@shop.example>", ("Shop", "orders@shop.example")),
        ('"Shop, Ltd." <orders@shop.example>', ("Shop, Ltd.", "orders@shop.example")),
        (" Fern & Field, S.L. < orders@shop.example> ", ("Fern & Field, S.L.", " orders@shop.example")),
        ("", ("", "")),
    ],
)
def test_a_sender_is_read_as_people_write_it(sender: str, parts: tuple[str, str]) -> None:
    """With a comma in its name, too."""
    assert mailbox(sender) == (parts[0], parts[1].strip())


@pytest.mark.parametrize("folder", FOLDERS)
def test_both_languages_say_the_same(folder: Path) -> None:
    """Every phrase with the same gaps."""

    def gaps(language: str) -> dict[tuple[str, str], set[str]]:
        words: dict[str, dict[str, str]] = tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))
        return {
            (kind, name): {gap or "" for _, gap, _, _ in string.Formatter().parse(text)} for kind, of in words.items() for name, text in of.items()
        }

    assert gaps("en") == gaps("es")


class Names:
    """Names that people have, and that people try."""

    ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
    NASTY = st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "Ana\r\nBcc: eve@example.com",
            "Ana\n\n<html>",
            "{{ 7 * 7 }} {% raw %}",
            "{name.__class__} {0} {}",
            "%s %(name)s",
            "=?utf-8?q?=0D=0ABcc:_eve?=",
            "\u202eevil\u202c",
            "a" * 60,
            "日本語の名前" * 10,
            ".\r\n.\r\nQUIT",
        ]
    )


EXPECTED_HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version", "Content-Type"}


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(list(LETTERS)), locale=st.sampled_from(LANGUAGES), name=Names.ANY | Names.NASTY, title=Names.ANY | Names.NASTY)
async def test_a_name_is_only_ever_a_name(kind: str, locale: str, name: str, title: str) -> None:
    """It adds no tag, no header, no line and no part, in no letter."""
    name, title = f"x{name}", f"x{title}"  # an empty one leaves its line out
    mail, usual = await written(kind, locale, renamed(LETTERS[kind], name, title)), await written(kind, locale)
    assert Reader(mail.html).tags == Reader(usual.html).tags
    assert Reader(mail.html).links == Reader(usual.html).links
    assert "\n" not in mail.subject
    read = message_from_bytes(envelope(mail, address(*reversed(mailbox(SENDER)))).content, EmailMessage, policy=policy.default)
    assert set(read.keys()) == EXPECTED_HEADERS
    assert len(list(read.walk())) == 3
    assert all(len(line) <= 998 and line.isascii() for line in envelope(mail, address(*reversed(mailbox(SENDER)))).content.split(b"\r\n"))
    assert str(read["Subject"]) == mail.subject


async def test_a_name_of_many_lines_is_written_in_one() -> None:
    """Nobody writes paragraphs of his own into the plain text."""
    spam = "Ana\r\n\r\nBuy\u2028pills\u202e"
    mail = await written("order_confirmed", data=renamed(ORDER, spam, spam))
    assert "Hello Ana Buy pills," in mail.text
    assert "    Ana Buy pills\n" in mail.text
    assert "2 × Ana Buy pills " in mail.text


def renamed(letter: Any, name: str, title: str) -> Any:
    """Put these names wherever a person's words come into a letter."""
    if isinstance(letter, AccountLetter):
        return replace(letter, name=name)
    changes: dict[str, Any] = {"name": name, "number": letter.number}
    if isinstance(letter, (OrderLetter, ShipmentLetter)):
        changes["lines"] = [replace(line, title=title) for line in letter.lines]
        changes["shipping_address"] = replace(letter.shipping_address, name=name, line1=title, city=name)
    if isinstance(letter, ShipmentLetter):
        changes |= {"carrier": title, "tracking": name}
    return replace(letter, **changes)


@pytest.mark.parametrize("name", ["Ana", "María José", "O'Brien-Smith", "J. R. Ewing", "李小龙", "Ana, hija"])
def test_people_are_greeted_by_their_name(name: str) -> None:
    """As they wrote it."""
    assert salutation(name) == name


@pytest.mark.parametrize(
    "name", ["Win at www.evil.example", "http://evil.example", "evil.example/x", "ana@evil.example", "<b>", "x" * 81, "click evil。example/"]
)
def test_nobody_speaks_through_the_shop_to_a_stranger(name: str) -> None:
    """Anybody can register a stranger's address under a name that is an advertisement: then the letter greets nobody."""
    assert salutation(name) == ""


@pytest.mark.parametrize(("currency", "shown"), [("EUR", "€273.93"), ("JPY", "¥27,393"), ("USD", "$273.93")])
async def test_every_currency_has_its_own_minor_unit(currency: str, shown: str) -> None:
    """A yen has no cents."""
    assert shown in (await written("order_confirmed", data=replace(ORDER, total=Money(27393, currency)))).text
