"""What must be there before each public call can be made once, and be answered well: products, carts, orders, people."""

import asyncio
import itertools
import re
from io import BytesIO
from typing import Any

from msgspec import Struct
from PIL import Image
from tests.faults.four import Four, signed_in
from tests.support.shop import ADDRESS, PASSWORD, Buyer, Shop, eventually

_numbers = itertools.count(1)


def _picture() -> bytes:
    made = BytesIO()
    Image.new("RGB", (8, 8)).save(made, "PNG")
    return made.getvalue()


PICTURE = _picture()


class People(Struct):
    """Who have accounts: ana fills a cart, bea buys, cid forgets the password, dan comes and goes. By id, with a session each."""

    ana: Buyer
    bea: Buyer
    cid: Buyer
    dan: Buyer
    ids: dict[str, str]


class Scene(Struct, kw_only=True):
    """What a round of calls is about; `slug` is unique to the round, and a coupon's code. Orders: one that waits for payment, one that is paid."""

    shop: Shop
    people: People
    slug: str
    product: str
    doomed: str
    picture: str
    address: str
    doomed_address: str
    guest: Buyer
    spare: Buyer
    stray: Buyer
    buyer: Buyer
    waiting: Buyer
    paid: Buyer
    session: dict[str, Any]
    verify: str
    reset: str
    gone: dict[str, str]
    draft: str
    paused: str
    resumed: str
    unsubscribe: str

    def person(self, name: str, role: str = "customer") -> dict[str, str]:
        """Give the headers of somebody who is logged in."""
        return signed_in(self.people.ids[name], role)


async def people(shop: Shop) -> People:
    """Register everybody; bea has bought something."""
    await shop.product("basic", stock=100_000)
    found = {name: await shop.customer(f"{name}@example.com") for name in ("ana", "bea", "cid", "dan")}
    ids = {name: (await buyer.call("GET", "/users/me")).json()["id"] for name, buyer in found.items()}
    await found["bea"].buys(basic=1)
    await found["ana"].fills(basic=2)
    return People(**found, ids=ids)


async def scene(four: Four, known: People) -> Scene:
    """Set everything up for a round, while all services are well."""
    shop, slug = four.shop, f"round-{next(_numbers)}"
    await asyncio.gather(*(_category(shop, f"{slug}-{part}") for part in ("kept", "doomed")))
    product, doomed = [(await shop.product(f"{slug}-{part}", title=f"{slug} {part}"))["id"] for part in ("kept", "doomed")]
    await shop.product(f"{slug}-archived", f"{slug}-stays")
    saved = [await shop.call("POST", "/users/me/addresses", json=ADDRESS, headers=signed_in(known.ids["ana"])) for _ in range(2)]
    known.bea.headers = signed_in(known.ids["bea"])
    await known.bea.fills(basic=1)
    guest, spare, stray, buyer = [await shop.guest(f"{slug}@example.com").fills(basic=1) for _ in range(4)]
    await shop.coupon(slug, percent=10)
    waiting, paid = await shop.guest().fills(basic=1), shop.guest()
    await waiting.orders()
    await paid.buys(basic=2)
    session = (await shop.login("dan@example.com", PASSWORD)).session
    return Scene(
        shop=shop, people=known, slug=slug, product=product, doomed=doomed, picture=await _pictured(shop, product),
        address=saved[0].json()["id"], doomed_address=saved[1].json()["id"],
        guest=guest, spare=spare, stray=stray, buyer=buyer, waiting=waiting, paid=paid, session=session,
        verify=await _verification(shop, slug), reset=await _reset(shop),
        gone=(await shop.customer(f"gone-{slug}@example.com")).headers,
        draft=await _draft(shop), paused=await _paused(shop), resumed=await _paused(shop), unsubscribe=await _unsubscribe(shop, known.ids["ana"]),
    )  # fmt: skip


async def _category(shop: Shop, slug: str) -> None:
    answer = await shop.call("POST", "/categories", json={"slug": slug, "title": slug}, headers=shop.staff())
    assert answer.status_code == 201, answer.text


async def _pictured(shop: Shop, product: str) -> str:
    answer = await shop.call("POST", f"/products/{product}/images", content=PICTURE, headers=shop.staff())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).rpartition("/")[2]


async def _verification(shop: Shop, slug: str) -> str:
    body = {"email": f"new-{slug}@example.com", "password": PASSWORD, "name": "Eva"}
    assert (await shop.call("POST", "/users", json=body)).status_code == 202
    (mail,) = await shop.outside.mails(body["email"])
    return _token(mail)


async def _reset(shop: Shop) -> str:
    before = len(await shop.outside.mails("cid@example.com"))
    assert (await shop.call("POST", "/password-resets", json={"email": "cid@example.com"})).status_code == 202

    async def another() -> list[dict[str, Any]] | None:
        mails = await shop.outside.mails("cid@example.com")
        return mails if len(mails) > before else None

    return _token((await eventually(another))[0])


def _token(mail: dict[str, Any]) -> str:
    found = re.search(r"token=([A-Za-z0-9._~%-]+)", mail["text"])
    assert found, mail["text"]
    return found[1]


async def _draft(shop: Shop) -> str:
    body = {"subject": "Sale", "body": "All of it.", "audience": {"locale": "xx"}}
    answer = await shop.call("POST", "/promotions", json=body, headers=shop.staff())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _paused(shop: Shop) -> str:
    """Let a promotion go and stop it, which is too late now and then: nobody is to get it, so it is soon done."""
    while True:
        id = await _draft(shop)
        assert (await shop.call("POST", f"/promotions/{id}/send", headers=shop.staff())).status_code == 202
        if (await shop.call("POST", f"/promotions/{id}/pause", headers=shop.staff())).status_code == 200:
            return id


async def _unsubscribe(shop: Shop, reader: str) -> str:
    preview = await shop.call("GET", f"/promotions/{await _draft(shop)}/preview", headers=signed_in(reader, "staff"))
    found = re.search(r"/unsubscribe/([A-Za-z0-9._~%-]+)", preview.json()["text"])
    assert found, preview.text
    return found[1]
