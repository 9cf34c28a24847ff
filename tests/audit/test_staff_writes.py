"""Whatever staff do leaves exactly one entry; a route that nobody thought of here fails."""

from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.audit.deeds import DEEDS, Deed
from tests.audit.log import Log
from tests.support.shop import Shop

from shop.kit.identity import Role
from shop.kit.ids import uuid7
from shop.settings import MODULES

STAFF = (Path(__file__).parents[2] / "docs" / "staff.md").read_text("utf-8")
ALSO_FOR_OTHERS = {"POST /api/v1/orders/{order_id:uuid}/cancel"}  # an owner cancels too, and that is no deed of staff
HANDLERS = {
    f"{method} {path}": handler
    for module in MODULES
    for handler in import_module(f"shop.modules.{module}.module").MODULE.routes
    for path in handler.paths
    for method in handler.http_methods
}
STAFF_WRITES = {name for name, handler in HANDLERS.items() if handler.opt["policy"].role is Role.STAFF and not name.startswith("GET ")}


async def sent(shop: Shop, deed: Deed, headers: dict[str, str]) -> httpx.Response:
    """Send the request of a deed."""
    options: dict[str, Any] = {name: value for name in ("json", "content") if (value := getattr(deed, name)) is not None}
    return await shop.call(deed.method, deed.path, headers=headers, **options)


def test_every_route_with_which_staff_write_has_a_deed() -> None:
    """A new route cannot be forgotten: it needs a deed, and its deed must leave an entry."""
    assert len(STAFF_WRITES) >= 12
    assert set(DEEDS) == STAFF_WRITES | ALSO_FOR_OTHERS


@pytest.mark.parametrize("route", DEEDS)
async def test_a_deed_leaves_one_entry(shop: Shop, log: Log, route: str) -> None:
    """Who, what, on what, before or after, and in which request; a replay leaves no second one, a refusal none."""
    deed, headers = await DEEDS[route](shop), {"Idempotency-Key": str(uuid7())}
    headers |= deed.headers or shop.staff()
    before = len(await log.entries())
    assert (await sent(shop, deed, {"Idempotency-Key": str(uuid7())})).status_code in (401, 404)
    assert len(await log.entries()) == before
    done = await sent(shop, deed, headers)
    assert done.is_success, done.text
    entries = await log.entries()
    [(module, entry)] = [found for found in entries if found[1].request_id == done.headers["X-Request-Id"]]
    assert (module, entry.action, len(entries)) == (deed.module, deed.action, before + 1)
    assert entry.target == (deed.target or done.json()["id"])
    assert entry.before or entry.after
    assert f"`{entry.action}`" in STAFF
    assert "Ana" not in str(entry)
    if "idempotency" in HANDLERS[route].opt:
        again = await sent(shop, deed, headers)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert len(await log.entries()) == before + 1


async def test_without_the_entry_there_is_no_effect(shop: Shop, log: Log) -> None:
    """The log cannot be written: then nothing is done either, for both are one transaction."""
    await shop.product("mug")
    async with log.databases["products"].write() as store:
        await store.change(sa.text("DROP TABLE audit_log"))
    changed = await shop.client.patch("/api/v1/variants/mug", json={"price": {"amount": 1, "currency": "EUR"}}, headers=shop.staff())
    assert changed.status_code == 503
    listed = (await shop.call("GET", "/products")).json()["items"]
    assert [product["price"]["amount"] for product in listed] == [1000]


async def test_what_changed_nothing_or_was_refused_leaves_none(shop: Shop, log: Log) -> None:
    """The title that it has already, a SKU that is taken, pieces that are not there, an order that is cancelled by its owner."""
    id = (await shop.product("mug", stock=1))["id"]
    guest = await shop.guest().fills(mug=1)
    await guest.orders()
    before = len(await log.entries())
    same = await shop.call("PATCH", f"/products/{id}", json={"title": "Mug"}, headers=shop.staff())
    taken = await shop.call("POST", f"/products/{id}/variants", json={"sku": "mug", "price": {"amount": 1, "currency": "EUR"}}, headers=shop.staff())
    missing = await shop.call("POST", "/variants/mug/stock", json={"delta": -1, "reason": "loss"}, headers=shop.staff())
    cancelled = await guest.call("POST", f"/orders/{guest.order['id']}/cancel")
    assert [answer.status_code for answer in (same, taken, missing, cancelled)] == [200, 409, 409, 200]
    assert len(await log.entries()) == before
