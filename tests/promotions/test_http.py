"""Promotions over HTTP, as staff and readers call them."""

import re
from typing import Any

import httpx
import pytest
from tests.users.site import Site

from shop.kit.paging import encode_cursor

DRAFT = {"subject": "Mugs for less", "body": "Only **this** week."}
LINK = re.compile(r"https://shop\.example(/api/v1/unsubscribe/\S+)")


async def created(site: Site, staff: dict[str, str], **changes: Any) -> dict[str, Any]:
    """Write a promotion."""
    answer = await site.client.post("/api/v1/promotions", json=DRAFT | changes, headers=staff)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def sends(site: Site, staff: dict[str, str], id: str) -> httpx.Response:
    """Let a promotion go, and work until there is nothing to do."""
    answer = await site.client.post(f"/api/v1/promotions/{id}/send", headers=staff)
    await works(site)
    return answer


async def works(site: Site) -> None:
    """Do what jobs do."""
    await site.app.state.jobs.now("users: send mails")
    while await site.app.state.jobs.now("users: send promotions"):
        pass


async def unsubscribe_path(site: Site, staff: dict[str, str]) -> str:
    """Let Ada agree, send her a promotion and give the path of the link in it."""
    await site.register(marketing_consent=True)
    await sends(site, staff, (await created(site, staff))["id"])
    found = LINK.search(site.mail.to("ada@example.com")[-1].text)
    assert found
    return found[1]


async def test_staff_write_change_and_send_a_promotion(site: Site) -> None:
    """From the draft to the last mail."""
    staff = await site.as_staff()
    await site.register(marketing_consent=True)
    await site.register("no@example.com")
    made = await created(site, staff, audience={"locale": "en"}, variants={"es": {"subject": "Tazas", "body": "Hoy."}})
    assert made["status"] == "draft"
    assert made["audience"] == {"locale": "en"}
    path = f"/api/v1/promotions/{made['id']}"
    changed = await site.client.patch(path, json={"coupon": "MUG-10", "variants": {}}, headers=staff)
    assert (changed.status_code, changed.json()) == (200, made | {"coupon": "MUG-10", "variants": {}})
    assert (await site.client.patch(path, json={"coupon": None}, headers=staff)).json()["coupon"] is None
    sent = await sends(site, staff, made["id"])
    assert (sent.status_code, sent.json()["status"]) == (202, "sending")
    shown = (await site.client.get(path, headers=staff)).json()
    assert {name: shown[name] for name in ("status", "recipients", "sent", "failed", "skipped")} == {
        "status": "sent", "recipients": 1, "sent": 1, "failed": 0, "skipped": 0,
    }  # fmt: skip
    assert shown["created_at"] <= shown["started_at"] <= shown["finished_at"]
    assert [mail.subject for mail in site.mail.to("ada@example.com")].count("Mugs for less") == 1
    late = await site.client.patch(path, json={"subject": "x"}, headers=staff)
    assert (late.status_code, late.json()["code"]) == (409, "promotion_not_draft")


async def test_send_can_be_repeated_and_pause_and_resume_belong_to_sending(site: Site) -> None:
    """202 again and again; a draft can be neither paused nor resumed."""
    staff = await site.as_staff()
    path = f"/api/v1/promotions/{(await created(site, staff))['id']}"

    async def post(action: str) -> tuple[int, str]:
        answer = await site.client.post(f"{path}/{action}", headers=staff)
        body = answer.json()
        return answer.status_code, body.get("code") or body["status"]

    assert [await post(action) for action in ("pause", "resume")] == [(409, "promotion_not_sending")] * 2
    assert [await post("send") for _ in range(2)] == [(202, "sending")] * 2
    assert [await post("pause") for _ in range(2)] == [(200, "paused")] * 2
    assert await post("send") == (202, "paused")
    assert [await post("resume") for _ in range(2)] == [(200, "sending")] * 2
    await works(site)
    assert await post("send") == (202, "sent")
    assert await post("pause") == (409, "promotion_not_sending")


async def test_promotions_are_listed_newest_first(site: Site) -> None:
    """In pages."""
    staff = await site.as_staff()
    made = [await created(site, staff, subject=str(number)) for number in range(3)]
    first = (await site.client.get("/api/v1/promotions?limit=2", headers=staff)).json()
    assert first["items"] == [made[2], made[1]]
    rest = (await site.client.get(f"/api/v1/promotions?limit=2&cursor={first['next_cursor']}", headers=staff)).json()
    assert rest == {"items": [made[0]], "next_cursor": None}
    for cursor in ("x", *(encode_cursor((moment, made[0]["id"])) for moment in ("0001-01-01T00:00:00+14:00", "2026-11-24T09:30:00"))):
        bad = await site.client.get(f"/api/v1/promotions?cursor={cursor}", headers=staff)
        assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "cursor")


async def test_an_idempotency_key_writes_one_promotion(site: Site) -> None:
    """The same answer, and one in the list."""
    staff = await site.as_staff()
    answers = [await site.client.post("/api/v1/promotions", json=DRAFT, headers=staff | {"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len((await site.client.get("/api/v1/promotions", headers=staff)).json()["items"]) == 1


async def test_a_preview_and_a_test_mail_show_what_will_be_sent(site: Site) -> None:
    """The preview is JSON; the mail goes to the caller alone."""
    staff = await site.as_staff()
    await site.register(marketing_consent=True)
    made = await created(site, staff, variants={"es": {"subject": "Tazas", "body": "Sólo *hoy*."}})
    path = f"/api/v1/promotions/{made['id']}"
    preview = (await site.client.get(f"{path}/preview?locale=es", headers=staff)).json()
    assert preview["subject"] == "Tazas"
    assert "<em>hoy</em>" in preview["html"]
    assert preview["text"].startswith("Hola:\n\nSólo hoy.")
    assert (await site.client.get(f"{path}/preview", headers=staff)).json()["subject"] == "Mugs for less"
    bad = await site.client.get(f"{path}/preview?locale=spanish", headers=staff)
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "locale")
    assert (await site.client.post(f"{path}/test", json={"locale": "es"}, headers=staff)).status_code == 202
    assert (await site.client.post(f"{path}/test", headers=staff)).status_code == 202
    await works(site)
    assert [mail.subject for mail in site.mail.to("staff@example.com")] == ["Tazas", "Mugs for less"]
    assert all(mail.subject not in ("Tazas", "Mugs for less") for mail in site.mail.to("ada@example.com"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": ""}, "subject"),
        ({"body": ""}, "body"),
        ({"coupon": "no spaces"}, "coupon"),
        ({"audience": {"locale": "spanish"}}, "audience.locale"),
        ({"audience": {"age": 7}}, "audience.age"),
        ({"variants": {"spanish": DRAFT}}, "variants"),
        ({"variants": {"es": {"subject": "x"}}}, "variants"),
        ({"status": "sent"}, "status"),
    ],
)
async def test_a_bad_promotion_names_the_field(site: Site, change: dict[str, Any], field: str) -> None:
    """Nothing senseless is kept."""
    answer = await site.client.post("/api/v1/promotions", json=DRAFT | change, headers=await site.as_staff())
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith(field)


async def test_only_staff_see_promotions(site: Site) -> None:
    """Nobody, 401; a customer, 403; of an unknown one, 404."""
    ada, staff = await site.as_ada(), await site.as_staff()
    unknown = "/api/v1/promotions/01890000-0000-7000-8000-000000000000"
    calls = [("POST", "/api/v1/promotions"), ("GET", "/api/v1/promotions"), ("GET", unknown), ("PATCH", unknown), ("GET", f"{unknown}/preview")]
    calls += [("POST", f"{unknown}/{action}") for action in ("test", "send", "pause", "resume")]
    for method, path in calls:
        options: dict[str, Any] = {"json": {}} if method == "PATCH" else {}
        assert (await site.client.request(method, path, **options)).status_code == 401
        assert (await site.client.request(method, path, headers=ada, **options)).status_code == 403
        if path != "/api/v1/promotions":
            answer = await site.client.request(method, path, headers=staff, **options)
            assert (answer.status_code, answer.json()["code"]) == (404, "promotion_not_found")


async def test_opening_the_link_to_unsubscribe_changes_nothing(site: Site) -> None:
    """A page without script asks for the press of a button, in the reader's language."""
    staff = await site.as_staff()
    path = await unsubscribe_path(site, staff)
    page = await site.client.get(path, headers={"Accept-Language": "es"})
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "Darse de baja" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert f'action="{path}"' in page.text
    assert await consent(site) == {"granted": True, "source": "registration"}


@pytest.mark.parametrize(
    "options",
    [
        {"content": b"List-Unsubscribe=One-Click", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"One-Click", "headers": {"Content-Type": "text/plain"}},
        {"json": {}},
    ],
)
async def test_one_click_unsubscribes_without_a_login(site: Site, options: dict[str, Any]) -> None:
    """With whatever body; again and again; and no promotion follows."""
    staff = await site.as_staff()
    path = await unsubscribe_path(site, staff)
    for _ in range(2):
        assert (await site.client.post(path, **options)).status_code == 200
    assert await consent(site) == {"granted": False, "source": "unsubscribe"}
    made = await created(site, staff, subject="Another one")
    await sends(site, staff, made["id"])
    assert "Another one" not in [mail.subject for mail in site.mail.inbox]


async def test_a_forged_link_is_404(site: Site) -> None:
    """A problem for programs, a page for people; one of somebody else's letter is forged, too."""
    await site.register(marketing_consent=True)
    other = await site.mailed_token()
    path = await unsubscribe_path(site, await site.as_staff())
    for token in ("x", path.rpartition("/")[2][:-2] + "AA", other):
        for method in ("GET", "POST"):
            answer = await site.client.request(method, f"/api/v1/unsubscribe/{token}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unsubscribe_not_found"), token
            shown = await site.client.request(method, f"/api/v1/unsubscribe/{token}", headers={"Accept": "text/html,*/*"})
            assert (shown.status_code, "This link does not work" in shown.text) == (404, True)
    assert await consent(site) == {"granted": True, "source": "registration"}


async def consent(site: Site) -> dict[str, Any]:
    """Say what Ada last said."""
    token = (await site.log_in()).json()["access_token"]
    said = (await site.client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})).json()["consents"]["marketing"]
    del said["at"]
    found: dict[str, Any] = said
    return found
