"""What a cart comes to today, and what its owner should know: pure, no I/O."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from shop.kit.money import Money
from shop.modules.cart.coupons import CouponReason, Effect, Goods
from shop.modules.cart.domain import Cart, CartLine, CartStatus, Offer
from shop.ports.cart import Quote, QuoteLine
from shop.ports.products import Held, HeldLine, Variant


class LineView(Struct, frozen=True):
    """A cart line with its price; `available` is how many pieces could be bought."""

    sku: str
    title: str
    quantity: int
    unit_price: Money
    line_total: Money
    available: int


class PriceChanged(Struct, frozen=True, tag_field="code", tag="price_changed"):
    """The price is another one than when the line was added."""

    sku: str
    old: Money
    new: Money


class NotEnough(Struct, frozen=True, tag_field="code", tag="insufficient_stock"):
    """Fewer are available than the line holds."""

    sku: str
    available: int


class CouponRefused(Struct, frozen=True, tag_field="code", tag="coupon_not_applicable"):
    """The coupon on the cart takes nothing off, for this reason."""

    coupon: str
    reason: CouponReason


class AppliedCoupon(Struct, frozen=True):
    """The coupon on the cart and what it takes off; nothing unless it `applies`."""

    code: str
    discount: Money
    applies: bool


class CartView(Struct, frozen=True):
    """A cart as its owner sees it; `stale` when products did not answer and the last quote stands in. A guest gets `cart_token` once."""

    id: UUID
    version: int
    status: CartStatus
    lines: list[LineView]
    subtotal: Money
    discount: Money
    coupon: AppliedCoupon | None
    problems: list[PriceChanged | NotEnough | CouponRefused]
    stale: bool
    cart_token: str | UnsetType = UNSET


class Offers(Struct, frozen=True):
    """What products said when asked about some SKUs; nothing if it was not asked or, `stale`, did not answer."""

    asked: frozenset[str] = frozenset()
    known: dict[str, Offer] = {}
    stale: bool = False

    @classmethod
    def answered(cls, asked: Iterable[str], variants: Iterable[Variant], currency: str) -> "Offers":
        """Read the answer of products; what is sold in another currency is not sold here."""
        sold = (one for one in variants if one.price.currency == currency)
        known = {one.sku: Offer(one.title, one.price.amount, max(0, one.available), tuple(one.categories)) for one in sold}
        return cls(frozenset(asked), known)

    def of(self, line: CartLine) -> Offer:
        """Give what a line is offered for: today, or by the last quote; a SKU that is sold no longer keeps its price and has no pieces."""
        if line.sku in self.known:
            return self.known[line.sku]
        return replace(line.last, available=0) if line.sku in self.asked else line.last

    def noted(self, cart: Cart) -> Cart:
        """Give the cart with what its lines were quoted last."""
        return replace(cart, lines=tuple(line.quoted(self.of(line)) for line in cart.lines))


def goods(cart: Cart, offers: Offers) -> list[Goods]:
    """Show the lines of a cart to its coupon."""
    offered = [(line, offers.of(line)) for line in cart.lines]
    return [Goods(line.sku, offer.price * line.quantity, offer.categories) for line, offer in offered]


def view(cart: Cart, offers: Offers, effect: Effect | None = None) -> CartView:
    """Show a cart with these prices, and with what its coupon does."""
    offered = [(line, offers.of(line)) for line in cart.lines]
    discount = Money(effect.discount if effect else 0, cart.currency)
    problems = [problem for line, offer in offered for problem in _problems(line, offer, cart.currency)]
    return CartView(
        id=cart.id,
        version=cart.version,
        status=cart.status,
        lines=[_line(line, offer, cart.currency) for line, offer in offered],
        subtotal=Money(sum(offer.price * line.quantity for line, offer in offered), cart.currency),
        discount=discount,
        coupon=AppliedCoupon(effect.code, discount, effect.reason is None) if effect else None,
        problems=[*problems, CouponRefused(effect.code, effect.reason)] if effect and effect.reason else problems,
        stale=offers.stale,
    )


def _line(line: CartLine, offer: Offer, currency: str) -> LineView:
    total = Money(offer.price * line.quantity, currency)
    return LineView(line.sku, offer.title, line.quantity, Money(offer.price, currency), total, offer.available)


def _problems(line: CartLine, offer: Offer, currency: str) -> Iterable[PriceChanged | NotEnough | CouponRefused]:
    if offer.price != line.added_price:
        yield PriceChanged(line.sku, Money(line.added_price, currency), Money(offer.price, currency))
    if offer.available < line.quantity:
        yield NotEnough(line.sku, offer.available)


def held_goods(held: Held) -> list[Goods]:
    """Show the lines that are held to the coupon of their cart."""
    return [Goods(line.sku, line.unit_price.amount * line.quantity, line.categories) for line in held.lines]


def quote(cart: Cart, held: Held, effect: Effect | None) -> Quote:
    """Give what the cart comes to at the prices at which its stock is held, less what its coupon takes off."""
    lines = [_quoted(line, cart.currency, effect) for line in sorted(held.lines, key=lambda line: line.sku)]
    subtotal, discount = (Money(sum(getattr(line, part).amount for line in lines), cart.currency) for part in ("line_total", "discount"))
    return Quote(cart.id, cart.customer_id, lines, subtotal, discount, effect.code if effect and not effect.reason else None)


def _quoted(line: HeldLine, currency: str, effect: Effect | None) -> QuoteLine:
    total, off = line.unit_price.amount * line.quantity, effect.off.get(line.sku, 0) if effect else 0
    return QuoteLine(line.sku, line.title, line.quantity, line.unit_price, Money(total, currency), Money(off, currency))


def agreed_effect(code: str, agreed: Quote, reason: CouponReason | None) -> Effect:
    """Give what a coupon does to a cart as its checkout quoted it."""
    return Effect(code, {line.sku: line.discount.amount for line in agreed.lines}, reason)


def charged(cart: Cart, agreed: Quote) -> Cart:
    """Give the cart with the quote of its checkout as the last one; the pieces it holds are available to it."""
    lines = {line.sku: line for line in agreed.lines}
    return replace(cart, lines=tuple(replace(line, last=_charged(line, lines[line.sku])) for line in cart.lines))


def _charged(line: CartLine, agreed: QuoteLine) -> Offer:
    return replace(line.last, title=agreed.title, price=agreed.unit_price.amount, available=max(line.last.available, line.quantity))
