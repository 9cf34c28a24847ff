"""A real `shop serve` is killed with SIGKILL while people are being forgotten: everybody is forgotten everywhere, once, and the books agree."""

import asyncio
import random

import sqlalchemy as sa
from tests.crash.killable import Killable
from tests.support.shop import PASSWORD, Buyer, eventually

from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.modules.cart import tables as cart
from shop.modules.sales import tables as sales
from shop.modules.users import tables as users

KILLS = 4
PEOPLE = 5
GONE = "erased@shop.invalid"


async def bought(killable: Killable, number: int) -> Buyer:
    """Let somebody buy a mug and get it."""
    buyer = await killable.shop.customer(f"p{number}@example.com")
    order = await buyer.buys(mug=1)
    parcel = {"carrier": "Correos", "tracking": f"TRACK-{number}"}
    assert (await killable.shop.call("POST", f"/orders/{order['id']}/shipments", json=parcel, headers=killable.shop.staff())).status_code == 201
    return buyer


async def leaves(buyer: Buyer, pause: float) -> int:
    """Want to be forgotten, whatever happens to the shop."""
    await asyncio.sleep(pause)
    return (await buyer.call("DELETE", "/users/me")).status_code


async def rows(url: str, module: str, *tables: sa.Table) -> list[dict[str, object]]:
    """Read tables of a module, whether or not the shop lives."""
    database = Database(url, module, Store, Clock())
    async with database.read() as store:
        found = [row._asdict() for table in tables for row in await store.rows(sa.select(table))]
    await database.dispose()
    return found


async def test_everybody_is_forgotten_when_the_shop_is_killed(killable: Killable, database_url: str) -> None:
    """Five customers leave while the shop dies four times: each gets 204, and in the end no module knows any of them; receipts tell what was done."""
    shop = killable.shop
    await shop.product("mug", stock=PEOPLE)
    people = [await bought(killable, number) for number in range(PEOPLE)]
    await shop.balances()
    leaving = [asyncio.create_task(leaves(buyer, number * 0.3)) for number, buyer in enumerate(people)]
    for _ in range(KILLS):
        await killable.dies(random.uniform(0.05, 0.7))
    assert await asyncio.gather(*leaving) == [204] * PEOPLE

    async def forgotten() -> bool:
        orders, carts = await rows(database_url, "sales", sales.orders), await rows(database_url, "cart", cart.CARTS)
        return all(order["email"] == GONE for order in orders) and not any(one["customer_id"] for one in carts)

    await eventually(forgotten, 90)
    for buyer in people:
        assert (await shop.call("POST", "/sessions", json={"email": buyer.email, "password": PASSWORD})).status_code == 401
    held = str(await rows(database_url, "sales", sales.orders, sales.outbox, sales.shipments, sales.refunds, sales.order_events))
    held += str(await rows(database_url, "users", users.users, users.outbox, users.addresses, users.consents, users.sessions))
    assert not [word for word in ("@example.com", "Ana Gil", "TRACK-", "Calle Mayor") if word in held]
    erasures = await rows(database_url, "users", users.erasures)
    receipts = await rows(database_url, "sales", sales.erasure_receipts)
    assert (len(erasures), [receipt["erased"] for receipt in receipts]) == (PEOPLE, [{"orders": 1, "kept_answers": 1}] * PEOPLE)
    receipts = await rows(database_url, "cart", cart.ERASURE_RECEIPTS)
    assert [receipt["erased"] for receipt in receipts] == [{"open_carts": 0, "ordered_carts": 1, "redemptions": 0, "kept_answers": 0}] * PEOPLE
    assert [one["status"] for one in await rows(database_url, "cart", cart.CARTS)] == ["ordered"] * PEOPLE
    assert await shop.shelf("mug") == (0, 0, 0)
