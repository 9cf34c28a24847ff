"""Carts in memory, with controls that make carts, stock and faults."""

from collections import Counter, deque
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from shop.kit.erasing import Receipt
from shop.kit.ids import uuid7
from shop.kit.money import Money, percentage, split
from shop.kit.problems import Conflict, Gone, Problem, Unavailable
from shop.kit.values import Line, Seconds
from shop.ports.cart import (
    CartEmpty,
    CartNotFound,
    CartOrdered,
    CartRecord,
    CartRecords,
    Carts,
    CheckoutInProgress,
    CheckoutOfAnotherCart,
    InsufficientStock,
    Owner,
    Quote,
    QuoteLine,
    RedemptionRecord,
)


class FakeCart(Struct):
    """A cart; `token` opens it when it is a guest's; `status` is open, checking_out or ordered."""

    id: UUID
    lines: dict[str, int]
    customer_id: UUID | None
    token: str
    status: str = "open"
    checkout_id: UUID | None = None
    coupon: str | None = None

    @property
    def owner(self) -> Owner:
        """Give who may check this cart out."""
        return Owner(customer_id=self.customer_id) if self.customer_id else Owner(cart_token=self.token)


class FakeCoupon(Struct):
    """So many percent off; `redeemed` has who redeemed it with which order, None for a guest."""

    percent: int
    max_redemptions: int | None = None
    max_per_customer: int | None = None
    redeemed: dict[UUID, UUID | None] = {}

    def applies(self, customer_id: UUID | None) -> bool:
        """Tell whether somebody may redeem it now."""
        mine = sum(one == customer_id for one in self.redeemed.values()) if customer_id else 0
        limits = ((len(self.redeemed), self.max_redemptions), (mine, self.max_per_customer))
        return all(limit is None or count < limit for count, limit in limits)


class FakeCheckout(Struct):
    """A checkout; `status` is begun, refused, committed or released; `holds` is what it holds in stock."""

    cart_id: UUID | None
    status: str
    quote: Quote | None = None
    missing: tuple[str, ...] = ()
    holds: bool = False


class FakeCarts(Carts):
    """Obeys the contract of Carts; `stock`, `coupon`, `cart`, `expire`, `fail_next` and `lose_next` are for tests."""

    def __init__(self, currency: str = "EUR") -> None:
        """Start without carts and without stock."""
        self.currency = currency
        self.carts: dict[UUID, FakeCart] = {}
        self.checkouts: dict[UUID, FakeCheckout] = {}
        self.coupons: dict[str, FakeCoupon] = {}
        self.available: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.sold: Counter[str] = Counter()
        self.prices: dict[str, int] = {}
        self.restocks: dict[UUID, tuple[UUID, dict[str, int]]] = {}
        self.calls: list[str] = []
        self.erased: dict[UUID, Counter[str]] = {}
        self._faults: deque[tuple[Problem, bool]] = deque()

    def stock(self, sku: str, quantity: int, price: int = 1000) -> None:
        """Sell a SKU at this price in minor units, with so many pieces available."""
        self.available[sku], self.prices[sku] = quantity, price

    def price(self, sku: str, price: int) -> None:
        """Change the price of a SKU, in minor units."""
        self.prices[sku] = price

    def coupon(self, code: str, percent: int, *, max_redemptions: int | None = None, max_per_customer: int | None = None) -> None:
        """Make a coupon; its code is in upper case."""
        self.coupons[code] = FakeCoupon(percent, max_redemptions, max_per_customer)

    def cart(self, lines: dict[str, int], customer_id: UUID | None = None, coupon: str | None = None) -> FakeCart:
        """Make an open cart; without a customer it is a guest's."""
        cart = FakeCart(uuid7(), dict(lines), customer_id, f"token-{uuid7()}", coupon=coupon)
        self.carts[cart.id] = cart
        return cart

    def expire(self, id: UUID) -> None:
        """Let the hard limit of products pass for a checkout: nothing is held any more and its commit is Gone."""
        self._give_back(self.checkouts[id])

    def fail_next(self, problem: Problem | None = None, times: int = 1) -> None:
        """Let the next calls fail before they do anything; Unavailable if not told otherwise."""
        self._faults.extend([(problem or Unavailable("carts failed"), False)] * times)

    def lose_next(self, times: int = 1) -> None:
        """Let the next calls do their work, but lose their answers: the caller gets Unavailable."""
        self._faults.extend([(Unavailable("the answer was lost"), True)] * times)

    async def begin(self, *, id: UUID, cart_id: UUID, owner: Owner, ttl: Seconds) -> Quote:
        """Lock the cart, hold its stock and give the quote."""
        fault = self._called("begin")
        quote = self._begin(id, cart_id, owner)
        if fault:
            raise fault
        return quote

    async def commit(self, *, id: UUID) -> None:
        """Sell what is held and close the cart as ordered."""
        fault = self._called("commit")
        checkout = self.checkouts.get(id)
        if checkout is None or checkout.quote is None or not (checkout.holds or checkout.status == "committed"):
            raise Gone
        if checkout.status == "begun":
            for line in checkout.quote.lines:
                self.held[line.sku] -= line.quantity
                self.sold[line.sku] += line.quantity
            checkout.status, checkout.holds = "committed", False
            self.carts[checkout.quote.cart_id].status = "ordered"
        if fault:
            raise fault

    async def release(self, *, id: UUID) -> None:
        """Give the stock back, unlock the cart and leave a tombstone."""
        fault = self._called("release")
        checkout = self.checkouts.setdefault(id, FakeCheckout(None, "released"))
        if checkout.status != "committed":
            self._give_back(checkout)
            checkout.status = "released"
            for coupon in self.coupons.values():
                coupon.redeemed.pop(id, None)
            self._unlock(id, checkout.cart_id)
        if fault:
            raise fault

    async def restock(self, *, restock_id: UUID, id: UUID, lines: list[Line]) -> None:
        """Take pieces of a committed checkout back into stock."""
        fault = self._called("restock")
        wanted: Counter[str] = Counter()
        for line in lines:
            wanted[line.sku] += line.quantity
        if restock_id not in self.restocks:
            self._check_restock(id, wanted)
            self.restocks[restock_id] = (id, wanted)
            self.available.update(wanted)
        elif self.restocks[restock_id] != (id, wanted):
            raise Conflict("this restock id was used for something else")
        if fault:
            raise fault

    async def records(self, *, customer_id: UUID) -> CartRecords:
        """Give a customer's carts and what they redeemed."""
        fault = self._called("records")
        if fault:
            raise fault
        mine = [cart for cart in self.carts.values() if cart.customer_id == customer_id]
        made_at = datetime.now(UTC)
        redeemed = [(code, order) for code, coupon in self.coupons.items() for order, who in coupon.redeemed.items() if who == customer_id]
        return CartRecords(
            [CartRecord(cart.id, cart.status, made_at, [Line(*line) for line in cart.lines.items()], cart.coupon) for cart in mine],
            [RedemptionRecord(code, order, made_at) for code, order in redeemed],
        )

    async def erase(self, *, customer_id: UUID) -> Receipt:
        """Forget a customer."""
        fault = self._called("erase")
        counts = self.erased.setdefault(customer_id, Counter(open_carts=0, ordered_carts=0, redemptions=0, kept_answers=0))
        for cart in [cart for cart in self.carts.values() if cart.customer_id == customer_id]:
            if cart.status == "open":
                del self.carts[cart.id]
            elif cart.status == "ordered":
                cart.customer_id = None
            else:
                continue
            counts[f"{cart.status}_carts"] += 1
        for coupon in self.coupons.values():
            for order in [order for order, who in coupon.redeemed.items() if who == customer_id]:
                coupon.redeemed[order] = None
                counts["redemptions"] += 1
        if fault:
            raise fault
        waiting = sum(cart.customer_id == customer_id for cart in self.carts.values())
        return Receipt("cart", datetime.now(UTC), dict(counts), waiting)

    def _called(self, name: str) -> Problem | None:
        self.calls.append(name)
        if not self._faults:
            return None
        problem, after = self._faults.popleft()
        if not after:
            raise problem
        return problem

    def _begin(self, id: UUID, cart_id: UUID, owner: Owner) -> Quote:
        cart = self.carts.get(cart_id)
        if cart is None or not (owner.customer_id == cart.customer_id if cart.customer_id else owner.cart_token == cart.token):
            raise CartNotFound
        known = self.checkouts.get(id)
        if known is not None:
            return self._again(known, cart_id)
        if cart.status == "ordered":
            raise CartOrdered(order_id=cart.checkout_id)
        if cart.status == "checking_out":
            raise CheckoutInProgress(order_id=cart.checkout_id)
        if not cart.lines:
            raise CartEmpty
        missing = tuple(sorted(sku for sku, quantity in cart.lines.items() if self.available[sku] < quantity))
        if missing:
            self.checkouts[id] = FakeCheckout(cart_id, "refused", missing=missing)
            raise InsufficientStock(skus=list(missing))
        return self._hold(id, cart, owner.customer_id)

    def _again(self, known: FakeCheckout, cart_id: UUID) -> Quote:
        if known.status == "released":
            raise Gone
        if known.cart_id != cart_id:
            raise CheckoutOfAnotherCart
        if known.quote is None:
            raise InsufficientStock(skus=list(known.missing))
        return known.quote

    def _hold(self, id: UUID, cart: FakeCart, customer_id: UUID | None) -> Quote:
        coupon = self.coupons.get(cart.coupon) if cart.coupon else None
        if coupon is not None and coupon.applies(customer_id):
            coupon.redeemed[id] = customer_id
            quote = self._quote(cart, coupon.percent, cart.coupon)
        else:
            quote = self._quote(cart)
        for line in quote.lines:
            self.available[line.sku] -= line.quantity
            self.held[line.sku] += line.quantity
        self.checkouts[id] = FakeCheckout(cart.id, "begun", quote, holds=True)
        cart.status, cart.checkout_id = "checking_out", id
        return quote

    def _quote(self, cart: FakeCart, percent: int = 0, coupon: str | None = None) -> Quote:
        totals = {sku: self.prices[sku] * quantity for sku, quantity in sorted(cart.lines.items())}
        discount = percentage(sum(totals.values()), percent)
        lines = [
            QuoteLine(sku, sku.title(), cart.lines[sku], self._money(self.prices[sku]), self._money(total), self._money(off))
            for (sku, total), off in zip(totals.items(), split(discount, list(totals.values())), strict=True)
        ]
        return Quote(cart.id, cart.customer_id, lines, self._money(sum(totals.values())), self._money(discount), coupon)

    def _money(self, amount: int) -> Money:
        return Money(amount, self.currency)

    def _give_back(self, checkout: FakeCheckout) -> None:
        if checkout.holds and checkout.quote is not None:
            for line in checkout.quote.lines:
                self.held[line.sku] -= line.quantity
                self.available[line.sku] += line.quantity
            checkout.holds = False

    def _unlock(self, id: UUID, cart_id: UUID | None) -> None:
        cart = self.carts.get(cart_id) if cart_id else None
        if cart is not None and cart.checkout_id == id:
            cart.status, cart.checkout_id = "open", None

    def _check_restock(self, id: UUID, wanted: Counter[str]) -> None:
        checkout = self.checkouts.get(id)
        if checkout is None or checkout.status != "committed" or checkout.quote is None:
            raise Conflict("only what was sold can be taken back")
        back: Counter[str] = Counter(wanted)
        for order, lines in self.restocks.values():
            if order == id:
                back.update(lines)
        sold = Counter({line.sku: line.quantity for line in checkout.quote.lines})
        if back - sold:
            raise Conflict("more would come back than was sold")
