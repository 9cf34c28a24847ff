"""Every row of the public API that belongs to users, and its errors."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from tests.users.site import Site, bearer, open_site
from tests.users.world import PASSWORD

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Unavailable
from shop.ports.sales import Purchase, PurchaseLine

OTHER = "another good password"
HOME = {"name": "Ada Lovelace", "line1": "Calle Mayor 1", "postal_code": "28013", "city": "Madrid", "country": "ES"}


@pytest.fixture
async def site(database_url: str, clock: Clock) -> AsyncIterator[Site]:
    """Give users behind its edge, on each kind of database."""
    async with open_site(database_url, clock) as opened:
        yield opened


@pytest.fixture
async def small_site(sqlite_url: str, clock: Clock) -> AsyncIterator[Site]:
    """Give users behind its edge on SQLite, where the database does not matter."""
    async with open_site(sqlite_url, clock) as opened:
        yield opened


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Expect a problem document."""
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["code"], answer.headers["content-type"]) == (status, code, "application/problem+json"), answer.text
    return document


async def test_from_registration_to_a_verified_profile(site: Site) -> None:
    """Register, log in, read the profile, follow the mail, read it again."""
    registered = await site.register("Ada@Example.com", locale="es", marketing_consent=True)
    assert registered.status_code == 202
    tokens = (await site.log_in("ada@example.com")).json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 300)
    me = bearer(tokens["access_token"])
    profile = (await site.client.get("/api/v1/users/me", headers=me)).json()
    assert profile.keys() == {"id", "email", "email_verified", "name", "locale", "roles", "consents", "created_at"}
    assert (profile["email"], profile["email_verified"], profile["locale"], profile["roles"]) == ("Ada@Example.com", False, "es", ["customer"])
    assert profile["consents"]["marketing"].keys() == {"granted", "at", "source"}
    assert profile["consents"]["marketing"]["granted"]
    assert profile["created_at"].endswith("Z")
    token = await site.mailed_token("Ada@Example.com")
    verified = await site.client.post("/api/v1/users/verify", json={"token": token})
    assert (verified.status_code, verified.content) == (204, b"")
    assert (await site.client.get("/api/v1/users/me", headers=me)).json()["email_verified"]
    refused = problem(await site.client.post("/api/v1/users/verify", json={"token": token}), 400, "invalid")
    assert refused["errors"][0]["field"] == "token"


async def test_nobody_learns_who_has_an_account(site: Site) -> None:
    """Registering, resetting and guessing answer with the same words for everybody."""
    first = await site.register()
    await site.client.post("/api/v1/users/verify", json={"token": await site.mailed_token()})
    again = await site.register()
    assert (first.status_code, first.content) == (again.status_code, again.content)
    await site.app.state.jobs.now("users: send mails")
    assert len(site.mail.to("ada@example.com")) == 2
    resets = [await site.client.post("/api/v1/password-resets", json={"email": email}) for email in ("ada@example.com", "nobody@example.com")]
    assert [(reset.status_code, reset.content) for reset in resets] == [(202, resets[0].content)] * 2
    guesses = [problem(await site.log_in(email, "wrong"), 401, "invalid_credentials") for email in ("ada@example.com", "nobody@example.com")]
    for guess in guesses:
        guess.pop("request_id")
    assert guesses[0] == guesses[1]


BAD_USERS: dict[str, tuple[dict[str, Any], str]] = {
    "a short password": ({"password": "seven77"}, "password"),
    "a long password": ({"password": "x" * 129}, "password"),
    "no address": ({"email": "ada"}, "email"),
    "an address with a line break": ({"email": "ada@example.com\nBcc: x@example.com"}, "email"),
    "a long address": ({"email": "a" * 60 + "@" + "b" * 200 + ".com"}, "email"),
    "no name": ({"name": ""}, "name"),
    "a name with NUL": ({"name": "A\0"}, "name"),
    "a locale that is none": ({"locale": "english"}, "locale"),
    "consent that is a number": ({"marketing_consent": 1}, "marketing_consent"),
    "a role of one's own": ({"roles": ["staff"]}, "roles"),
}


@pytest.mark.parametrize(("changes", "field"), BAD_USERS.values(), ids=BAD_USERS.keys())
async def test_bad_registrations_name_the_field(small_site: Site, changes: dict[str, Any], field: str) -> None:
    """Each of them is a 400."""
    assert problem(await small_site.register(**changes), 400, "invalid")["errors"][0]["field"] == field


async def test_a_form_of_another_site_cannot_register_anybody(small_site: Site) -> None:
    """Only JSON is read."""
    refused = await small_site.client.post("/api/v1/users", content=b"{}", headers={"content-type": "text/plain"})
    problem(refused, 415, "unsupported_media_type")


async def test_guesses_are_limited_with_a_retry_after(small_site: Site) -> None:
    """After ten wrong ones the right password is refused too."""
    await small_site.register()
    for _ in range(10):
        problem(await small_site.log_in(password="wrong"), 401, "invalid_credentials")
    refused = await small_site.log_in()
    problem(refused, 429, "too_many_guesses")
    assert 800 < int(refused.headers["retry-after"]) <= 900
    small_site.clock.advance(timedelta(minutes=15))
    assert (await small_site.log_in()).status_code == 200


async def test_a_session_goes_on_and_ends(site: Site) -> None:
    """Refresh rotates; logging out ends the session of the bearer token; a late reuse is 401."""
    await site.register()
    first, elsewhere = (await site.log_in()).json(), (await site.log_in()).json()
    second = (await site.client.post("/api/v1/sessions/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    again = await site.client.post("/api/v1/sessions/refresh", json={"refresh_token": first["refresh_token"]})
    assert again.json()["refresh_token"] == second["refresh_token"]
    assert again.headers["cache-control"] == "no-store"
    for _ in range(2):
        ended = await site.client.delete("/api/v1/sessions/current", headers=bearer(second["access_token"]))
        assert (ended.status_code, ended.content) == (204, b"")
    refused = await site.client.post("/api/v1/sessions/refresh", json={"refresh_token": second["refresh_token"]})
    problem(refused, 401, "session_ended")
    assert (await site.client.post("/api/v1/sessions/refresh", json={"refresh_token": elsewhere["refresh_token"]})).status_code == 200
    site.clock.advance(timedelta(seconds=31))
    late = await site.client.post("/api/v1/sessions/refresh", json={"refresh_token": elsewhere["refresh_token"]})
    problem(late, 401, "session_ended")


async def test_a_forgotten_password_is_replaced(site: Site) -> None:
    """204, and every session of the account has ended; the same link again is 404."""
    await site.register()
    session = (await site.log_in()).json()
    assert (await site.client.post("/api/v1/password-resets", json={"email": "ADA@example.com"})).status_code == 202
    token = await site.mailed_token()
    problem(await site.client.post(f"/api/v1/password-resets/{token}", json={"password": "short"}), 400, "invalid")
    assert (await site.client.post(f"/api/v1/password-resets/{token}", json={"password": OTHER})).status_code == 204
    problem(await site.client.post(f"/api/v1/password-resets/{token}", json={"password": OTHER}), 404, "link_not_found")
    problem(await site.client.post("/api/v1/password-resets/nonsense", json={"password": OTHER}), 404, "link_not_found")
    problem(await site.client.post("/api/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]}), 401, "session_ended")
    problem(await site.log_in(), 401, "invalid_credentials")
    assert (await site.log_in(password=OTHER)).status_code == 200


async def test_a_profile_can_be_changed(site: Site) -> None:
    """Name and locale, each alone; neither roles nor the address."""
    me = await site.as_ada()
    changed = await site.client.patch("/api/v1/users/me", headers=me, json={"name": "Ada King"})
    assert (changed.status_code, changed.json()["name"], changed.json()["locale"]) == (200, "Ada King", "en")
    assert (await site.client.patch("/api/v1/users/me", headers=me, json={"locale": "es"})).json()["locale"] == "es"
    assert (await site.client.patch("/api/v1/users/me", headers=me, json={})).json()["name"] == "Ada King"
    for bad in ({"roles": ["staff"]}, {"email": "x@example.com"}, {"name": None}, {"locale": "x"}):
        problem(await site.client.patch("/api/v1/users/me", headers=me, json=bad), 400, "invalid")


async def test_marketing_is_decided_at_any_time(site: Site) -> None:
    """The answer is the consent with its time and source."""
    me = await site.as_ada()
    given = await site.client.put("/api/v1/users/me/consents/marketing", headers=me, json={"granted": True})
    assert (given.status_code, given.json()["granted"], given.json()["source"]) == (200, True, "profile")
    assert (await site.client.get("/api/v1/users/me", headers=me)).json()["consents"] == {"marketing": given.json()}
    problem(await site.client.put("/api/v1/users/me/consents/marketing", headers=me, json={"granted": "yes"}), 400, "invalid")


async def test_an_address_book_is_its_owners(site: Site) -> None:
    """Entries come, change and go; somebody else's are not there."""
    ada, ben = await site.as_ada(), await site.as_ada("ben@example.com")
    book = "/api/v1/users/me/addresses"
    added = await site.client.post(book, headers=ada, json=HOME)
    assert added.status_code == 201
    assert HOME.items() <= added.json().items()
    entry = f"{book}/{added.json()['id']}"
    moved = await site.client.put(entry, headers=ada, json=HOME | {"city": "Sevilla", "phone": "+34 600 000 000"})
    assert (moved.status_code, moved.json()["city"], moved.json()["id"]) == (200, "Sevilla", added.json()["id"])
    assert (await site.client.get(book, headers=ada)).json() == {"items": [moved.json()]}
    assert (await site.client.get(book, headers=ben)).json() == {"items": []}
    problem(await site.client.put(entry, headers=ben, json=HOME), 404, "address_not_found")
    problem(await site.client.delete(entry, headers=ben), 404, "address_not_found")
    assert (await site.client.delete(entry, headers=ada)).status_code == 204
    problem(await site.client.delete(entry, headers=ada), 404, "address_not_found")
    assert (await site.client.delete(f"{book}/nonsense", headers=ada)).status_code == 404
    for bad in (HOME | {"country": "XX"}, HOME | {"city": ""}, HOME | {"planet": "Earth"}, {}):
        problem(await site.client.post(book, headers=ada, json=bad), 400, "invalid")


async def test_an_address_book_has_an_end(small_site: Site) -> None:
    """The fifty-first address is refused."""
    me = await small_site.as_ada()
    for _ in range(50):
        assert (await small_site.client.post("/api/v1/users/me/addresses", headers=me, json=HOME)).status_code == 201
    problem(await small_site.client.post("/api/v1/users/me/addresses", headers=me, json=HOME), 409, "address_book_full")


async def test_purchases_come_from_sales_or_not_at_all(site: Site) -> None:
    """A page of them, newest first; 503 when sales is down, never an empty list."""
    me = await site.as_ada()
    user = (await site.client.get("/api/v1/users/me", headers=me)).json()["id"]
    eur = Money(1999, "EUR")
    for number in (1, 2):
        line = PurchaseLine("mug", "Mug", 1, eur)
        purchase = Purchase(uuid7(), f"A-100{number}", "confirmed", datetime(2026, 11, number, tzinfo=UTC), eur, [line])
        site.history.bought(type(purchase.order_id)(user), purchase)
    first = (await site.client.get("/api/v1/users/me/purchases?limit=1", headers=me)).json()
    assert [item["number"] for item in first["items"]] == ["A-1002"]
    assert first["items"][0].keys() == {"order_id", "number", "status", "placed_at", "total", "lines"}
    assert first["items"][0]["placed_at"] == "2026-11-02T00:00:00Z"
    second = (await site.client.get(f"/api/v1/users/me/purchases?limit=1&cursor={first['next_cursor']}", headers=me)).json()
    assert ([item["number"] for item in second["items"]], second["next_cursor"]) == (["A-1001"], None)
    site.history.fail_next(Unavailable())
    down = await site.client.get("/api/v1/users/me/purchases", headers=me)
    problem(down, 503, "unavailable")
    assert int(down.headers["retry-after"]) >= 1
    for query in ("cursor=nonsense", "limit=0", "limit=101"):
        problem(await site.client.get(f"/api/v1/users/me/purchases?{query}", headers=me), 400, "invalid")


MINE = [
    ("GET", "/api/v1/users/me"),
    ("PATCH", "/api/v1/users/me"),
    ("DELETE", "/api/v1/sessions/current"),
    ("GET", "/api/v1/users/me/addresses"),
    ("POST", "/api/v1/users/me/addresses"),
    ("PUT", f"/api/v1/users/me/addresses/{UUID(int=7)}"),
    ("DELETE", f"/api/v1/users/me/addresses/{UUID(int=7)}"),
    ("PUT", "/api/v1/users/me/consents/marketing"),
    ("GET", "/api/v1/users/me/purchases"),
]


@pytest.mark.parametrize(("method", "path"), MINE)
async def test_what_is_mine_needs_a_good_token(small_site: Site, method: str, path: str) -> None:
    """None, a foreign one and an old one are 401; of those for customers staff get 403."""
    me = await small_site.as_ada()
    problem(await small_site.client.request(method, path), 401, "unauthenticated")
    problem(await small_site.client.request(method, path, headers=bearer("x.y.z")), 401, "unauthenticated")
    if "/me/" in path:
        problem(await small_site.client.request(method, path, headers=await small_site.as_staff()), 403, "forbidden")
    small_site.clock.advance(timedelta(minutes=6))
    problem(await small_site.client.request(method, path, headers=me), 401, "unauthenticated")


async def test_staff_see_who_they_are(small_site: Site) -> None:
    """Their profile shows their role."""
    profile = await small_site.client.get("/api/v1/users/me", headers=await small_site.as_staff())
    assert (profile.status_code, profile.json()["roles"]) == (200, ["staff"])


async def test_anybody_can_verify_an_access_token(small_site: Site) -> None:
    """Both keys are published, and caches may keep them for a while."""
    published = await small_site.client.get("/.well-known/jwks.json")
    assert published.headers["cache-control"] == "public, max-age=300"
    assert len(published.json()["keys"]) == 2
    token = (await small_site.as_ada())["Authorization"].removeprefix("Bearer ")
    key = jwt.PyJWKSet.from_dict(published.json())[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, audience="shop")["roles"] == ["customer"]


async def test_mails_speak_the_language_of_the_client(small_site: Site) -> None:
    """What is said at registration counts, then what the client prefers, then the shop's first."""
    said = (("a@example.com", "es", "en"), ("b@example.com", None, "fr, es-MX;q=0.8, en;q=0.5"), ("c@example.com", None, "fr"))
    for email, locale, languages in said:
        body = {"email": email, "password": PASSWORD, "name": "Ada"} | ({"locale": locale} if locale else {})
        await small_site.client.post("/api/v1/users", json=body, headers={"Accept-Language": languages})
    await small_site.app.state.jobs.now("users: send mails")
    assert [small_site.mail.to(f"{name}@example.com")[0].subject[:8] for name in "abc"] == ["Confirme", "Confirme", "Confirm "]
