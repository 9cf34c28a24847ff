"""users: special promotions, from staff's draft to the reader's one click."""

import re

import httpx
import pytest
from tests.blackbox.outside import ABSENT, Demo, Json, Person, ok, problem, unique, until

PROMOTION = {
    "id", "status", "subject", "body", "coupon", "audience", "variants", "recipients", "sent", "failed", "skipped", "unknown",
    "created_at", "started_at", "finished_at",
}  # fmt: skip


@pytest.fixture
def reader(demo: Demo) -> Person:
    """A customer who agreed to marketing mail."""
    person = demo.person()
    ok(demo.http.put("/users/me/consents/marketing", json={"granted": True}, headers=person.who))
    return person


def draft(demo: Demo, **changes: object) -> Json:
    """A promotion that nobody got yet."""
    body = {"subject": unique("Sale"), "body": "Only **today**: [come](https://shop.example/)."} | changes
    return ok(demo.http.post("/promotions", json=body, headers=demo.staff), 201)


def sent(demo: Demo, **changes: object) -> Json:
    """A promotion whose last mail is sent."""
    made = draft(demo, **changes)
    ok(demo.http.post(f"/promotions/{made['id']}/send", headers=demo.staff), 202)
    return until(lambda: ok(demo.http.get(f"/promotions/{made['id']}", headers=demo.staff)), lambda seen: seen["status"] == "sent")


def path_out(mail: Json) -> str:
    """The link of one click, as a path below the API."""
    found = re.fullmatch(r"<(http\S+/api/v1(/unsubscribe/[\w-]+))>", mail["headers"]["List-Unsubscribe"])
    assert found
    assert found[1] in mail["links"]
    return found[2]


def consent(demo: Demo, person: Person) -> Json:
    """What somebody last said about marketing."""
    return dict(ok(demo.http.get("/users/me", headers=person.who))["consents"]["marketing"])


def test_a_promotion_is_as_written(demo: Demo) -> None:
    """A draft of all fields; it can be changed, listed and read."""
    made = draft(demo, coupon="SALE-10", audience={"locale": "es"}, variants={"es": {"subject": "Rebajas", "body": "Hoy."}})
    assert made.keys() == PROMOTION
    assert (made["status"], made["recipients"], made["started_at"], made["finished_at"]) == ("draft", 0, None, None)
    path = f"/promotions/{made['id']}"
    assert ok(demo.http.get(path, headers=demo.staff)) == made
    assert ok(demo.http.get("/promotions?limit=1", headers=demo.staff))["items"] == [made]
    assert ok(demo.http.patch(path, json={"coupon": None}, headers=demo.staff)) == made | {"coupon": None}
    preview = ok(demo.http.get(f"{path}/preview?locale=es", headers=demo.staff))
    assert preview.keys() == {"subject", "text", "html"}
    assert preview["subject"] == "Rebajas"


def test_who_agreed_gets_it_once_and_who_did_not_gets_nothing(demo: Demo, reader: Person) -> None:
    """In text and HTML, with the coupon and the way out in header and body."""
    other = demo.person()
    promotion = sent(demo, coupon="SALE-10")
    assert promotion["recipients"] == promotion["sent"] + promotion["failed"] + promotion["skipped"]
    [mail] = demo.mails(reader.email, promotion["subject"])
    assert "SALE-10" in mail["text"]
    assert "SALE-10" in mail["html"]
    assert "<strong>today</strong>" in mail["html"]
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert path_out(mail)
    ok(demo.http.post(f"/promotions/{promotion['id']}/send", headers=demo.staff), 202)
    assert [len(demo.mails(reader.email, promotion["subject"]))] == [1]
    assert promotion["subject"] not in [mail["subject"] for mail in demo.mails(other.email)]


def test_one_click_ends_it(demo: Demo, reader: Person) -> None:
    """GET shows a page and changes nothing; POST needs neither login nor a kind of body, and can be repeated."""
    [mail] = demo.mails(reader.email, sent(demo)["subject"])
    path = path_out(mail)
    page = demo.http.get(path)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert "<script" not in page.text
    assert consent(demo, reader)["granted"] is True
    form = {"content": b"List-Unsubscribe=One-Click", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    bodies = [form, {"files": {"List-Unsubscribe": (None, "One-Click")}}, {}]
    for body in bodies:
        assert httpx.post(f"{demo.http.base_url}{path.lstrip('/')}", timeout=60, **body).status_code == 200  # type: ignore[arg-type]
    said = consent(demo, reader)
    assert (said["granted"], said["source"]) == (False, "unsubscribe")
    later = sent(demo)
    assert later["subject"] not in [mail["subject"] for mail in demo.mails(reader.email)]


def test_a_bad_token_is_404(demo: Demo) -> None:
    """For programs a problem."""
    problem(demo.http.get("/unsubscribe/nonsense"), 404)
    problem(demo.http.post("/unsubscribe/nonsense", data={"List-Unsubscribe": "One-Click"}), 404)


def test_a_test_mail_goes_to_the_caller(demo: Demo, reader: Person) -> None:
    """202, and nobody else hears of it."""
    made = draft(demo)
    ok(demo.http.post(f"/promotions/{made['id']}/test", headers=demo.staff), 202)
    [mail] = demo.mails(demo.staff_login[0], made["subject"])
    assert path_out(mail)
    assert made["subject"] not in [mail["subject"] for mail in demo.mails(reader.email)]


def test_states_forbid_what_makes_no_sense(demo: Demo) -> None:
    """409; an unknown promotion is 404, a bad one 400."""
    path = f"/promotions/{draft(demo)['id']}"
    problem(demo.http.post(f"{path}/pause", headers=demo.staff), 409, "promotion_not_sending")
    problem(demo.http.post(f"{path}/resume", headers=demo.staff), 409, "promotion_not_sending")
    done = sent(demo)
    problem(demo.http.patch(f"/promotions/{done['id']}", json={"subject": "x"}, headers=demo.staff), 409, "promotion_not_draft")
    problem(demo.http.get(f"/promotions/{ABSENT}", headers=demo.staff), 404)
    problem(demo.http.post(f"/promotions/{ABSENT}/send", headers=demo.staff), 404)
    problem(demo.http.post("/promotions", json={"subject": "x"}, headers=demo.staff), 400, at="body")


def test_promotions_are_staffs(demo: Demo, ana: Person) -> None:
    """401 for nobody, 403 for a customer."""
    for method, path in (("GET", "/promotions"), ("POST", "/promotions"), ("POST", f"/promotions/{ABSENT}/send")):
        problem(demo.http.request(method, path), 401)
        problem(demo.http.request(method, path, headers=ana.who), 403)
