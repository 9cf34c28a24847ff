"""The queries about coupons and their redemptions."""

from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from shop.kit.database import Store
from shop.modules.cart.coupons import Coupon, Standing
from shop.modules.cart.tables import COUPONS, REDEMPTIONS

COLUMNS = tuple(COUPONS.c[name] for name in Coupon.__struct_fields__)


class CouponStore(Store):
    """The tables of coupons. Whoever redeems or gives back locks the checkout first and then the coupon."""

    async def coupon(self, code: str, *, lock: bool = False) -> Coupon | None:
        """Find a coupon; `lock` keeps others from changing and redeeming it until the transaction ends."""
        statement = sa.select(*COLUMNS).where(COUPONS.c.code == code)
        row = await self.row(statement.with_for_update() if lock else statement)
        return None if row is None else _coupon(row)

    async def coupons(self, after: str | None, limit: int) -> list[Coupon]:
        """Give coupons sorted by code, one more than the limit."""
        query = sa.select(*COLUMNS).order_by(COUPONS.c.code).limit(limit + 1)
        return [_coupon(row) for row in await self.rows(query if after is None else query.where(COUPONS.c.code > after))]

    async def add_coupon(self, coupon: Coupon) -> bool:
        """Keep a new coupon; False when its code is taken."""
        return bool(await self.change(self.insert_once(COUPONS).values(**msgspec.structs.asdict(coupon))))

    async def change_coupon(self, coupon: Coupon) -> None:
        """Record the terms of a coupon, and not how often it is redeemed."""
        await self.change(COUPONS.update().where(COUPONS.c.code == coupon.code).values(**coupon.terms))

    async def standing(self, code: str, customer_id: UUID | None, *, lock: bool = False) -> Standing:
        """Say how a code stands for a customer, or for a guest; with `lock` it stays so until the transaction ends."""
        coupon = await self.coupon(code, lock=lock)
        limited = coupon is not None and coupon.max_per_customer is not None and customer_id is not None
        mine = (REDEMPTIONS.c.coupon == code) & (REDEMPTIONS.c.customer_id == customer_id)
        used: int = await self.scalar(sa.select(sa.func.count()).select_from(REDEMPTIONS).where(mine)) if limited else 0
        return Standing(code, coupon, used, await self.now())

    async def redeem(self, checkout_id: UUID, code: str, customer_id: UUID | None) -> None:
        """Redeem a locked coupon that is not exhausted, for a locked checkout."""
        values = {"checkout_id": checkout_id, "coupon": code, "customer_id": customer_id, "created_at": await self.now()}
        await self.change(COUPONS.update().where(COUPONS.c.code == code).values(redeemed=COUPONS.c.redeemed + 1))
        await self.change(REDEMPTIONS.insert().values(**values))

    async def give_back(self, checkout_id: UUID) -> None:
        """Give back what a locked checkout has redeemed, if it did."""
        gone = REDEMPTIONS.delete().where(REDEMPTIONS.c.checkout_id == checkout_id).returning(REDEMPTIONS.c.coupon)
        code: str | None = await self.scalar(gone)
        if code is not None:
            await self.change(COUPONS.update().where(COUPONS.c.code == code).values(redeemed=COUPONS.c.redeemed - 1))


def _coupon(row: sa.Row[Any]) -> Coupon:
    return msgspec.convert(dict(zip(Coupon.__struct_fields__, row, strict=True)), Coupon)
