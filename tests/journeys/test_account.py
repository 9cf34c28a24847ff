"""What people do with their account."""

import re

from tests.support.shop import PASSWORD, Shop


def token_in(mail: dict[str, str]) -> str:
    """Take the token out of the link in a mail."""
    found = re.search(r"token=([A-Za-z0-9._~%-]+)", mail["text"])
    assert found, mail["text"]
    return found[1]


async def test_an_address_is_verified_by_the_link_in_the_mail(shop: Shop) -> None:
    """Registration works at once; the mail's token verifies the address, once."""
    ana = await shop.customer("ana@example.com")
    assert (await ana.call("GET", "/users/me")).json()["email_verified"] is False
    (mail,) = await shop.outside.mails("ana@example.com")
    verified = await shop.call("POST", "/users/verify", json={"token": token_in(mail)})
    assert verified.status_code == 204, verified.text
    assert (await ana.call("GET", "/users/me")).json()["email_verified"] is True


async def test_a_forgotten_password_is_reset_and_every_session_ends(shop: Shop) -> None:
    """The link in the mail sets a new password; who was logged in is no longer."""
    ana = await shop.customer("ana@example.com")
    assert (await shop.call("POST", "/password-resets", json={"email": "ANA@example.com"})).status_code == 202
    mails = await shop.outside.mails("ana@example.com")
    while len(mails) < 2:
        mails = await shop.outside.mails("ana@example.com")
    reset = await shop.call("POST", f"/password-resets/{token_in(mails[0])}", json={"password": "another good password"})
    assert reset.status_code == 204, reset.text
    refreshed = await shop.call("POST", "/sessions/refresh", json={"refresh_token": ana.session["refresh_token"]})
    assert refreshed.status_code == 401
    assert (await shop.call("POST", "/sessions", json={"email": "ana@example.com", "password": PASSWORD})).status_code == 401
    await shop.login("ana@example.com", "another good password")


async def test_who_is_known_is_told_to_nobody(shop: Shop) -> None:
    """Registering a known address, and resetting an unknown one, look as if all were well."""
    await shop.customer("ana@example.com")
    known = await shop.call("POST", "/users", json={"email": "ana@example.com", "password": PASSWORD, "name": "Eve"})
    unknown = await shop.call("POST", "/users", json={"email": "new@example.com", "password": PASSWORD, "name": "Eve"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert (await shop.call("POST", "/password-resets", json={"email": "nobody@example.com"})).status_code == 202
