"""The queries of cart."""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from shop.kit.idempotency import KEPT
from shop.modules.cart.coupon_store import CouponStore
from shop.modules.cart.coupons import CouponReason
from shop.modules.cart.domain import Cart, CartLine, CartStatus, Offer
from shop.modules.cart.tables import CART_LINES, CARTS, CHECKOUTS, IDEMPOTENCY_KEYS, REDEMPTIONS
from shop.ports.cart import Quote

CART = (CARTS.c.id, CARTS.c.version, CARTS.c.status, CARTS.c.customer_id, CARTS.c.currency, CARTS.c.checkout_id, CARTS.c.coupon)
LINE = (CART_LINES.c.sku, CART_LINES.c.position, CART_LINES.c.quantity, CART_LINES.c.added_price)
QUOTED = (CART_LINES.c.quoted_title, CART_LINES.c.quoted_price, CART_LINES.c.quoted_available, CART_LINES.c.quoted_categories)
WITH_LINES = sa.select(*CART, *LINE, *QUOTED).select_from(CARTS.outerjoin(CART_LINES)).order_by(CART_LINES.c.position)
THIS_LINE = (CART_LINES.c.cart_id == sa.bindparam("of_cart")) & (CART_LINES.c.sku == sa.bindparam("of_sku"))


class CheckoutStatus(StrEnum):
    """Beginning: it may hold stock already. Begun: it does. Refused: there was too little. Released is the tombstone."""

    BEGINNING = "beginning"
    BEGUN = "begun"
    REFUSED = "refused"
    COMMITTED = "committed"
    RELEASED = "released"


class Checkout(Struct, frozen=True):
    """What became of an order's id: the quote it was given, and why without a coupon, or the SKUs of which there were too few."""

    id: UUID
    cart_id: UUID | None
    status: CheckoutStatus
    quote: Quote | None = None
    missing: list[str] | None = None
    coupon_reason: CouponReason | None = None


class CartStore(CouponStore):
    """The carts within one unit of work."""

    async def cart(self, id: UUID) -> Cart | None:
        """Give a cart with its lines."""
        return _cart(await self.rows(WITH_LINES.where(CARTS.c.id == id)))

    async def customer_cart(self, customer_id: UUID) -> Cart | None:
        """Give the one cart of a customer that is not ordered yet."""
        return _cart(await self.rows(WITH_LINES.where(CARTS.c.customer_id == customer_id, CARTS.c.status != CartStatus.ORDERED)))

    async def locked(self, id: UUID) -> Cart | None:
        """Give a cart that nobody else can change before this transaction ends."""
        found = await self.scalar(sa.select(CARTS.c.id).where(CARTS.c.id == id).with_for_update())
        return await self.cart(id) if found else None

    async def locked_customer_cart(self, customer_id: UUID) -> Cart | None:
        """Give a customer's cart that nobody else can change before this transaction ends."""
        mine = (CARTS.c.customer_id == customer_id) & (CARTS.c.status != CartStatus.ORDERED)
        found: UUID | None = await self.scalar(sa.select(CARTS.c.id).where(mine).with_for_update())
        return await self.cart(found) if found else None

    async def add(self, cart: Cart) -> bool:
        """Keep a new cart without lines; False when its customer has one."""
        now = await self.now()
        columns = {column.name: getattr(cart, column.name) for column in CART}
        return bool(await self.change(self.insert_once(CARTS).values(**columns, created_at=now, updated_at=now)))

    async def save(self, before: Cart, after: Cart) -> Cart:
        """Record what changed in a locked cart; a new version, unless only the quotes of its lines are new."""
        await self._save_lines(before, after)
        if _contents(before) == _contents(after):
            return after
        saved = replace(after, version=before.version + 1)
        values = {"version": saved.version, "customer_id": saved.customer_id, "coupon": saved.coupon, "updated_at": await self.now()}
        await self.change(CARTS.update().where(CARTS.c.id == saved.id).values(**values))
        return saved

    async def note_quotes(self, before: Cart, after: Cart) -> None:
        """Keep the last quote of the lines where it is a new one."""
        known = {line.sku: line.last for line in before.lines}
        news = [_keys(after, line) | _quoted(line.last) for line in after.lines if line.last != known.get(line.sku)]
        if news:
            await self.change(CART_LINES.update().where(THIS_LINE), news)

    async def delete(self, cart: Cart) -> None:
        """Forget a cart and its lines."""
        await self.change(CARTS.delete().where(CARTS.c.id == cart.id))

    async def lock_for_checkout(self, cart: Cart, checkout_id: UUID) -> None:
        """Lock an open cart for a checkout."""
        locked = {"status": CartStatus.CHECKING_OUT, "checkout_id": checkout_id}
        await self.change(CARTS.update().where(CARTS.c.id == cart.id, CARTS.c.status == CartStatus.OPEN).values(**locked))

    async def unlock(self, checkout: Checkout) -> None:
        """Open the cart again that this checkout locked; nothing when it did not, or no longer does."""
        opened = {"status": CartStatus.OPEN, "checkout_id": None, "updated_at": await self.now()}
        await self.change(CARTS.update().where(_locked_by(checkout)).values(**opened))

    async def close(self, checkout: Checkout) -> None:
        """Close the cart of a committed checkout as ordered."""
        closed = {"status": CartStatus.ORDERED, "updated_at": await self.now()}
        await self.change(CARTS.update().where(_locked_by(checkout)).values(**closed))

    async def checkout(self, id: UUID) -> Checkout | None:
        """Give what is known of a checkout."""
        columns = (CHECKOUTS.c.id, CHECKOUTS.c.cart_id, CHECKOUTS.c.status, CHECKOUTS.c.quote, CHECKOUTS.c.missing, CHECKOUTS.c.coupon_reason)
        row = await self.row(sa.select(*columns).where(CHECKOUTS.c.id == id))
        if row is None:
            return None
        quote = None if row.quote is None else msgspec.convert(row.quote, Quote)
        reason = None if row.coupon_reason is None else CouponReason(row.coupon_reason)
        return Checkout(row.id, row.cart_id, CheckoutStatus(row.status), quote, row.missing, reason)

    async def add_checkout(self, checkout: Checkout, ttl: int | None = None) -> bool:
        """Keep a new checkout, to end by itself after so many seconds; False when its id is known already."""
        now = await self.now()
        expires_at = None if ttl is None else now + timedelta(seconds=ttl)
        values = {"id": checkout.id, "cart_id": checkout.cart_id, "status": checkout.status, "expires_at": expires_at, "created_at": now}
        return bool(await self.change(self.insert_once(CHECKOUTS).values(**values)))

    async def move(self, id: UUID, sources: Sequence[CheckoutStatus], target: CheckoutStatus, **values: Any) -> bool:
        """Move a checkout on if it is in one of these states; compare and set."""
        mine = (CHECKOUTS.c.id == id) & CHECKOUTS.c.status.in_(sources)
        return bool(await self.change(CHECKOUTS.update().where(mine).values(status=target, **values)))

    async def move_overdue(self, id: UUID, sources: Sequence[CheckoutStatus], target: CheckoutStatus) -> bool:
        """Move a checkout on as `move` does, if its time is over."""
        mine = (CHECKOUTS.c.id == id) & CHECKOUTS.c.status.in_(sources) & (CHECKOUTS.c.expires_at < await self.now())
        return bool(await self.change(CHECKOUTS.update().where(mine).values(status=target)))

    async def lock_beginning(self, id: UUID) -> bool:
        """Keep a checkout from being ended before this transaction ends; False when it is not beginning any more."""
        mine = (CHECKOUTS.c.id == id) & (CHECKOUTS.c.status == CheckoutStatus.BEGINNING)
        return await self.scalar(sa.select(CHECKOUTS.c.id).where(mine).with_for_update()) is not None

    async def begun(self, id: UUID, quote: Quote, coupon_reason: CouponReason | None, ttl: int) -> None:
        """Record the quote of a checkout that is locked beginning; its time begins anew, as that of the stock did."""
        values = {"quote": quote, "coupon_reason": coupon_reason, "expires_at": await self.now() + timedelta(seconds=ttl)}
        await self.move(id, [CheckoutStatus.BEGINNING], CheckoutStatus.BEGUN, **values)

    async def leave_to_sales(self, id: UUID) -> bool:
        """Take away the time limit of a begun checkout: it is being sold, and only sales may still end it."""
        return await self.move(id, [CheckoutStatus.BEGUN], CheckoutStatus.BEGUN, expires_at=None)

    async def overdue_checkouts(self, limit: int) -> list[UUID]:
        """Name checkouts whose time is over while they still lock a cart."""
        locks = (CARTS.c.checkout_id == CHECKOUTS.c.id) & (CARTS.c.status == CartStatus.CHECKING_OUT)
        overdue = sa.select(CHECKOUTS.c.id).join(CARTS, locks).where(CHECKOUTS.c.expires_at < await self.now()).limit(limit)
        return [row.id for row in await self.rows(overdue)]

    async def delete_abandoned(self, unchanged_for: timedelta, limit: int) -> int:
        """Forget open carts that nobody has changed for so long; gives how many."""
        old = (CARTS.c.status == CartStatus.OPEN) & (CARTS.c.updated_at < await self.now() - unchanged_for)
        some = sa.select(CARTS.c.id).where(old).order_by(CARTS.c.updated_at).limit(limit).with_for_update(skip_locked=True)
        return await self.change(CARTS.delete().where(CARTS.c.id.in_(some)))

    async def delete_tombstones(self, older_than: timedelta, limit: int) -> int:
        """Forget checkouts that ended without a sale so long ago that nobody can come back for them; gives how many."""
        ended = CHECKOUTS.c.status.in_((CheckoutStatus.RELEASED, CheckoutStatus.REFUSED)) & (CHECKOUTS.c.created_at < await self.now() - older_than)
        locks = sa.exists().where(CARTS.c.checkout_id == CHECKOUTS.c.id)
        some = [row.id for row in await self.rows(sa.select(CHECKOUTS.c.id).where(ended, ~locks).limit(limit).with_for_update(skip_locked=True))]
        for row in await self.rows(sa.select(REDEMPTIONS.c.checkout_id).where(REDEMPTIONS.c.checkout_id.in_(some))):
            await self.give_back(row.checkout_id)  # released by a process from before there were coupons, while containers were upgraded
        return await self.change(CHECKOUTS.delete().where(CHECKOUTS.c.id.in_(some)))

    async def delete_old_keys(self, limit: int) -> int:
        """Forget idempotency keys that are no longer kept; gives how many."""
        key = (IDEMPOTENCY_KEYS.c.scope, IDEMPOTENCY_KEYS.c.key)
        some = sa.select(*key).where(IDEMPOTENCY_KEYS.c.created_at < await self.now() - KEPT).limit(limit).with_for_update(skip_locked=True)
        return await self.change(IDEMPOTENCY_KEYS.delete().where(sa.tuple_(*key).in_(some)))

    async def _save_lines(self, before: Cart, after: Cart) -> None:
        old = {line.sku: line for line in before.lines} if before.id == after.id else {}
        new = {line.sku: line for line in after.lines}
        gone = [sku for sku in old if sku not in new]
        added = [line for sku, line in new.items() if sku not in old]
        changed = [line for sku, line in new.items() if sku in old and old[sku] != line]
        if gone:
            await self.change(CART_LINES.delete().where(CART_LINES.c.cart_id == after.id, CART_LINES.c.sku.in_(gone)))
        if added:
            await self.change(CART_LINES.insert(), [{"cart_id": after.id} | _line(line) for line in added])
        if changed:
            await self.change(CART_LINES.update().where(THIS_LINE), [_keys(after, line) | _line(line) for line in changed])


def _cart(rows: Sequence[sa.Row[Any]]) -> Cart | None:
    if not rows:
        return None
    first = rows[0]
    lines = tuple(_read_line(*row[len(CART) :]) for row in rows if row.sku is not None)
    return Cart(first.id, first.version, CartStatus(first.status), first.customer_id, first.currency, first.checkout_id, first.coupon, lines)


def _read_line(sku: str, position: int, quantity: int, added_price: int, title: str, price: int, available: int, categories: list[str]) -> CartLine:
    return CartLine(sku, position, quantity, added_price, Offer(title, price, available, tuple(categories)))


def _contents(cart: Cart) -> tuple[object, ...]:
    return (cart.customer_id, cart.coupon, *((line.sku, line.quantity) for line in cart.lines))


def _keys(cart: Cart, line: CartLine) -> dict[str, Any]:
    return {"of_cart": cart.id, "of_sku": line.sku}


def _line(line: CartLine) -> dict[str, Any]:
    return {"sku": line.sku, "position": line.position, "quantity": line.quantity, "added_price": line.added_price} | _quoted(line.last)


def _quoted(offer: Offer) -> dict[str, Any]:
    numbers = {"quoted_price": offer.price, "quoted_available": offer.available}
    return {"quoted_title": offer.title, "quoted_categories": offer.categories} | numbers


def _locked_by(checkout: Checkout) -> sa.ColumnElement[bool]:
    return (CARTS.c.id == checkout.cart_id) & (CARTS.c.checkout_id == checkout.id) & (CARTS.c.status == CartStatus.CHECKING_OUT)
