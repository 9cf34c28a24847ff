"""Staff read the audit logs, a page at a time."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.products.client import CUSTOMER, STAFF_ID, Client
from tests.users.site import open_site

from shop.kit.audit import COMMAND_LINE, AuditLog, PrivateDetail, Sought, audit_table, on_command_line, record
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.paging import encode_cursor
from shop.modules.users.service import Accounts

TABLE = audit_table(sa.MetaData())


@pytest.fixture
async def client(database_url: str, clock: Clock) -> AsyncIterator[Client]:
    """Give the public API of products on each kind of database."""
    async with Client.opened(database_url, clock) as made:
        yield made


@pytest.fixture
async def database(database_url: str, clock: Clock) -> AsyncIterator[Database[Store]]:
    """Give the database of cart, whose log is empty."""
    opened = Database(database_url, "cart", Store, clock)
    yield opened
    await opened.dispose()


async def listed(client: Client, query: str = "") -> list[dict[str, Any]]:
    """Give the entries that a query finds."""
    found: list[dict[str, Any]] = (await client.call("GET", f"/audit/products{query}", status=200)).json()["items"]
    return found


async def test_an_entry_says_who_did_what_to_what_and_what_it_was_before(client: Client) -> None:
    """The newest first, with the members that changed and no others."""
    made = await client.sells("mug", price=1000)
    changed = await client.call("PATCH", "/variants/mug", {"price": {"amount": 800, "currency": "EUR"}}, 200, X_Request_Id="cheaper")
    assert changed.headers["X-Request-Id"] == "cheaper"
    update, create = await listed(client)
    assert (create["action"], create["target"]) == ("product.create", made["id"])
    assert (create["before"], create["after"]["title"]) == (None, "Mug")
    assert update.pop("at").endswith("Z")
    assert update == {
        "number": create["number"] + 1, "by": str(STAFF_ID), "email": None, "action": "variant.update", "target": "mug", "request_id": "cheaper",
        "before": {"price": {"amount": 1000, "currency": "EUR"}}, "after": {"price": {"amount": 800, "currency": "EUR"}},
    }  # fmt: skip


async def test_filters_narrow_and_pages_follow_each_other(client: Client, clock: Clock) -> None:
    """By action, target, person and time, alone or together."""
    for sku in ("mug", "cup", "jug"):
        await client.sells(sku)
    since = (await listed(client))[1]["at"]
    await client.call("PATCH", "/variants/cup", {"title": "Beaker"}, 200)
    assert [entry["target"] for entry in await listed(client, "?action=variant.update")] == ["cup"]
    assert [entry["action"] for entry in await listed(client, "?target=cup")] == ["variant.update"]
    assert len(await listed(client, f"?by={STAFF_ID}&action=product.create")) == 3
    assert await listed(client, "?by=somebody") == []
    assert len(await listed(client, f"?since={since}")) == 3
    first = (await client.call("GET", "/audit/products?limit=3", status=200)).json()
    rest = (await client.call("GET", f"/audit/products?limit=3&cursor={first['next_cursor']}", status=200)).json()
    numbers = [entry["number"] for entry in first["items"] + rest["items"]]
    assert (numbers, rest["next_cursor"]) == (sorted(numbers, reverse=True), None)
    assert len(numbers) == 4


@pytest.mark.parametrize("since", ["yesterday", "2026-11-24T10:00:00", "0001-01-01T00:00:00%2B14:00"])
async def test_a_moment_that_is_none_is_named(client: Client, since: str) -> None:
    """Without a zone it would mean another moment elsewhere."""
    refused = await client.call("GET", f"/audit/products?since={since}", status=400)
    assert [error["field"] for error in refused.json()["errors"]] == ["since"]


@pytest.mark.parametrize("place", [10**30, 2**31, -1, "x", None])
async def test_a_cursor_that_no_page_gave_is_named(client: Client, place: object) -> None:
    """Whatever number is in it."""
    refused = await client.call("GET", f"/audit/products?cursor={encode_cursor((place,))}", status=400)
    assert [error["field"] for error in refused.json()["errors"]] == ["cursor"]


async def test_nobody_else_reads_it(client: Client) -> None:
    """A customer is known and not allowed, a stranger is not known."""
    assert (await client.http.get("/audit/products", headers=CUSTOMER)).status_code == 403
    assert (await client.http.get("/audit/products")).status_code == 401


async def test_users_know_the_address_of_who_did_it(sqlite_url: str, clock: Clock) -> None:
    """And what the command line does is the command line's."""
    async with open_site(sqlite_url, clock) as site, site.app.state.dishka_container() as scope:
        accounts = await scope.get(Accounts, component="users")
        with on_command_line():
            await accounts.create_staff("boss@example.com", "a good long password")
        headers = await site.as_staff()
        (entry,) = (await site.client.get("/api/v1/audit/users", headers=headers)).json()["items"]
        assert (entry["by"], entry["action"], entry["after"]) == (COMMAND_LINE, "user.create", {"roles": ["staff"]})
        by_somebody = TABLE.insert().values(at=clock.now(), by=entry["target"], action="x", target="y", after={})
        log: AuditLog = await scope.get(AuditLog, component="users")
        async with log._database.write() as store:
            await store.change(by_somebody)
        newest = (await log.entries(Sought(action="x"), 1, None)).items[0]
        assert newest.email == "boss@example.com"


@pytest.mark.parametrize("told", [{"password": "x"}, {"order": {"shipping_address": {}}}, {"users": [{"refresh_token": "x"}]}])
async def test_what_nobody_may_read_in_a_log_is_refused(database: Database[Store], told: dict[str, Any]) -> None:
    """However deep it is hidden; the transaction ends with it."""
    with on_command_line(), pytest.raises(PrivateDetail):
        async with database.write() as store:
            await record(store, TABLE, "x", "y", None, told)
    assert (await AuditLog(database, TABLE).entries(Sought(), 20, None)).items == []


async def test_attributes_may_be_named_as_staff_like(database: Database[Store]) -> None:
    """A case that fits a phone is no telephone number."""
    with on_command_line():
        async with database.write() as store:
            await record(store, TABLE, "x", "y", None, {"variants": [{"sku": "case", "attributes": {"phone model": "5"}}]})
    assert len((await AuditLog(database, TABLE).entries(Sought(), 20, None)).items) == 1


async def test_only_staff_and_the_command_line_are_recorded(database: Database[Store]) -> None:
    """A job, a neighbour and a customer leave no entry; on the command line it is one."""
    for _ in range(2):
        async with database.write() as store:
            await record(store, TABLE, "x", "y", None, {"a": 1})
    assert (await AuditLog(database, TABLE).entries(Sought(), 20, None)).items == []
    with on_command_line():
        async with database.write() as store:
            await record(store, TABLE, "x", "y", {"a": 1, "b": 2}, {"a": 1, "b": 3})
            await record(store, TABLE, "x", "y", {"a": 1}, {"a": 1})
    (entry,) = (await AuditLog(database, TABLE).entries(Sought(), 20, None)).items
    assert (entry.by, entry.before, entry.after) == (COMMAND_LINE, {"b": 2}, {"b": 3})
