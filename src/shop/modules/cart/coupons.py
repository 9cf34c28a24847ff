"""What a coupon is and what it takes off a cart: pure, no I/O. Amounts are minor units of the cart's currency."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from shop.kit.money import Money, percentage, split
from shop.kit.problems import Conflict, NotFound

CODE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$(?!\n)"
Code = Annotated[str, Meta(pattern=CODE_PATTERN)]


class CouponReason(StrEnum):
    """Why a coupon takes nothing off a cart; the first one that is true is told, those that its owner can do nothing about before the others."""

    UNKNOWN = "unknown"
    NOT_STARTED = "not_started"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    SCOPE = "scope"
    MINIMUM = "minimum"


class CouponNotApplicable(Conflict):
    """This coupon takes nothing off this cart; `reason` says why."""


class CouponTaken(Conflict):
    """There is a coupon of this code already."""


class CouponNotFound(NotFound):
    """There is no coupon of this code."""


class Goods(Struct, frozen=True):
    """A line of a cart as a coupon sees it: `total` is before any discount, `categories` are the slugs up to the root."""

    sku: str
    total: int
    categories: Collection[str]


class Coupon(Struct, frozen=True):
    """So many percent or a fixed amount off the lines that it is for; without `skus` and `categories` it is for every line.

    `redeemed` counts the checkouts that are under way or committed. A guest has no name to count under: only `max_redemptions` binds them.
    A limit may be lowered below what is redeemed already; then nobody redeems it any more.
    """

    code: str
    percent: int | None
    amount: Money | None
    min_subtotal: Money | None
    starts_at: datetime | None
    ends_at: datetime | None
    max_redemptions: int | None
    max_per_customer: int | None
    skus: list[str]
    categories: list[str]
    redeemed: int
    created_at: datetime

    @property
    def terms(self) -> dict[str, Any]:
        """Give what staff decide about it."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if name not in ("code", "redeemed", "created_at")}

    def eligible(self, goods: Sequence[Goods]) -> list[Goods]:
        """Give the lines that it is for, sorted by SKU."""
        if not self.skus and not self.categories:
            return sorted(goods, key=lambda line: line.sku)
        found = [line for line in goods if line.sku in self.skus or not set(self.categories).isdisjoint(line.categories)]
        return sorted(found, key=lambda line: line.sku)

    def unfit(self, goods: Sequence[Goods], currency: str) -> CouponReason | None:
        """Say why it is not for a cart of these lines."""
        in_other_currency = any(money.currency != currency for money in (self.amount, self.min_subtotal) if money is not None)
        if in_other_currency or ((self.skus or self.categories) and not self.eligible(goods)):
            return CouponReason.SCOPE
        if self.min_subtotal is not None and sum(line.total for line in goods) < self.min_subtotal.amount:
            return CouponReason.MINIMUM
        return None

    def off(self, goods: Sequence[Goods]) -> dict[str, int]:
        """Give what it takes off each eligible line: rounded once, half up, never more than they come to, split by largest remainder."""
        lines = self.eligible(goods)
        totals = [line.total for line in lines]
        whole = min(self.amount.amount, sum(totals)) if self.amount is not None else percentage(sum(totals), self.percent or 0)
        return {line.sku: part for line, part in zip(lines, split(whole, totals), strict=True)}


class Effect(Struct, frozen=True):
    """What a coupon does to a cart: takes so much off each line, by SKU, or nothing for a reason."""

    code: str
    off: dict[str, int] = {}
    reason: CouponReason | None = None

    @property
    def discount(self) -> int:
        """Add up what it takes off."""
        return sum(self.off.values())


class Standing(Struct, frozen=True):
    """How a code stands for somebody at a moment: its coupon, if there is one, and how often they have redeemed it."""

    code: str
    coupon: Coupon | None
    used: int
    now: datetime

    @property
    def reason(self) -> CouponReason | None:
        """Say why it is good for no cart of theirs."""
        coupon = self.coupon
        if coupon is None:
            return CouponReason.UNKNOWN
        if coupon.starts_at is not None and self.now < coupon.starts_at:
            return CouponReason.NOT_STARTED
        if coupon.ends_at is not None and self.now >= coupon.ends_at:
            return CouponReason.EXPIRED
        if _reached(coupon.redeemed, coupon.max_redemptions) or _reached(self.used, coupon.max_per_customer):
            return CouponReason.EXHAUSTED
        return None

    def effect(self, goods: Sequence[Goods], currency: str) -> Effect:
        """Say what it does to a cart of these lines."""
        if self.coupon is None or self.reason is not None:
            return Effect(self.code, reason=self.reason)
        reason = self.coupon.unfit(goods, currency)
        return Effect(self.code, reason=reason) if reason else Effect(self.code, self.coupon.off(goods))


def normal_code(text: str) -> str | None:
    """Give the form under which a code is kept: codes ignore case; None for what cannot be one."""
    return text.upper() if re.match(CODE_PATTERN, text) else None


def _reached(count: int, limit: int | None) -> bool:
    return limit is not None and count >= limit
