"""What staff and readers do with a special promotion."""

import re
from typing import Any

from tests.support.shop import PASSWORD, Shop, eventually

LINK = re.compile(r"https?://[^/\s]+/api/v1(/unsubscribe/\S+)")


async def call(shop: Shop, method: str, path: str, **options: Any) -> dict[str, Any]:
    """Call a route of promotions as staff."""
    answer = await shop.call(method, f"/promotions{path}", headers=shop.staff(), **options)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def reader(shop: Shop, name: str, locale: str, *, agrees: bool = True) -> str:
    """Register somebody, and give their address."""
    email = f"{name}@example.com"
    body = {"email": email, "password": PASSWORD, "name": name.title(), "locale": locale, "marketing_consent": agrees}
    answer = await shop.call("POST", "/users", json=body)
    assert answer.status_code == 202, answer.text
    return email


async def sent(shop: Shop, **promotion: Any) -> dict[str, Any]:
    """Write a promotion, let it go, and give it when its last mail is sent."""
    made = await call(shop, "POST", "", json={"subject": "Mugs for less", "body": "Only **this** week.", **promotion})
    await call(shop, "POST", f"/{made['id']}/send")

    async def look() -> dict[str, Any] | None:
        seen = await call(shop, "GET", f"/{made['id']}")
        return seen if seen["status"] == "sent" else None

    found: dict[str, Any] = await eventually(look)
    return found


async def test_a_promotion_reaches_who_agreed_and_one_click_ends_it(shop: Shop) -> None:
    """Everybody in their language, once; who clicks the link in it gets no other, and still gets what concerns their account."""
    ana = await reader(shop, "ana", "en")
    bea = await reader(shop, "bea", "es")
    eve = await reader(shop, "eve", "en", agrees=False)
    first = await sent(shop, coupon="MUG-10", variants={"es": {"subject": "Tazas", "body": "Sólo *esta* semana."}})
    assert [first[name] for name in ("recipients", "sent", "failed", "skipped")] == [2, 2, 0, 0]
    (mail,) = await shop.outside.mails(ana, "Mugs for less")
    assert "MUG-10" in mail["text"]
    assert [len(await shop.outside.mails(bea, "Tazas")), len(await shop.outside.mails(eve, "Mugs", 0))] == [1, 0]

    found = LINK.search(mail["text"])
    assert found
    assert mail["headers"]["List-Unsubscribe"] == f"<{found[0]}>"
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (await shop.call("GET", found[1])).status_code == 200
    clicked = await shop.call("POST", found[1], data={"List-Unsubscribe": "One-Click"})
    assert clicked.status_code == 200, clicked.text

    customer = await shop.login(ana, PASSWORD)
    consent = (await customer.call("GET", "/users/me")).json()["consents"]["marketing"]
    assert (consent["granted"], consent["source"]) == (False, "unsubscribe")
    second = await sent(shop)
    assert [second[name] for name in ("recipients", "sent", "failed", "skipped")] == [1, 1, 0, 0]
    assert len(await shop.outside.mails(ana, "Mugs for less")) == 1
    assert (await shop.call("POST", "/password-resets", json={"email": ana})).status_code == 202
    assert await shop.outside.mails(ana, "password")
