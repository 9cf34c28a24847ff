"""The mailbox, as the shop's own SMTP client and a reader's browser see it."""

import asyncio
import html
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest
from tests.support.loopback import free_port

from shop.demo.mailbox import serve_mailbox

HTML = "<h1>Gracias</h1><a href='http://localhost:8000/o/1?t=x&amp;y=2'>Ver</a><script>alert(1)</script>"


def mail(to: str, subject: str = "Tu pedido está confirmado") -> EmailMessage:
    """Give a mail with text and HTML."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@example.com>", to, subject
    message["Message-ID"] = "<1@shop.example>"
    message.set_content("Mira: http://localhost:8000/o/1.\n.\nHasta mañana\n")
    message.add_alternative(HTML, subtype="html")
    return message


@dataclass
class Mailbox:
    """A running mailbox."""

    folder: Path
    smtp_port: int
    http: httpx.AsyncClient

    async def send(self, to: str, **more: Any) -> None:
        """Send a mail over SMTP, with a connection of its own."""
        await aiosmtplib.send(mail(to, **more), recipients=[to], hostname="127.0.0.1", port=self.smtp_port, timeout=5, start_tls=False)

    async def items(self, **query: Any) -> list[dict[str, Any]]:
        """Find mails."""
        return list((await self.http.get("/messages.json", params=query)).json()["items"])


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncGenerator[Mailbox]:
    """Run a mailbox."""
    port, smtp_port, ready = free_port(), free_port(), asyncio.Event()
    task = asyncio.create_task(serve_mailbox(tmp_path / "mails", env="test", port=port, smtp_port=smtp_port, ready=ready))
    await ready.wait()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as client:
        yield Mailbox(tmp_path / "mails", smtp_port, client)
    task.cancel()
    await asyncio.wait({task})


async def test_a_mail_is_found_by_its_reader(mailbox: Mailbox) -> None:
    """Accents, a lone dot and links survive; somebody who waits gets the mail when it comes."""
    waiting = asyncio.create_task(mailbox.items(to="ana@example.com", wait=5))
    await mailbox.send("ana@example.com")
    (found,) = await waiting
    assert found["from"] == "Shop <shop@example.com>"
    assert found["to"] == ["ana@example.com"]
    assert found["subject"] == "Tu pedido está confirmado"
    assert found["message_id"] == "<1@shop.example>"
    assert found["text"].splitlines()[1:] == [".", "Hasta mañana"]
    assert found["links"] == ["http://localhost:8000/o/1", "http://localhost:8000/o/1?t=x&y=2"]
    await mailbox.send("eva@example.com", subject="Bienvenida")
    assert [each["to"] for each in await mailbox.items()] == [["eva@example.com"], ["ana@example.com"]]
    assert [each["to"] for each in await mailbox.items(subject="bienvenida")] == [["eva@example.com"]]
    assert await mailbox.items(to="nobody@example.com") == []


async def test_the_page_never_runs_a_mail(mailbox: Mailbox) -> None:
    """HTML is quoted into a sandboxed frame under a policy without scripts; the file is only ever a download."""
    await mailbox.send("ana@example.com", subject="<script>alert(2)</script>")
    (found,) = await mailbox.items()
    page = await mailbox.http.get(f"/messages/{found['id']}")
    assert "<script" not in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"]
    raw = await mailbox.http.get(f"/messages/{found['id']}/raw")
    assert raw.headers["content-disposition"].startswith("attachment")
    assert raw.text.startswith("Return-Path: <shop@example.com>\r\nX-Original-To: ana@example.com\r\n")
    for other in ("nothing", "..%2F..%2Fetc%2Fpasswd", "0-../../x"):
        assert (await mailbox.http.get(f"/messages/{other}")).status_code == 404


async def test_the_page_shows_a_mail_as_its_reader_sees_it(mailbox: Mailbox) -> None:
    """All of its HTML is in the frame, and the policy that the frame inherits lets its styles and its pictures be seen."""
    await mailbox.send("ana@example.com")
    (found,) = await mailbox.items()
    page = await mailbox.http.get(f"/messages/{found['id']}")
    [shown] = re.findall(r'<iframe [^>]*srcdoc="([^"]*)"', page.text)
    assert html.unescape(shown).strip() == f"<base target=_blank>{HTML}"
    assert "style-src 'unsafe-inline'; img-src 'self' data:;" in page.headers["content-security-policy"]


async def test_the_list_searches_and_empties(mailbox: Mailbox) -> None:
    """Words are looked for everywhere; only the mailbox's own page may press the button."""
    await mailbox.send("ana@example.com")
    assert "ana@example.com" in (await mailbox.http.get("/", params={"q": "CONFIRMADO mañana"})).text
    assert "Nothing found" in (await mailbox.http.get("/", params={"q": "absent"})).text
    assert (await mailbox.http.post("/empty", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    assert (await mailbox.http.delete("/messages")).status_code == 204
    assert await mailbox.items() == []
    assert "No mail yet" in (await mailbox.http.get("/")).text


async def test_refusals(mailbox: Mailbox) -> None:
    """A bounce is for ever, a greylisted address comes through the second time, content can be refused."""
    for _ in range(2):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as bounced:
            await mailbox.send("bounce-550+ana@example.com")
        assert bounced.value.recipients[0].code == 550
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as later:
        await mailbox.send("greylist-451@example.com")
    assert later.value.recipients[0].code == 451
    await mailbox.send("greylist-451@example.com")
    with pytest.raises(aiosmtplib.SMTPDataError) as refused:
        await mailbox.send("refuse-data-552@example.com")
    assert refused.value.code == 552
    assert [each["to"] for each in await mailbox.items()] == [["greylist-451@example.com"]]


async def test_broken_connections(mailbox: Mailbox) -> None:
    """The sender sees the same, whether the mail was kept or not; the second try of a `once` is told the truth."""
    for to, kept in (("drop-mid-data@example.com", 0), ("drop-after-accept@example.com", 1), ("drop-once-after-accept@example.com", 1)):
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await mailbox.send(to)
        assert len(await mailbox.items(to=to)) == kept
    await mailbox.send("drop-once-after-accept@example.com")
    assert len(await mailbox.items(to="drop-once-after-accept@example.com")) == 2


async def test_mails_outlive_the_server_and_malformed_ones_are_shown(mailbox: Mailbox) -> None:
    """The folder is the truth: what lies in it is listed, whoever put it there and however broken it is; half-written files are not."""
    await mailbox.send("jamón@mañana.example")
    (mailbox.folder / "00000000000000000001-aa.eml").write_bytes(
        b"From: \xff\xfe <\r\nSubject: =?bad?q?=FF?=\r\nContent-Type: text/html; charset=no\r\n\r\n\xff"
    )
    (mailbox.folder / ".00000000000000000002-bb.part").write_bytes(b"half")
    assert [each["to"] for each in await mailbox.items()] == [["jamón@mañana.example"], []]
    assert (await mailbox.http.get("/messages/00000000000000000001-aa")).status_code == 200
    assert (await mailbox.http.get("/")).status_code == 200
