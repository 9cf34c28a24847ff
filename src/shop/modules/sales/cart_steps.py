"""The steps in which sales speaks to the cart: reserve, confirm, release."""

from datetime import datetime

from shop.kit.database import Database
from shop.kit.ids import uuid7
from shop.kit.problems import Conflict, Gone
from shop.modules.sales.domain import Order, Pause, RefundRow, RefundStatus
from shop.modules.sales.letters_of import owe_confirmation
from shop.modules.sales.pricing import Charge, charge, check
from shop.modules.sales.saga import Transitions, Work
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore
from shop.ports.cart import CartNotFound, Carts, Owner
from shop.settings import Checkout


class CartSteps(Transitions):
    """NEW, RESERVED, PAID, UNLOCKING and RELEASING."""

    def __init__(self, database: Database[SalesStore], carts: Carts, checkout: Checkout) -> None:
        """Speak to the cart through its port."""
        super().__init__(database)
        self.carts, self.checkout = carts, checkout

    async def new(self, work: Work) -> Pause | None:
        """Begin the cart's checkout, which holds the stock, and refuse what the customer did not agree to."""
        order = work.order
        if work.expired:
            return await self.move(work, State.RELEASING, event="expired")
        if order.cart_proof is not None and work.cart_token is None:
            return Pause(latest=order.expires_at)  # only a request of the guest can prove whose cart it is
        owner = Owner(customer_id=order.customer_id, cart_token=work.cart_token)
        try:
            quote = await self.carts.begin(id=order.id, cart_id=order.cart_id, owner=owner, ttl=int(self.checkout.hard_limit.total_seconds()))
            charged = charge(quote, order.terms)
            check(charged, order.terms.expected)
        except (CartNotFound, Conflict) as problem:
            return await self.move(work, State.RELEASING, event="refused", data={"code": problem.code}, refusal=problem.members())
        except Gone:
            return await self.move(work, State.RELEASING, event="refused", data={"code": Gone.code})
        return await self._reserve(work, charged, quote.coupon)

    async def _reserve(self, work: Work, charged: Charge, coupon: str | None) -> Pause | None:
        money = {name: getattr(charged, name) for name in ("currency", "subtotal", "discount", "shipping", "tax", "total")}
        async with self.database.write() as store:
            if await store.move(work.order, State.RESERVED, work.lease, data={"coupon": coupon} if coupon else None, **money):
                await store.add_lines(work.order.id, charged.lines)
        return None

    async def reserved(self, work: Work) -> Pause | None:
        """Write down that the money will be asked for, before it is; what costs nothing is paid already."""
        if work.expired:
            return await self.move(work, State.RELEASING, event="expired")
        if work.order.total == 0:
            return await self.move(work, State.PAID)
        return await self.move(work, State.PAYING, event="awaiting_payment", asked_at=work.now)

    async def paid(self, work: Work) -> Pause | None:
        """Sell what is held and confirm the order together with its mail; give the money back if nothing is held any more."""
        try:
            await self.carts.commit(id=work.order.id)
        except Gone:
            return await self._refund(work)
        async with self.database.write() as store:
            if await store.move(work.order, State.CONFIRMED):
                await owe_confirmation(store, work.order, await store.lines(work.order.id), await store.coupon(work.order))
        return None

    async def _refund(self, work: Work) -> Pause | None:
        async with self.database.write() as store:
            if await store.move(work.order, State.REFUNDING, work.lease, data={"reason": "stock_gone"}, refunded=work.order.captured):
                await store.add_refund(closing(work.order, await store.now(), "other"), [], queued=False)
        return None

    async def unlocking(self, work: Work) -> Pause | None:
        """Unlock the cart of an order whose money went back."""
        await self.carts.release(id=work.order.id)
        if work.order.left:
            return await self.review(work, "refund_failed")
        return await self.move(work, State.REFUNDED)

    async def releasing(self, work: Work) -> Pause | None:
        """Give stock and cart back; no money is on its way any more."""
        await self.carts.release(id=work.order.id)
        return await self.move(work, State.CANCELLED)


def closing(order: Order, now: datetime, reason: str) -> RefundRow:
    """Make the refund of all that is left of a payment, which ends the order."""
    return RefundRow(
        uuid7(), order.id, order.left, order.paid_currency or order.currency, reason, None, RefundStatus.PENDING, None,
        closing=True, restocked=True, created_at=now, tries=0,
    )  # fmt: skip
