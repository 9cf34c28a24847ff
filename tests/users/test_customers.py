"""Staff look up customers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.users.site import Site, open_site

from shop.kit.clock import Clock
from shop.kit.ids import uuid7


@pytest.fixture
async def site(database_url: str, clock: Clock) -> AsyncIterator[Site]:
    """Give users alone, on each kind of database."""
    async with open_site(database_url, clock) as opened:
        yield opened


async def listed(site: Site, query: str = "") -> list[dict[str, Any]]:
    """Give the customers that a query finds."""
    answer = await site.client.get(f"/api/v1/customers{query}", headers=await site.as_staff())
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_customer_is_shown_with_what_they_agreed_to(site: Site) -> None:
    """In the list and alone; staff who buy nothing are no customers."""
    await site.register(marketing_consent=True)
    (ada,) = await listed(site)
    assert set(ada) == {"id", "email", "name", "verified", "roles", "consents", "created_at"}
    assert (ada["email"], ada["name"], ada["verified"], ada["roles"]) == ("ada@example.com", "Ada Lovelace", False, ["customer"])
    assert ada["consents"]["marketing"]["granted"] is True
    alone = await site.client.get(f"/api/v1/customers/{ada['id']}", headers=await site.as_staff())
    assert alone.json() == ada
    assert (await site.client.get(f"/api/v1/customers/{uuid7()}", headers=await site.as_staff())).json()["code"] == "customer_not_found"


@pytest.mark.parametrize(("q", "found"), [("BEN@", ["ben"]), ("love", ["ben", "ada"]), ("example", []), ("a%25", []), ("", ["ben", "ada"])])
async def test_the_beginning_of_an_address_or_a_part_of_a_name_is_found(site: Site, q: str, found: list[str]) -> None:
    """The newest first."""
    await site.register()
    await site.register("ben@example.com", name="Ben Lovelock")
    assert [customer["email"].partition("@")[0] for customer in await listed(site, f"?q={q}")] == found


async def test_pages_follow_each_other(site: Site) -> None:
    """One at a time."""
    for name in ("ada", "ben", "cem"):
        await site.register(f"{name}@example.com")
    seen: list[str] = []
    page: dict[str, Any] = {}
    query = "?limit=1"
    for _ in range(3):
        page = (await site.client.get(f"/api/v1/customers{query}", headers=await site.as_staff())).json()
        seen += [customer["email"][:3] for customer in page["items"]]
        query = f"?limit=1&cursor={page['next_cursor']}"
    assert (seen, page["next_cursor"]) == (["cem", "ben", "ada"], None)


async def test_customers_do_not_see_each_other(site: Site) -> None:
    """Nor do strangers."""
    assert (await site.client.get("/api/v1/customers", headers=await site.as_ada())).status_code == 403
    assert (await site.client.get("/api/v1/customers")).status_code == 401
