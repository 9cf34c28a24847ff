"""The pages behind the links in mails, as a browser without JavaScript sees them."""

import html
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256

import httpx
import pytest
from tests.users.site import Site, open_site
from tests.users.world import PASSWORD

from shop.kit.clock import Clock

OTHER = "another good password"


@pytest.fixture
async def site(sqlite_url: str, clock: Clock) -> AsyncIterator[Site]:
    """Give users behind its edge, with one registered user."""
    async with open_site(sqlite_url, clock) as opened:
        await opened.register()
        yield opened


def heading(page: httpx.Response) -> str:
    """Give what a page is about."""
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None
    return html.unescape(found[1])


async def press(site: Site, page: httpx.Response, **fields: str) -> httpx.Response:
    """Fill in the only form of a page and send it, as a browser would."""
    form = re.search(r'<form method="post" action="(.*?)">.*?name="token" value="(.*?)"', page.text, re.DOTALL)
    assert form is not None
    return await site.client.post(form[1], data={"token": html.unescape(form[2])} | fields)


async def verified(site: Site) -> bool:
    """Tell whether the registered user is verified: only then registering again is answered by another mail."""
    await site.register()
    await site.app.state.jobs.now("users: send mails")
    return "already" in site.mail.to("ada@example.com")[-1].subject


async def test_the_link_in_the_mail_verifies_after_a_press_of_the_button(site: Site) -> None:
    """Opening it changes nothing, for scanners open links too."""
    link = await site.mailed_link()
    page, reloaded = await site.client.get(link), await site.client.get(link)
    assert (page.status_code, heading(page), reloaded.text) == (200, "Confirm your e-mail address", page.text)
    assert not await verified(site)
    done = await press(site, page)
    assert (done.status_code, heading(done)) == (200, "Your address is confirmed")
    assert await verified(site)
    again = await press(site, page)
    assert (again.status_code, heading(again)) == (400, "This link does not work")


async def test_the_link_in_the_mail_asks_for_a_new_password(site: Site) -> None:
    """A bad password is asked for again; a good one is set."""
    await site.client.post("/api/v1/password-resets", json={"email": "ada@example.com"})
    page = await site.client.get(await site.mailed_link())
    assert (page.status_code, heading(page)) == (200, "Choose a new password")
    refused = [await press(site, page, password=bad) for bad in ("with a \0 in it", "x" * 129, "short")]
    for again in refused:
        assert (again.status_code, heading(again)) == (400, "Choose a new password")
        assert 'role="alert"' in again.text
        assert not re.search(r"with a|xxx|short", again.text)
    assert (await site.log_in()).status_code == 200
    done = await press(site, refused[0], password=OTHER)
    assert (done.status_code, heading(done)) == (200, "Your new password is saved")
    assert (await site.log_in(password=PASSWORD)).status_code == 401
    assert (await site.log_in(password=OTHER)).status_code == 200
    assert (await press(site, page, password=PASSWORD)).status_code == 404


@pytest.mark.parametrize(("path", "status"), [("/account/verify", 400), ("/account/reset-password", 404)])
@pytest.mark.parametrize("token", ["", "?token=", "?token=nonsense", "?token=%22%3E%3Cscript%3E"])
async def test_a_bad_link_says_so_and_repeats_nothing(site: Site, path: str, status: int, token: str) -> None:
    """Opened or sent, and what was sent does not come back as HTML."""
    opened = await site.client.get(path + token)
    sent = await site.client.post(path, data={"token": "<script>", "password": PASSWORD})
    for page in (opened, sent):
        assert (page.status_code, heading(page)) == (status, "This link does not work")
        assert "<script" not in page.text


@pytest.mark.parametrize("body", [b"\xff", b"&".join(b"a=1" for _ in range(100)), b"token=%ff"])
async def test_what_is_no_form_is_refused(site: Site, body: bytes) -> None:
    """Never an error of ours."""
    for path in ("/account/verify", "/account/reset-password"):
        assert (await site.client.post(path, content=body)).status_code == 400


@pytest.mark.parametrize(
    ("languages", "language", "title"),
    [("es-ES,es;q=0.9", "es", "Confirme su dirección de correo"), ("de, en;q=0.1", "en", "Confirm your e-mail address"), ("*;q=x", "en", None)],
)
async def test_pages_speak_the_readers_language(site: Site, languages: str, language: str, title: str | None) -> None:
    """Spanish or English, and they say which."""
    page = await site.client.get(await site.mailed_link(), headers={"Accept-Language": languages})
    assert f'<html lang="{language}">' in page.text
    assert title is None or heading(page) == title


async def test_a_page_loads_and_runs_nothing(site: Site) -> None:
    """Its policy allows its own style and its own form, nothing else, and no cache keeps it."""
    page = await site.client.get(await site.mailed_link())
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style is not None
    allowed = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert policy == f"default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-{allowed}'"
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|src=|https?://|style=", page.text)
