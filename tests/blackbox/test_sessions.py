"""users: registering, logging in, and what ends a session."""

import base64
import json

import httpx
import pytest
from tests.blackbox.outside import PASSWORD, Demo, Json, Person, bearer, ok, problem, somewhere, unique

SESSION = {"access_token", "token_type", "expires_in", "refresh_token"}


def decoded(part: str) -> Json:
    """A part of a token."""
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def same(*answers: httpx.Response) -> bool:
    """Whether nobody can tell the answers apart."""
    bodies = [{key: value for key, value in answer.json().items() if key != "request_id"} if answer.content else None for answer in answers]
    return all(body == bodies[0] for body in bodies) and len({answer.status_code for answer in answers}) == 1


def test_registering_never_tells_who_is_known(demo: Demo, ana: Person) -> None:
    """202 always, with the same body, whether or not the address is known; a mail goes out either way. Addresses ignore case."""
    new, body = f"{unique('new')}@example.com", {"password": PASSWORD, "name": "N"}
    first = demo.http.post("/users", json=body | {"email": new}, headers=somewhere())
    known = demo.http.post("/users", json=body | {"email": ana.email.upper()}, headers=somewhere())
    assert first.status_code == 202
    assert same(first, known)
    assert demo.mails(new)
    ok(demo.http.post("/users", json=body | {"email": new.upper(), "password": "another password"}, headers=somewhere()), 202)
    problem(demo.http.post("/sessions", json={"email": new, "password": "another password"}, headers=somewhere()), 401)
    ok(demo.http.post("/sessions", json={"email": new.upper(), "password": PASSWORD}, headers=somewhere()))


@pytest.mark.parametrize(
    "change,at",
    [
        ({"password": "1234567"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": None}, "password"),
        ({"email": "x"}, "email"),
        ({"email": "a b@example.com"}, "email"),
        ({"email": "a@example.com\n"}, "email"),
        ({"email": "@example.com"}, "email"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 5000}, "name"),
        ({"locale": 1}, "locale"),
        ({"marketing_consent": "yes"}, "marketing_consent"),
        ({"marketing_consent": 1}, "marketing_consent"),
        ({"roles": ["staff"]}, "roles"),
        ({"email_verified": True}, "email_verified"),
    ],
)
def test_a_senseless_registration_is_400(demo: Demo, change: Json, at: str) -> None:
    """Passwords have 8..128 characters; nobody makes himself staff."""
    body = {"email": f"{unique()}@example.com", "password": PASSWORD, "name": "N"} | change
    problem(demo.http.post("/users", json=body, headers=somewhere()), 400, at=at)


@pytest.mark.parametrize("password", ["12345678", "x" * 128, "pässwörd 😀😀", "  spaces  "])
def test_a_password_may_be_anything_of_8_to_128_characters(demo: Demo, password: str) -> None:
    """It is taken as it is."""
    email = f"{unique('pw')}@example.com"
    ok(
        demo.http.post(
            "/users", json={"email": email, "password": password, "name": "N", "locale": "es", "marketing_consent": True}, headers=somewhere()
        ),
        202,
    )
    assert ok(demo.http.get("/users/me", headers=bearer(demo.login(email, password))))["consents"]["marketing"]["granted"] is True


def test_a_session_is_as_written(demo: Demo, ana: Person) -> None:
    """ES256 JWT, typ JWT, kid; claims iss aud sub exp iat jti roles use=access; 5 minutes."""
    session = demo.login(ana.email)
    assert session.keys() == SESSION
    assert (session["token_type"], session["expires_in"]) == ("Bearer", 300)
    head, claims = (decoded(part) for part in session["access_token"].split(".")[:2])
    assert (head["alg"], head["typ"]) == ("ES256", "JWT")
    assert claims.keys() == {"iss", "aud", "sub", "exp", "iat", "jti", "roles", "use"}
    assert claims["exp"] - claims["iat"] == 300
    assert (claims["use"], claims["roles"]) == ("access", ["customer"])
    assert claims["sub"] == ok(demo.http.get("/users/me", headers=bearer(session)))["id"]
    keys = ok(demo.root.get("/.well-known/jwks.json"))["keys"]
    [key] = [key for key in keys if key["kid"] == head["kid"]]
    assert (key["kty"], key["crv"]) == ("EC", "P-256")
    assert not any(secret in one for one in keys for secret in "dk")
    assert "." not in session["refresh_token"] or len(session["refresh_token"].split(".")) != 3
    problem(demo.http.get("/.well-known/jwks.json"), 404)


def test_a_wrong_password_and_an_unknown_address_are_alike(demo: Demo, ana: Person) -> None:
    """401 identical."""
    wrong = demo.http.post("/sessions", json={"email": ana.email, "password": "not the password"}, headers=somewhere())
    unknown = demo.http.post("/sessions", json={"email": f"{unique()}@example.com", "password": "not the password"}, headers=somewhere())
    problem(wrong, 401)
    assert same(wrong, unknown)
    ok(demo.http.post("/sessions", json={"email": ana.email.upper(), "password": PASSWORD}, headers=somewhere()))


def test_a_refresh_rotates(demo: Demo, ana: Person) -> None:
    """A rotated pair; a reuse within 30 s gives the same successor."""
    first = demo.login(ana.email)
    second = ok(demo.http.post("/sessions/refresh", json={"refresh_token": first["refresh_token"]}))
    assert second.keys() == SESSION
    assert second["refresh_token"] != first["refresh_token"]
    ok(demo.http.get("/users/me", headers=bearer(second)))
    again = ok(demo.http.post("/sessions/refresh", json={"refresh_token": first["refresh_token"]}))
    assert again["refresh_token"] == second["refresh_token"]
    third = ok(demo.http.post("/sessions/refresh", json={"refresh_token": second["refresh_token"]}))
    assert third["refresh_token"] != second["refresh_token"]


@pytest.mark.parametrize("token", ["x", "a.b.c", "A" * 43, "A" * 5000, "é", " "])
def test_a_bad_refresh_token_is_401(demo: Demo, token: str) -> None:
    """401, or 400 if it cannot be one."""
    answer = demo.http.post("/sessions/refresh", json={"refresh_token": token})
    problem(answer, answer.status_code if answer.status_code == 400 else 401)


def test_an_access_token_refreshes_nothing(demo: Demo, ana: Person) -> None:
    """And a refresh token opens nothing."""
    session = demo.login(ana.email)
    assert demo.http.post("/sessions/refresh", json={"refresh_token": session["access_token"]}).status_code in (400, 401)
    problem(demo.http.get("/users/me", headers={"Authorization": f"Bearer {session['refresh_token']}"}), 401)


def test_logging_out_ends_one_family(demo: Demo, ana: Person) -> None:
    """DELETE /sessions/current is 204 and ends one family, not all."""
    one, two = demo.login(ana.email), demo.login(ana.email)
    newer = ok(demo.http.post("/sessions/refresh", json={"refresh_token": one["refresh_token"]}))
    answer = demo.http.delete("/sessions/current", headers=bearer(newer))
    assert (answer.status_code, answer.content) == (204, b"")
    for session in (one, newer):
        problem(demo.http.post("/sessions/refresh", json={"refresh_token": session["refresh_token"]}), 401)
    ok(demo.http.post("/sessions/refresh", json={"refresh_token": two["refresh_token"]}))
