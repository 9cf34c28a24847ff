"""The mails of promotions, as they are handed to the mail server."""

from uuid import uuid4

from tests.promotions.office import URL, Office

from shop.adapters.mime import address, envelope
from shop.kit.outbox import Letter
from shop.modules.users import tables
from shop.modules.users.promotion import Content


async def test_a_mail_has_the_way_out_in_text_html_and_headers(small_office: Office) -> None:
    """The same signed link three times, one click by RFC 8058, and it goes as mail to many."""
    user_id = await small_office.reader()
    await small_office.sending()
    await small_office.work()
    (mail,) = small_office.mail.inbox
    link = await small_office.links.unsubscribe(user_id)
    assert link.startswith(f"{URL}/api/v1/unsubscribe/")
    assert mail.headers["List-Unsubscribe"] == f"<{link}>"
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in mail.text
    assert f'href="{link}"' in mail.html
    assert mail.bulk
    assert mail.message_id.endswith("@example.com")
    wire = envelope(mail, address("shop@example.com")).content
    assert f"List-Unsubscribe: <{link}>\r\n".encode() in wire


async def test_it_says_who_writes_and_why_and_shows_the_coupon(small_office: Office) -> None:
    """A reader is greeted by name; it is advertising, and does not say that it is none."""
    await small_office.reader()
    await small_office.sending(coupon="MUG-10")
    await small_office.work()
    (mail,) = small_office.mail.inbox
    assert mail.subject == "Mugs for less"
    assert mail.text.startswith("Hello Ana Gil,\n\nOnly this week.\n\n    Your code at checkout: MUG-10\n")
    assert "because you agreed to news and offers from The Mug Shop" in mail.text.replace("\n", " ")
    assert "no advertising" not in mail.text + mail.html
    assert "<strong>this</strong>" in mail.html
    assert ">MUG-10<" in mail.html


async def test_everybody_reads_their_own_language(small_office: Office) -> None:
    """The variant of the locale, else of the language, else what everybody gets; the frame speaks the reader's language."""
    for locale in ("en", "es", "es-MX", "de"):
        await small_office.reader(f"{locale}@example.com", locale=locale)
    variants = {"es": Content("Tazas", "Sólo *esta* semana."), "es-MX": Content("Tazas MX", "Nomás esta semana.")}
    await small_office.sending(variants=variants)
    await small_office.work()
    subjects = {mail.recipient.partition("@")[0]: mail.subject for mail in small_office.mail.inbox}
    assert subjects == {"en": "Mugs for less", "es": "Tazas", "es-MX": "Tazas MX", "de": "Mugs for less"}
    (spanish,) = small_office.mail.to("es@example.com")
    assert spanish.text.startswith("Hola, Ana Gil:\n\nSólo esta semana.")
    assert 'lang="es"' in spanish.html


async def test_a_preview_is_what_a_reader_will_get(small_office: Office) -> None:
    """Of any locale, with the coupon, and the reader's own way out."""
    reader = await small_office.reader(locale="es")
    id = await small_office.draft(coupon="MUG-10", variants={"es": Content("Tazas", "Sólo *esta* semana.")})
    preview = await small_office.promotions.preview(id, "es", reader)
    await small_office.promotions.send(id)
    await small_office.work()
    (mail,) = small_office.mail.inbox
    assert preview.subject == mail.subject
    assert preview.text.partition("\n")[2] == mail.text.partition("\n")[2]
    assert (await small_office.promotions.preview(id, None, reader)).subject == "Mugs for less"


async def test_a_test_mail_goes_to_who_asks_and_to_nobody_else(small_office: Office) -> None:
    """Through the outbox, as the mail that somebody waits for; the promotion stays a draft."""
    await small_office.reader()
    me = await small_office.reader("me@example.com", role="staff", locale="es")
    id = await small_office.draft(variants={"es": Content("Tazas", "Sólo esta semana.")})
    for locale in (None, "en"):
        await small_office.promotions.send_test(id, locale, me)
    await small_office.work()
    assert small_office.mail.inbox == []
    rows = await small_office.rows(tables.outbox.select().order_by(tables.outbox.c.id))
    assert [(row.kind, row.recipient) for row in rows] == [("promotion_test", "me@example.com")] * 2
    letters = [Letter(row.id, row.subject_id, row.kind, row.recipient, row.locale, row.data, row.created_at) for row in rows]
    spanish, english = [await small_office.letters.compose_test(letter) for letter in letters]
    assert (spanish.subject, english.subject) == ("Tazas", "Mugs for less")
    assert spanish.headers["List-Unsubscribe"] == f"<{await small_office.links.unsubscribe(me)}>"
    assert not spanish.bulk


async def test_who_has_a_name_like_a_link_is_greeted_by_none(small_office: Office) -> None:
    """Nobody speaks through a mail of the shop."""
    written = await small_office.letters.written(Content("x", "y"), None, "en", uuid4(), "Win at www.example.com")
    assert written.text.startswith("Hello,\n")
