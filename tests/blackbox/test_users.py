"""users: verification, reset, profile, consents, addresses and purchases."""

import re

import httpx
import pytest
from tests.blackbox.outside import ABSENT, ADDRESS, PASSWORD, Demo, Json, Person, bearer, euro, ok, problem, somewhere, unique, until

ME = {"id", "email", "email_verified", "name", "locale", "roles", "consents", "created_at"}


@pytest.fixture
def bob(demo: Demo) -> Person:
    """A customer of this test only."""
    return demo.person()


def token(mail: Json) -> str:
    """The token in the link of a mail."""
    [link] = mail["links"]
    return str(httpx.URL(link).params["token"])


def test_a_person_is_as_written(demo: Demo, bob: Person) -> None:
    """{id, email, email_verified, name, locale, roles, consents, created_at}."""
    me = ok(demo.http.get("/users/me", headers=bob.who))
    assert me.keys() == ME
    assert (me["email"], me["email_verified"], me["name"], me["roles"]) == (bob.email, False, "Ana Pérez", ["customer"])
    assert me["locale"] in ("en", "es")
    assert me["consents"].keys() == {"marketing"}
    assert me["consents"]["marketing"].keys() == {"granted", "at", "source"}
    assert me["consents"]["marketing"]["granted"] is False
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", me["created_at"])


def test_a_person_changes(demo: Demo, bob: Person) -> None:
    """PATCH /users/me answers the person; what is senseless is 400."""
    assert ok(demo.http.patch("/users/me", json={"name": "Bob"}, headers=bob.who))["name"] == "Bob"
    assert ok(demo.http.patch("/users/me", json={"locale": "es"}, headers=bob.who))["locale"] == "es"
    for wrong in ({"name": ""}, {"name": None}, {"roles": ["staff"]}, {"email_verified": True}, {"id": ABSENT}, {"name": 5}):
        problem(demo.http.patch("/users/me", json=wrong, headers=bob.who), 400, at=next(iter(wrong)))
    me = ok(demo.http.get("/users/me", headers=bob.who))
    assert (me["name"], me["locale"], me["roles"]) == ("Bob", "es", ["customer"])


def test_an_address_is_verified_by_its_mail(demo: Demo, bob: Person) -> None:
    """204, and email_verified; a bad verification token is 400."""
    for bad in ("x", "", "A" * 64, "A" * 5000, "é"):
        problem(demo.http.post("/users/verify", json={"token": bad}), 400)
    answer = demo.http.post("/users/verify", json={"token": token(demo.mails(bob.email)[0])})
    assert (answer.status_code, answer.content) == (204, b"")
    assert ok(demo.http.get("/users/me", headers=bob.who))["email_verified"] is True


def test_a_password_is_reset_by_its_mail(demo: Demo, bob: Person) -> None:
    """202 always, alike; 204 and every session of the account ends; a bad reset token 404, a used one too."""
    other = demo.login(bob.email)
    known = demo.http.post("/password-resets", json={"email": bob.email.upper()}, headers=somewhere())
    unknown = demo.http.post("/password-resets", json={"email": f"{unique()}@example.com"}, headers=somewhere())
    assert (known.status_code, unknown.status_code) == (202, 202)
    assert known.json() == unknown.json()
    secret = token(demo.mails(bob.email, "password")[0])
    problem(demo.http.post(f"/password-resets/{secret}", json={"password": "short"}), 400, at="password")
    problem(demo.http.post(f"/password-resets/{secret}", json={}), 400, at="password")
    assert demo.http.post(f"/password-resets/{secret}", json={"password": "a new password"}).status_code == 204
    problem(demo.http.post(f"/password-resets/{secret}", json={"password": "a new password"}), 404)
    for refresh in (bob.refresh_token, other["refresh_token"]):
        problem(demo.http.post("/sessions/refresh", json={"refresh_token": refresh}), 401)
    problem(demo.http.post("/sessions", json={"email": bob.email, "password": PASSWORD}, headers=somewhere()), 401)
    demo.login(bob.email, "a new password")
    for bad in ("x", "A" * 64, "%00", "%ff", "é", "A" * 2000, token(demo.mails(bob.email, "Confirm")[0])):
        problem(demo.http.post(f"/password-resets/{bad}", json={"password": "a new password"}), 404)
    problem(demo.http.post("/password-resets", json={"email": "nonsense"}), 400, at="email")


def test_consent_is_kept_with_time_and_source(demo: Demo, bob: Person) -> None:
    """PUT consents 200 with the consent; granted is a boolean."""
    for granted in (True, False, True):
        consent = ok(demo.http.put("/users/me/consents/marketing", json={"granted": granted}, headers=bob.who))
        assert consent.keys() == {"granted", "at", "source"}
        assert consent["granted"] is granted
        assert consent["at"].endswith("Z")
        assert consent["source"]
        assert ok(demo.http.get("/users/me", headers=bob.who))["consents"]["marketing"] == consent
    for wrong in ({}, {"granted": "true"}, {"granted": 1}, {"granted": None}, {"granted": True, "at": "x"}):
        problem(demo.http.put("/users/me/consents/marketing", json=wrong, headers=bob.who), 400)
    problem(demo.http.put("/users/me/consents/telepathy", json={"granted": True}, headers=bob.who), 404)
    problem(demo.http.put("/users/me/consents/marketing", json={"granted": True}), 401)


def test_the_address_book(demo: Demo, bob: Person, ana: Person) -> None:
    """GET {"items"}, POST 201, PUT 200, DELETE 204; others' are 404."""
    assert ok(demo.http.get("/users/me/addresses", headers=bob.who)) == {"items": []}
    made = ok(demo.http.post("/users/me/addresses", json=ADDRESS, headers=bob.who), 201)
    assert {key: value for key, value in made.items() if value is not None and key != "id"} == ADDRESS
    path = f"/users/me/addresses/{made['id']}"
    moved = ADDRESS | {"line2": "2º B", "region": "Lisboa", "phone": "+351 1", "country": "PT"}
    assert ok(demo.http.put(path, json=moved, headers=bob.who)) == moved | {"id": made["id"]}
    assert ok(demo.http.get("/users/me/addresses", headers=bob.who)) == {"items": [moved | {"id": made["id"]}]}
    for who, status in ((ana.who, 404), ({}, 401)):
        problem(demo.http.put(path, json=ADDRESS, headers=who), status)
        problem(demo.http.delete(path, headers=who), status)
    for country in ("XX", "es", "ESP", None):
        problem(demo.http.post("/users/me/addresses", json=ADDRESS | {"country": country}, headers=bob.who), 400)
        problem(demo.http.put(path, json=ADDRESS | {"country": country}, headers=bob.who), 400)
    problem(demo.http.put(path, json={"city": "x"}, headers=bob.who), 400)
    assert demo.http.delete(path, headers=bob.who).status_code == 204
    for gone in (path, f"/users/me/addresses/{ABSENT}", "/users/me/addresses/x", "/users/me/addresses/%00"):
        problem(demo.http.delete(gone, headers=bob.who), 404)
        problem(demo.http.put(gone, json=ADDRESS, headers=bob.who), 404)


def test_purchases_are_confirmed_orders(demo: Demo, bob: Person) -> None:
    """A page of {order_id, number, status, placed_at, total, lines: [{sku, title, quantity, unit_price}]}; confirmed orders and later."""
    assert ok(demo.http.get("/users/me/purchases", headers=bob.who)) == {"items": [], "next_cursor": None}
    sku = demo.sku()
    first = demo.bought({sku: 2}, 2495, bob.who)
    second = demo.bought(who=bob.who)
    demo.order(who=bob.who)
    page = until(lambda: ok(demo.http.get("/users/me/purchases", headers=bob.who)), lambda seen: len(seen["items"]) == 2)
    assert [item["order_id"] for item in page["items"]] == [second.body["id"], first.body["id"]]
    item = page["items"][1]
    assert item.keys() == {"order_id", "number", "status", "placed_at", "total", "lines"}
    assert (item["number"], item["status"], item["total"]) == (first.body["number"], "confirmed", euro(2495))
    assert item["lines"] == [{"sku": sku, "title": first.body["lines"][0]["title"], "quantity": 2, "unit_price": euro(1000)}]
    one = ok(demo.http.get("/users/me/purchases?limit=1", headers=bob.who))
    rest = ok(demo.http.get("/users/me/purchases", params={"limit": 1, "cursor": one["next_cursor"]}, headers=bob.who))
    assert one["items"] + rest["items"] == page["items"]
    assert rest["next_cursor"] is None
    for at, bad in (("limit", "0"), ("limit", "x"), ("cursor", "x")):
        problem(demo.http.get("/users/me/purchases", params={at: bad}, headers=bob.who), 400, at=at)
    ok(demo.refund(first), 201)
    demo.reaches(first, "refunded")
    assert {one["status"] for one in ok(demo.http.get("/users/me/purchases", headers=bob.who))["items"]} == {"confirmed", "refunded"}


def test_a_customer_who_verified_logs_in_as_before(demo: Demo, bob: Person) -> None:
    """200 also before the address is verified."""
    assert ok(demo.http.get("/users/me", headers=bearer(demo.login(bob.email))))["email_verified"] is False
