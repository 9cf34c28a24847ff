"""What cart holds about a customer: to be read by them, and to be forgotten."""

from uuid import UUID

import sqlalchemy as sa

from shop.kit.database import Database
from shop.kit.erasing import Receipt, receipt
from shop.kit.idempotency import forget
from shop.kit.values import Line
from shop.modules.cart.domain import CartStatus
from shop.modules.cart.store import CartStore
from shop.modules.cart.tables import CART_LINES, CARTS, CHECKOUTS, ERASURE_RECEIPTS, IDEMPOTENCY_KEYS, REDEMPTIONS
from shop.ports.cart import CartRecord, CartRecords, RedemptionRecord


class PersonalCarts:
    """The carts of one person."""

    def __init__(self, database: Database[CartStore]) -> None:
        """Read and write this database."""
        self.database = database

    async def records(self, customer_id: UUID) -> CartRecords:
        """Give every cart and every redeemed coupon, the oldest first."""
        query = sa.select(CARTS.c.id, CARTS.c.status, CARTS.c.created_at, CARTS.c.coupon, CART_LINES.c.sku, CART_LINES.c.quantity)
        query = query.select_from(CARTS.outerjoin(CART_LINES)).where(CARTS.c.customer_id == customer_id)
        redeemed = sa.select(REDEMPTIONS.c.coupon, REDEMPTIONS.c.checkout_id, REDEMPTIONS.c.created_at)
        redeemed = redeemed.where(REDEMPTIONS.c.customer_id == customer_id).order_by(REDEMPTIONS.c.created_at, REDEMPTIONS.c.checkout_id)
        found: dict[UUID, CartRecord] = {}
        async with self.database.read() as store:
            rows = await store.rows(query.order_by(CARTS.c.created_at, CARTS.c.id, CART_LINES.c.position))
            redemptions = [RedemptionRecord(*row) for row in await store.rows(redeemed)]
        for row in rows:
            cart = found.setdefault(row.id, CartRecord(row.id, row.status, row.created_at, [], row.coupon))
            if row.sku is not None:
                cart.lines.append(Line(row.sku, row.quantity))
        return CartRecords(list(found.values()), redemptions)

    async def erase(self, customer_id: UUID) -> Receipt:
        """Delete the open cart, take the customer off the ordered ones and off what they redeemed, which stays counted.

        A cart in checkout is left until the checkout has ended.
        """
        mine = CARTS.c.customer_id == customer_id
        async with self.database.write() as store:
            await _unname_quotes(store, sa.select(CARTS.c.id).where(mine, CARTS.c.status != CartStatus.CHECKING_OUT))
            erased = {
                "open_carts": await store.change(CARTS.delete().where(mine, CARTS.c.status == CartStatus.OPEN)),
                "ordered_carts": await store.change(CARTS.update().where(mine, CARTS.c.status == CartStatus.ORDERED).values(customer_id=None)),
                "redemptions": await store.change(REDEMPTIONS.update().where(REDEMPTIONS.c.customer_id == customer_id).values(customer_id=None)),
                "kept_answers": await forget(store, IDEMPOTENCY_KEYS, customer_id),
            }
            waiting: int = await store.scalar(sa.select(sa.func.count()).select_from(CARTS).where(mine))
            return await receipt(store, ERASURE_RECEIPTS, "cart", customer_id, erased, waiting)


async def _unname_quotes(store: CartStore, carts: "sa.Select[tuple[UUID]]") -> None:
    """Take the customer off the quotes of checkouts that have ended."""
    query = sa.select(CHECKOUTS.c.id, CHECKOUTS.c.quote).where(CHECKOUTS.c.cart_id.in_(carts), CHECKOUTS.c.quote.is_not(None))
    for id, quote in await store.rows(query):
        await store.change(CHECKOUTS.update().where(CHECKOUTS.c.id == id).values(quote={**quote, "customer_id": None}))
