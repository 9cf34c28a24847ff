"""What staff send about coupons, and what of it can be true at once."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict, replace

from shop.kit.http.moments import instant
from shop.kit.money import Money
from shop.kit.problems import Invalid
from shop.kit.values import Body, Sku, Slug
from shop.modules.cart.coupons import Code, Coupon

Percent = Annotated[int, Meta(ge=1, le=100)]
Limit = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Zoned = Annotated[datetime, Meta(tz=True)]
Skus = Annotated[list[Sku], Meta(max_length=500)]
Categories = Annotated[list[Slug], Meta(max_length=100)]
MOST = 99_999_999


class NewCoupon(Body, frozen=True):
    """A coupon: either so many percent or an amount off; what is left out or null does not limit it."""

    code: Code
    percent: Percent | None = None
    amount: Money | None = None
    min_subtotal: Money | None = None
    starts_at: Zoned | None = None
    ends_at: Zoned | None = None
    max_redemptions: Limit | None = None
    max_per_customer: Limit | None = None
    skus: Skus | None = None
    categories: Categories | None = None

    def coupon(self, now: datetime, currency: str) -> Coupon:
        """Give the coupon, made now in the shop's currency; raises Invalid."""
        given: dict[str, Any] = asdict(self) | {"code": self.code.upper()}
        return checked(Coupon(**given, redeemed=0, created_at=now), given, currency)


class CouponChanges(Body, frozen=True):
    """What changes of a coupon; null takes a limit away."""

    percent: Percent | UnsetType | None = UNSET
    amount: Money | UnsetType | None = UNSET
    min_subtotal: Money | UnsetType | None = UNSET
    starts_at: Zoned | UnsetType | None = UNSET
    ends_at: Zoned | UnsetType | None = UNSET
    max_redemptions: Limit | UnsetType | None = UNSET
    max_per_customer: Limit | UnsetType | None = UNSET
    skus: Skus | UnsetType | None = UNSET
    categories: Categories | UnsetType | None = UNSET

    def changed(self, coupon: Coupon, currency: str) -> Coupon:
        """Give the coupon with these changes, amounts in the shop's currency; raises Invalid."""
        given = {name: value for name, value in asdict(self).items() if value is not UNSET}
        return checked(replace(coupon, **given), given, currency)


def checked(coupon: Coupon, given: dict[str, Any], currency: str) -> Coupon:
    """Give a coupon as it is kept, if what was given of it can be true together; raises Invalid."""
    if (coupon.percent is None) == (coupon.amount is None):
        raise Invalid.field("percent", "give either percent or amount")
    _check_money("amount", given.get("amount"), currency, least=1)
    _check_money("min_subtotal", given.get("min_subtotal"), currency, least=0)
    starts_at, ends_at = instant("starts_at", coupon.starts_at), instant("ends_at", coupon.ends_at)
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise Invalid.field("ends_at", "must be after starts_at")
    lists = {name: sorted(set(getattr(coupon, name) or ())) for name in ("skus", "categories")}
    return replace(coupon, starts_at=starts_at, ends_at=ends_at, **lists)


def _check_money(field: str, money: Money | None, currency: str, *, least: int) -> None:
    if money is None:
        return
    if money.currency != currency:
        raise Invalid.field(f"{field}.currency", f"must be {currency}, the currency of the shop")
    if not least <= money.amount <= MOST:
        raise Invalid.field(f"{field}.amount", f"must be {least} to {MOST}")
