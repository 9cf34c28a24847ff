"""A shop that sells while it is backed up, and what its books must say when it was restored."""

import asyncio

import sqlalchemy as sa
from tests.sales.invariants import Books
from tests.support.books import books
from tests.support.outside import Outside
from tests.support.shop import Shop, eventually

from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.modules.sales import tables
from shop.modules.sales.states import State
from shop.settings import Databases

LEASE = "30s"


async def sells(shop: Shop, seller: int, ended: asyncio.Event) -> None:
    """Serve one customer after another until the end; every fifth one changes their mind."""
    number = 0
    while not ended.is_set():
        number += 1
        guest = await shop.guest(f"p{seller}-{number}@example.com").fills(mug=1)
        await guest.orders()
        if number % 5 == 0:
            assert (await guest.call("POST", f"/orders/{guest.order['id']}/cancel")).status_code == 200
            continue
        await guest.pays()
        await guest.sees("confirmed", seconds=60)


async def restored_books(databases: Databases, world: Outside) -> Books:
    """Read the books, and Stripe's as far as they can know it: payments of orders that were not placed are left out; mails are not counted."""
    read = await books(databases, world)
    waiting = {order.id for order in read.orders if order.state not in (State.NEW, State.RESERVED)}
    read.payments = [payment for payment in read.payments if payment.order_id in waiting]
    known = {payment.id for payment in read.payments}
    read.money_back = [refund for refund in read.money_back if refund.payment_id in known]
    for letter in read.letters:
        letter.delivered = None
    return read


async def settled(databases: Databases, world: Outside) -> Books:
    """Give the books when every order has ended and every mail is sent."""

    async def look() -> bool:
        return not await _owed(databases)

    await eventually(look, 90)
    return await restored_books(databases, world)


async def _owed(databases: Databases) -> int:
    """Count the orders that are under way and the mails that are not sent."""
    database = Database(databases.of("sales"), "sales", Store, Clock())
    async with database.read() as store:
        counted = sa.select(sa.func.count())
        orders: int = await store.scalar(counted.where(tables.orders.c.next_attempt_at.is_not(None)))
        letters: int = await store.scalar(counted.where(tables.outbox.c.status != "sent"))
    await database.dispose()
    return orders + letters
