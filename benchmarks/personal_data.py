"""How much faster the orders of a customer are read together than one by one: `python benchmarks/personal_data.py [--orders N] [--database URL]`.

Fills sales, on an SQLite folder of its own or a given, empty database, with orders of three lines, two parcels, a refund and five events each.
Reads what is exported both ways in turn, and ends with exit code 1 if that is not the same, or takes longer than the port allows.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from typing import cast
from uuid import UUID

import msgspec

from shop.kit.address import Address
from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.ids import uuid7
from shop.kit.migrations import upgrade
from shop.kit.money import Money
from shop.modules.sales import tables
from shop.modules.sales.personal import TOGETHER, PersonalOrders
from shop.modules.sales.states import State, Status
from shop.modules.sales.store import SalesStore
from shop.ports.cart import CartRecords, Carts

LIMIT, ROUNDS = 4.5, 5
HOME = Address("Ana Ruiz", "Calle Mayor 1", "28013", "Madrid", "ES")
TERMS = {"method": "standard", "title": {"en": "Standard"}, "price": 0, "free_from": None, "tax_rate": "0.21", "expected": Money(6000, "EUR")}
EVENTS = ("placed", "reserved", "paying", "confirmed", "shipped")


class NoCarts:
    """Cart, as far as it is asked: it holds nothing, so that sales alone is measured."""

    async def records(self, *, customer_id: UUID) -> CartRecords:
        """Give no carts."""
        return CartRecords([])


async def fill(database: Database[SalesStore], customer_id: UUID, number: int) -> None:
    """Write the orders with all that belongs to them, a kind of thing at a time."""
    await upgrade(database)
    async with database.write() as store:
        now, numbers = await store.now(), range(1001, 1001 + number)
        known = {
            "state": State.CONFIRMED,
            "status": Status.CONFIRMED,
            "cart_id": uuid7(),
            "customer_id": customer_id,
            "created_at": now,
            "expires_at": now,
        }
        person = {"email": "ana@example.com", "email_key": "ana@example.com", "locale": "es", "shipping_address": HOME, "terms": TERMS}
        money = {"currency": "EUR", "subtotal": 6000, "total": 6000, "paid_currency": "EUR", "captured": 6000, "refunded": 100}
        orders = [{"id": uuid7(), "seq": seq, "number": f"A-{seq}", **known, **person, **money} for seq in numbers]
        line = {"title": "Mug", "quantity": 2, "unit_price": 1000, "line_total": 2000, "tax": 347, "refunded": 1, "shipped": 2, "kept_back": 0}
        refund = {"amount": 100, "currency": "EUR", "reason": "other", "status": "succeeded", "closing": False, "restocked": True, "created_at": now}
        parcels = [{"id": uuid7(), "order_id": order["id"], "carrier": "Correos", "created_at": now} for order in orders for _ in range(2)]
        refunds = [{"id": uuid7(), "order_id": order["id"], **refund} for order in orders]
        events = [(order["id"], version, type) for order in orders for version, type in enumerate(EVENTS)]
        mails = [{"id": uuid7(), "subject_id": order["id"], "kind": "order_confirmed"} for order in orders]
        sent = {"recipient": "ana@example.com", "locale": "es", "data": {}, "created_at": now, "status": "sent", "next_attempt_at": now}
        await store.change(tables.orders.insert(), orders)
        await store.change(
            tables.order_lines.insert(), [{"order_id": order["id"], "sku": f"mug{sku}", **line} for order in orders for sku in range(3)]
        )
        await store.change(
            tables.order_events.insert(), [{"order_id": id, "version": version, "at": now, "type": type, "data": {}} for id, version, type in events]
        )
        await store.change(tables.shipments.insert(), parcels)
        await store.change(tables.shipment_lines.insert(), [{"shipment_id": parcel["id"], "sku": "mug0", "quantity": 1} for parcel in parcels])
        await store.change(tables.refunds.insert(), refunds)
        await store.change(tables.refund_lines.insert(), [{"refund_id": refund["id"], "sku": "mug1", "quantity": 1} for refund in refunds])
        await store.change(tables.outbox.insert(), [{**mail, **sent, "attempts": 1, "unknown": 0} for mail in mails])


async def read(personal: PersonalOrders, customer_id: UUID) -> tuple[float, bytes]:
    """Read the records once; give the seconds, and what was read."""
    began = time.perf_counter()
    records = await personal.records(customer_id)
    return time.perf_counter() - began, msgspec.json.encode(records)


async def measured(url: str, number: int) -> bool:
    """Fill, read in turn, print the median of each way and their ratio; tell whether all is well."""
    database, ana = Database(url, "sales", SalesStore, Clock()), uuid7()
    try:
        await fill(database, ana, number)
        carts = cast(Carts, NoCarts())
        ways = {name: PersonalOrders(database, carts, together) for name, together in (("one by one", 1), ("together", TOGETHER))}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        answers: set[bytes] = set()
        for _ in range(ROUNDS):
            for name, personal in ways.items():
                seconds, answer = await read(personal, ana)
                taken[name].append(seconds)
                answers.add(answer)
    finally:
        await database.dispose()
    before, after = (sorted(times)[ROUNDS // 2] for times in taken.values())
    print(f"{number:,} orders, {len(answers.pop()) / 2**20:.1f} MiB of JSON, {url.partition(':')[0]}")
    print(f"one by one {before:.2f} s, together {after:.2f} s: {before / after:.1f} times as fast (limit {LIMIT:g} s)")
    return not answers and after <= LIMIT


def main() -> int:
    """Measure on the given database, or on one of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--database", metavar="URL")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if asyncio.run(measured(asked.database or f"sqlite:///{folder}/", asked.orders)) else 1


if __name__ == "__main__":
    sys.exit(main())
