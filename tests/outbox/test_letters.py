"""What people read: every letter, in both languages, whatever they are called."""

import string
import tomllib
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from tests.outbox.writing import (
    FOLDERS,
    ID,
    LANGUAGES,
    LETTERS,
    ORDER,
    PARCEL,
    PLACED,
    SENDER,
    TOKEN,
    Reader,
    eur,
    written,
)

from shop.kit.letters import Stationery, mailbox
from shop.kit.money import Money
from shop.kit.outbox import Letter
from shop.modules.sales.letters import SalesLetters


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


async def test_a_discount_names_its_coupon() -> None:
    """In every language; letters that were owed before they knew it say only that there is one."""
    for locale, named, unnamed in (("en", "Discount (SUMMER-10)", "Discount"), ("es", "Descuento (SUMMER-10)", "Descuento")):
        mail = await written("order_confirmed", locale, replace(ORDER, coupon="SUMMER-10"))
        plain = await written("order_confirmed", locale)
        for with_code, without in ((mail.text, plain.text), (Reader(mail.html).text, Reader(plain.html).text)):
            assert named in with_code
            assert unnamed in without
            assert "(SUMMER-10)" not in without


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


@pytest.mark.parametrize(("currency", "shown"), [("EUR", "€273.93"), ("JPY", "¥27,393"), ("USD", "$273.93")])
async def test_every_currency_has_its_own_minor_unit(currency: str, shown: str) -> None:
    """A yen has no cents."""
    assert shown in (await written("order_confirmed", data=replace(ORDER, total=Money(27393, currency)))).text
