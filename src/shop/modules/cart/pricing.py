"""What a cart comes to today, and what its owner should know: pure, no I/O."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from shop.kit.money import Money
from shop.modules.cart.domain import Cart, CartLine, CartStatus, Offer
from shop.ports.cart import Quote, QuoteLine
from shop.ports.products import Held, Variant


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


class CartView(Struct, frozen=True):
    """A cart as its owner sees it; `stale` when products did not answer and the last quote stands in. A guest gets `cart_token` once."""

    id: UUID
    version: int
    status: CartStatus
    lines: list[LineView]
    subtotal: Money
    discount: Money
    coupon: None
    problems: list[PriceChanged | NotEnough]
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
        known = {one.sku: Offer(one.title, one.price.amount, max(0, one.available)) for one in variants if one.price.currency == currency}
        return cls(frozenset(asked), known)

    def of(self, line: CartLine) -> Offer:
        """Give what a line is offered for: today, or by the last quote; a SKU that is sold no longer keeps its price and has no pieces."""
        if line.sku in self.known:
            return self.known[line.sku]
        return replace(line.last, available=0) if line.sku in self.asked else line.last

    def noted(self, cart: Cart) -> Cart:
        """Give the cart with what its lines were quoted last."""
        return replace(cart, lines=tuple(line.quoted(self.of(line)) for line in cart.lines))


def view(cart: Cart, offers: Offers) -> CartView:
    """Show a cart with these prices."""
    offered = [(line, offers.of(line)) for line in cart.lines]
    return CartView(
        id=cart.id,
        version=cart.version,
        status=cart.status,
        lines=[_line(line, offer, cart.currency) for line, offer in offered],
        subtotal=Money(sum(offer.price * line.quantity for line, offer in offered), cart.currency),
        discount=Money(0, cart.currency),
        coupon=None,
        problems=[problem for line, offer in offered for problem in _problems(line, offer, cart.currency)],
        stale=offers.stale,
    )


def _line(line: CartLine, offer: Offer, currency: str) -> LineView:
    total = Money(offer.price * line.quantity, currency)
    return LineView(line.sku, offer.title, line.quantity, Money(offer.price, currency), total, offer.available)


def _problems(line: CartLine, offer: Offer, currency: str) -> Iterable[PriceChanged | NotEnough]:
    if offer.price != line.added_price:
        yield PriceChanged(line.sku, Money(line.added_price, currency), Money(offer.price, currency))
    if offer.available < line.quantity:
        yield NotEnough(line.sku, offer.available)


def quote(cart: Cart, held: Held) -> Quote:
    """Give what the cart comes to at the prices at which its stock is held."""
    nothing = Money(0, cart.currency)
    lines = [
        QuoteLine(line.sku, line.title, line.quantity, line.unit_price, Money(line.unit_price.amount * line.quantity, cart.currency), nothing)
        for line in sorted(held.lines, key=lambda line: line.sku)
    ]
    return Quote(cart.id, cart.customer_id, lines, Money(sum(line.line_total.amount for line in lines), cart.currency), nothing)


def charged(cart: Cart, agreed: Quote) -> Cart:
    """Give the cart with the quote of its checkout as the last one; the pieces it holds are available to it."""
    lines = {line.sku: line for line in agreed.lines}
    return replace(cart, lines=tuple(replace(line, last=_charged(line, lines[line.sku])) for line in cart.lines))


def _charged(line: CartLine, agreed: QuoteLine) -> Offer:
    return Offer(agreed.title, agreed.unit_price.amount, max(line.last.available, line.quantity))
