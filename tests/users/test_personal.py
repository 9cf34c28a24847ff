"""What is held about a person is told to them, and forgotten when they want it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.users.site import Site, bearer, open_site
from tests.users.world import PASSWORD

from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Unavailable
from shop.modules.users import tables
from shop.modules.users.domain import Purpose
from shop.modules.users.personal import TOKENS_ARE_OVER
from shop.modules.users.store import UsersStore
from shop.ports.sales import Purchase

HOME = {"name": "Ada", "line1": "Calle Mayor 1", "postal_code": "28013", "city": "Madrid", "country": "ES", "phone": "+34 600 000 000"}
ME = "/api/v1/users/me"


@pytest.fixture
async def site(database_url: str, clock: Clock) -> AsyncIterator[Site]:
    """Give users alone, on each kind of database."""
    async with open_site(database_url, clock) as opened:
        yield opened


async def erasure(site: Site) -> Any:
    """Give the only request to be forgotten."""
    database = await site.app.state.dishka_container.get(Database[UsersStore], component="users")
    async with database.read() as store:
        return await store.row(sa.select(tables.erasures))


async def left(site: Site) -> dict[str, int]:
    """Count what is left of anybody, by table."""
    database = await site.app.state.dishka_container.get(Database[UsersStore], component="users")
    async with database.read() as store:
        named = (tables.users, tables.addresses, tables.consents, tables.sessions, tables.refresh_tokens, tables.links, tables.outbox)
        return {table.name: int(await store.scalar(sa.select(sa.func.count()).select_from(table))) for table in named}


def purchase(status: str) -> Purchase:
    """Give something that was bought."""
    return Purchase(uuid7(), "A-1001", status, Clock().now(), Money(100, "EUR"), [])


async def user_id(site: Site, headers: dict[str, str]) -> UUID:
    """Give the id of who is logged in."""
    return UUID((await site.client.get(ME, headers=headers)).json()["id"])


async def test_the_export_has_a_section_for_each_module(site: Site) -> None:
    """And no password, token, or digest of one in any of them."""
    ada = await site.as_ada()
    await site.client.post(f"{ME}/addresses", json=HOME, headers=ada)
    answer = await site.client.get(f"{ME}/export", headers=ada)
    told = answer.json()
    assert (answer.status_code, set(told)) == (200, {"users", "sales", "cart"})
    own = told["users"]
    assert (own["email"], own["addresses"][0]["phone"], own["consents"][0]["granted"]) == ("ada@example.com", HOME["phone"], False)
    assert [len(own[kind]) for kind in ("sessions", "mails", "promotions")] == [1, 1, 0]
    assert not any(word in answer.text for word in ("password", "hash", "token"))


async def test_there_is_no_partial_export(site: Site) -> None:
    """503 while a neighbour is away, not an answer with a hole in it."""
    ada = await site.as_ada()
    site.history.fail_next(Unavailable())
    assert (await site.client.get(f"{ME}/export", headers=ada)).status_code == 503


async def test_an_erased_account_is_gone_at_once(site: Site) -> None:
    """No login, no session, no mail that is owed, no row; who is not erased stays; repeating it is well."""
    ada = await site.as_ada()
    session = (await site.log_in()).json()
    await site.client.post(f"{ME}/addresses", json=HOME, headers=ada)
    before = await left(site)
    await site.register("ben@example.com")
    assert [(await site.client.delete(ME, headers=ada)).status_code for _ in range(2)] == [204, 204]
    assert (await site.log_in()).status_code == 401
    assert (await site.client.post("/api/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]})).status_code == 401
    assert [(await site.client.get(f"{ME}{path}", headers=ada)).status_code for path in ("", "/export")] == [401, 401]
    assert await left(site) == {name: int(name in ("users", "consents", "links", "outbox")) for name in before}
    assert (await site.client.delete(ME, headers=bearer((await site.log_in("ben@example.com")).json()["access_token"]))).status_code == 204
    assert set((await left(site)).values()) == {0}


async def test_rounds_go_on_until_nothing_is_left_and_no_token_is_good(site: Site, clock: Clock) -> None:
    """Sales is away, then an order is under way, then all is erased; the last round comes when every access token is over."""
    ada = await site.as_ada()
    id = await user_id(site, ada)
    site.history.bought(id, purchase("confirmed"))
    site.history.fail_next(Unavailable())
    assert (await site.client.delete(ME, headers=ada)).status_code == 204
    assert [receipt["module"] for receipt in (await erasure(site)).receipts] == ["users"]
    clock.advance(timedelta(seconds=5))
    await site.app.state.jobs.now("users: erase")
    assert [(receipt["module"], receipt["waiting"]) for receipt in (await erasure(site)).receipts] == [("users", 0), ("sales", 1), ("cart", 0)]
    site.history.bought(id, purchase("shipped"))
    clock.advance(TOKENS_ARE_OVER)
    await site.app.state.jobs.now("users: erase")
    assert (await erasure(site)).finished_at is None
    site.history.delivered(id)
    clock.advance(TOKENS_ARE_OVER)
    await site.app.state.jobs.now("users: erase")
    done = await erasure(site)
    assert (done.finished_at is not None, done.next_attempt_at) == (True, None)
    assert done.receipts[1]["erased"]["orders"] == 2


async def test_what_a_late_token_makes_is_erased_too(site: Site, clock: Clock) -> None:
    """A token outlives its account by minutes; the round after its end takes what was bought with it."""
    ada = await site.as_ada()
    id = await user_id(site, ada)
    await site.client.delete(ME, headers=ada)
    assert (await erasure(site)).finished_at is None
    site.history.bought(id, purchase("shipped"))
    clock.advance(TOKENS_ARE_OVER)
    await site.app.state.jobs.now("users: erase")
    assert (site.history.erased[id], (await erasure(site)).finished_at is not None) == (1, True)


async def test_the_address_is_free_again(site: Site) -> None:
    """Who comes back is somebody new."""
    ada = await site.as_ada()
    first = await user_id(site, ada)
    await site.client.delete(ME, headers=ada)
    again = await site.as_ada()
    assert await user_id(site, again) != first
    assert (await site.log_in(password=PASSWORD)).status_code == 200


async def test_a_mail_that_is_asked_for_while_an_account_goes_is_owed_or_not(site: Site) -> None:
    """Resets and registrations of an address cross its erasing; each is answered as always, and no link is left without an account."""
    for _ in range(10):
        ada = await site.as_ada()
        asked = [site.client.post("/api/v1/password-resets", json={"email": "ada@example.com"}) for _ in range(6)]
        answers = await asyncio.gather(site.client.delete(ME, headers=ada), *asked, *(site.register() for _ in range(3)))
        assert [answer.status_code for answer in answers] == [204, *[202] * 9]


async def test_a_promotion_on_its_way_passes_over_who_is_gone(site: Site) -> None:
    """They were found as a reader, and are skipped when it is their turn."""
    ada, staff = await site.as_ada(), await site.as_staff()
    await site.client.put(f"{ME}/consents/marketing", json={"granted": True}, headers=ada)
    made = await site.client.post("/api/v1/promotions", json={"subject": "Mugs", "body": "Blue."}, headers=staff)
    path = f"/api/v1/promotions/{made.json()['id']}"
    assert (await site.client.post(f"{path}/send", headers=staff)).status_code == 202
    ada_id = await user_id(site, ada)
    database = await site.app.state.dishka_container.get(Database[UsersStore], component="users")
    async with database.write() as store:
        owed = {"status": "waiting", "attempts": 0, "next_attempt_at": await store.now()}
        promotion_id = UUID(made.json()["id"])
        await store.change(tables.promotion_mails.insert().values(id=uuid7(), promotion_id=promotion_id, user_id=ada_id, **owed))
        await store.change(tables.promotions.update().values(is_gathered=True))
    await site.client.delete(ME, headers=ada)
    while (shown := (await site.client.get(path, headers=staff)).json())["status"] != "sent":
        await site.app.state.jobs.now("users: send promotions")
    assert [shown[name] for name in ("recipients", "sent", "failed", "skipped")] == [1, 0, 0, 1]
    assert not [message for message in site.mail.to("ada@example.com") if message.subject == "Mugs"]


async def test_a_link_that_is_used_while_its_account_goes_works_or_not(site: Site) -> None:
    """Whoever is first: the account is locked before its links by everybody, so that nobody waits in a circle."""
    database = await site.app.state.dishka_container.get(Database[UsersStore], component="users")
    for _ in range(15):
        ada = await site.as_ada()
        id = await user_id(site, ada)
        async with database.write() as store:
            links = [await store.add_link(id, Purpose.VERIFY, await store.now()) for _ in range(4)]

        async def used(link: UUID) -> UUID | None:
            async with database.write() as store:
                owner = await store.use_link(link, Purpose.VERIFY, await store.now())
                await asyncio.sleep(0)
                return owner if owner is None or await store.locked_user(owner) else None

        gone, owners = await asyncio.gather(site.client.delete(ME, headers=ada), asyncio.gather(*(used(link) for link in links)))
        assert gone.status_code == 204
        assert set(owners) <= {id, None}
