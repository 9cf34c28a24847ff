"""What a cart and a coupon are, as simple as can be."""

from typing import Any
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.kit.money import Money, percentage
from shop.kit.problems import Problem
from shop.modules.cart.domain import CartLocked
from shop.ports.cart import CartOrdered


class Voucher(Struct):
    """A coupon of the model, and who redeemed it with which order."""

    code: str
    percent: int
    minimum: int = 0
    most: int | None = None
    each: int | None = None
    redeemed: dict[UUID, UUID | None] = field(default_factory=dict)

    def reason(self, customer_id: UUID | None, subtotal: int) -> str | None:
        """Say why it does not apply."""
        mine = list(self.redeemed.values()).count(customer_id) if customer_id else 0
        if (self.most is not None and len(self.redeemed) >= self.most) or (self.each is not None and mine >= self.each):
            return "exhausted"
        return "minimum" if subtotal < self.minimum else None

    def off(self, subtotal: int) -> int:
        """Say what it takes off."""
        return percentage(subtotal, self.percent)

    @property
    def terms(self) -> dict[str, Any]:
        """Give what staff would ask for."""
        minimum = Money(self.minimum, "EUR")
        return {"percent": self.percent, "min_subtotal": minimum, "max_redemptions": self.most, "max_per_customer": self.each}


def vouchers() -> list[Voucher]:
    """Make one for two checkouts, one that everybody has once, and one for large carts; under codes that nobody had before."""
    kinds = (Voucher("FEW", 10, most=2), Voucher("EACH", 33, each=1), Voucher("LARGE", 50, minimum=400))
    return [replace(kind, code=f"{kind.code}-{uuid7()}".upper(), redeemed={}) for kind in kinds]


class Bag(Struct):
    """A cart of the model: quantity by SKU, and the price when it was added; `agreed` is what the coupon took off in its checkout, or why not."""

    id: UUID
    caller: Caller
    version: int = 1
    status: str = "open"
    order: UUID | None = None
    voucher: Voucher | None = None
    agreed: tuple[int, str | None] = (0, None)
    lines: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    quoted: dict[str, int] = field(default_factory=dict)

    def refusal(self) -> type[Problem] | None:
        """Say why it cannot be changed."""
        return {"open": None, "checking_out": CartLocked, "ordered": CartOrdered}[self.status]

    def put(self, sku: str, quantity: int, price: int) -> None:
        """Set a quantity."""
        if self.lines.get(sku, 0) != quantity:
            self.version += 1
        self.lines.pop(sku, None) if quantity == 0 else self.lines.update({sku: quantity})
        self.added = {known: self.added.get(known, price) for known in self.lines}

    def take(self, voucher: Voucher | None) -> None:
        """Have another coupon, or none."""
        self.version += voucher is not self.voucher
        self.voucher = voucher

    def pour(self, target: "Bag", left: dict[str, int]) -> dict[str, int]:
        """Add up to what is left to another cart, never less than was there; give what went over."""
        taken: dict[str, int] = {}
        for sku, quantity in self.lines.items():
            before = target.lines.get(sku, 0)
            after = max(before, min(before + quantity, left[sku], 999))
            if after > before:
                taken[sku], target.lines[sku] = after - before, after
                target.added.setdefault(sku, self.added[sku])
        return taken

    def subtotal(self, price: dict[str, int]) -> int:
        """Add up what its lines come to."""
        return sum(price[sku] * quantity for sku, quantity in self.lines.items())

    def effect(self, price: dict[str, int]) -> tuple[int, str | None]:
        """Say what its coupon takes off at these prices, or why it does not."""
        if self.status != "open" or self.voucher is None:
            return self.agreed if self.voucher else (0, None)
        reason = self.voucher.reason(self.caller.user_id, self.subtotal(price))
        return (0, reason) if reason else (self.voucher.off(self.subtotal(price)), None)
