"""Reads the books that the invariants are checked over: those of sales, of the fakes, and of the real modules."""

from collections import Counter
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from tests.fakes.cart import FakeCarts
from tests.sales.invariants import Books, Letter, Redeemed, Shelf, sum_by_order
from tests.sales.world import World

from shop.kit.database import Database, Store
from shop.modules.cart import tables as cart
from shop.modules.products import tables as products
from shop.modules.sales.order_rows import FIELDS, order_of
from shop.modules.sales.refund_rows import FIELDS as REFUND_FIELDS
from shop.modules.sales.refund_rows import refund_of
from shop.modules.sales.tables import idempotency_keys, order_events, order_lines, orders, outbox
from shop.ports.payments import Payment, Refund


async def sales_books(database: Database[Any]) -> Books:
    """Read what sales has written down; the books of the neighbours stay empty."""
    async with database.read() as store:
        lines = await store.rows(sa.select(order_lines.c.order_id, order_lines.c.sku, order_lines.c.quantity))
        off = sa.select(order_lines.c.order_id, sa.func.sum(order_lines.c.discount)).group_by(order_lines.c.order_id)
        confirmed = await store.rows(sa.select(order_events.c.order_id).where(order_events.c.type == "confirmed"))
        keys = await store.rows(sa.select(idempotency_keys).where(idempotency_keys.c.scope.contains("orders ")))
        letters = await store.rows(sa.select(outbox).where(outbox.c.kind == "order_confirmed"))
        return Books(
            now=await store.now(),
            orders=[order_of(row) for row in await store.rows(sa.select(*FIELDS))],
            quantities=sum_by_order((row[0], row[1], row[2]) for row in lines),
            confirmed={row.order_id for row in confirmed},
            refunds=[found for row in await store.rows(sa.select(*REFUND_FIELDS)) if (found := refund_of(row))],
            payments=[],
            money_back=[],
            shelves={},
            held={},
            sold={},
            carts={},
            keys={f"{row.scope} {row.key}": row.subject for row in keys},
            letters=[Letter(row.subject_id, row.status, row.unknown) for row in letters],
            line_discounts={row[0]: int(row[1]) for row in await store.rows(off)},
        )


async def world_books(world: World) -> Books:
    """Read the books of sales and of its fake neighbours."""
    books = await sales_books(world.database)
    books.payments, books.money_back = list(world.payments.payments.values()), list(world.payments.refund_rows.values())
    books.hard_limits = world.hard_limits
    _fake_carts(books, world.carts, world.received)
    return books


def _fake_carts(books: Books, carts: FakeCarts, received: dict[str, int]) -> None:
    restocked: Counter[str] = Counter()
    for _, lines in carts.restocks.values():
        restocked.update(lines)
    for sku, count in received.items():
        books.shelves[sku] = Shelf(count, carts.available[sku], carts.held[sku], carts.sold[sku], restocked[sku])
    for id, checkout in carts.checkouts.items():
        pieces = {line.sku: line.quantity for line in checkout.quote.lines} if checkout.quote else {}
        books.held |= {id: pieces} if checkout.holds else {}
        books.sold |= {id: pieces} if checkout.status == "committed" else {}
    books.carts = {fake.id: (fake.status, fake.checkout_id) for fake in carts.carts.values()}


async def real_books(
    sales_database: Database[Any], cart_database: Database[Any], products_database: Database[Any], payments: list[Payment], money_back: list[Refund]
) -> Books:
    """Read the books of the real modules, each from its own database, and take the provider's from the caller."""
    books = await sales_books(sales_database)
    books.payments, books.money_back = payments, money_back
    async with cart_database.read() as store:
        for row in await store.rows(sa.select(cart.CARTS.c.id, cart.CARTS.c.status, cart.CARTS.c.checkout_id)):
            books.carts[row.id] = (row.status, row.checkout_id)
        await _real_coupons(books, store)
    async with products_database.read() as store:
        await _real_stock(books, store)
    return books


async def _real_coupons(books: Books, store: Store) -> None:
    coupon, redemption, checkout = cart.COUPONS.c, cart.REDEMPTIONS.c, cart.CHECKOUTS.c
    query = sa.select(coupon.code, coupon.redeemed, coupon.max_redemptions, redemption.checkout_id, checkout.status)
    for row in await store.rows(query.select_from(cart.COUPONS.outerjoin(cart.REDEMPTIONS).outerjoin(cart.CHECKOUTS))):
        found = books.coupons.setdefault(row.code, Redeemed(row.redeemed, row.max_redemptions, {}))
        if row.checkout_id is not None:
            found.checkouts[row.checkout_id] = row.status


async def _real_stock(books: Books, store: Store) -> None:
    line, reservation = products.reservation_lines.c, products.reservations.c
    query = sa.select(line.reservation_id, line.sku, line.quantity, line.restocked, reservation.status).join(products.reservations)
    rows = await store.rows(query)
    books.held = sum_by_order((row.reservation_id, row.sku, row.quantity) for row in rows if row.status == "held")
    books.sold = sum_by_order((row.reservation_id, row.sku, row.quantity) for row in rows if row.status == "committed")
    moved = {row[0]: row[1] for row in await store.rows(sa.select(products.movements.c.sku, sa.func.sum(products.movements.c.delta)).group_by("sku"))}
    for stock in await store.rows(sa.select(products.stock)):
        mine = [row for row in rows if row.sku == stock.sku]
        sold = sum(row.quantity for row in mine if row.status == "committed")
        back = sum(row.restocked for row in mine)
        held = sum(row.quantity for row in mine if row.status == "held")
        assert held == stock.reserved, f"1: {stock.sku}: {held} held, {stock.reserved} reserved"
        received = int(moved.get(stock.sku, 0)) + sold - back  # the ledger has sales and restocks in it too
        books.shelves[stock.sku] = Shelf(received, stock.on_hand - stock.reserved, held, sold, back)


async def hard_limits(sales_database: Database[Any]) -> set[UUID]:
    """Name the orders whose stock was gone when they were paid, for a run in which the hard limit could fire."""
    async with sales_database.read() as store:
        gone = sa.select(order_events.c.order_id).join(orders).where(order_events.c.type == "refunding")
        return {row.order_id for row in await store.rows(gone)}
