"""What staff do with coupons; who redeems them is the affair of carts and checkouts."""

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.paging import Page, decode_cursor, page
from shop.modules.cart.coupon_commands import CouponChanges, NewCoupon
from shop.modules.cart.coupons import Code, Coupon, CouponNotFound, CouponTaken, normal_code
from shop.modules.cart.store import CartStore
from shop.modules.cart.tables import AUDIT_LOG


class Coupons:
    """The coupons of the shop; their codes ignore case."""

    def __init__(self, database: Database[CartStore], currency: str) -> None:
        """`currency` is the shop's, the only one that an amount may be in."""
        self.database = database
        self.currency = currency

    async def create(self, new: NewCoupon, once: Once | None = None) -> Coupon:
        """Make a coupon; raises CouponTaken, Invalid."""
        async with self.database.write() as store:
            coupon = new.coupon(await store.now(), self.currency)
            if once is not None and not await once.first(store):
                return await _found(store, coupon.code)
            if not await store.add_coupon(coupon):
                raise CouponTaken
            await record(store, AUDIT_LOG, "coupon.create", coupon.code, None, coupon.terms)
            return coupon

    async def listed(self, limit: int, cursor: str | None) -> Page[Coupon]:
        """Give a page of coupons, sorted by code; raises Invalid."""
        place = decode_cursor(cursor, tuple[Code])
        async with self.database.read() as store:
            rows = await store.coupons(None if place is None else place[0], limit)
        found, following = page(rows, limit, lambda coupon: (coupon.code,))
        return Page(found, following)

    async def change(self, code: str, changes: CouponChanges) -> Coupon:
        """Change the terms of a coupon: checkouts that have redeemed it keep what they were quoted. Raises CouponNotFound, Invalid."""
        async with self.database.write() as store:
            before = await _found(store, normal_code(code), lock=True)
            after = changes.changed(before, self.currency)
            if after != before:
                await store.change_coupon(after)
                await record(store, AUDIT_LOG, "coupon.update", before.code, before.terms, after.terms)
            return after


async def _found(store: CartStore, code: str | None, *, lock: bool = False) -> Coupon:
    coupon = await store.coupon(code, lock=lock) if code else None
    if coupon is None:
        raise CouponNotFound
    return coupon
