"""Whether the books of all modules, of Stripe and of the mailbox agree: the invariants of docs/checkout.md over a running shop."""

import tomllib
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.sales.books import real_books
from tests.sales.invariants import Books, check
from tests.support.outside import Outside

from shop.adapters import stripe
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.modules import sales
from shop.ports.payments import Payment, Refund
from shop.settings import Databases

TEMPLATES = Path(sales.__file__).parent / "templates"
CONFIRMATIONS = [tomllib.loads(words.read_text())["order_confirmed"]["subject"] for words in TEMPLATES.glob("*.toml")]


@asynccontextmanager
async def _open(url: str, module: str) -> AsyncGenerator[Database[Any]]:
    database = Database(url, module, Store, Clock())
    try:
        yield database
    finally:
        await database.dispose()


async def books(url: str | Databases, world: Outside) -> Books:
    """Read everybody's books; the shop may be running or dead."""
    databases = Databases(url) if isinstance(url, str) else url
    payments, money_back = await _at_stripe(world)
    async with AsyncExitStack() as stack:
        orders, carts, stock = [await stack.enter_async_context(_open(databases.of(module), module)) for module in ("sales", "cart", "products")]
        read = await real_books(orders, carts, stock, payments, money_back)
    for letter in read.letters:
        order = next(order for order in read.orders if order.id == letter.order_id)
        subjects = {subject.format(number=order.number) for subject in CONFIRMATIONS}
        letter.delivered = sum(mail["subject"] in subjects for mail in await world.mails(order.email, order.number, seconds=0))
    return read


async def _at_stripe(world: Outside) -> tuple[list[Payment], list[Refund]]:
    account = stripe.adapter(world.stripe)
    try:
        page = await account.since(seconds=30 * 86400)
        payments = list(page.items)
        while page.next_cursor:
            page = await account.since(seconds=30 * 86400, cursor=page.next_cursor)
            payments += page.items
        return payments, [refund for payment in payments if payment.received.amount for refund in await account.refunds(payment_id=payment.id)]
    finally:
        await account.aclose()


async def balance(url: str, world: Outside, *, settled: bool) -> Books:
    """Assert every invariant; `settled` says that no order is under way any more."""
    read = await books(url, world)
    check(read, settled=settled)
    return read
