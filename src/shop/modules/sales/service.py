"""What people do with orders: place one, read one, list them."""

import hmac
from decimal import Decimal
from uuid import UUID

from shop.kit.address import Address
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.identity import Caller
from shop.kit.ids import capability_token, is_capability, uuid7
from shop.kit.money import Money
from shop.kit.paging import page
from shop.kit.problems import Invalid, Unauthenticated, Unavailable
from shop.kit.secrets import Keyring
from shop.kit.values import Body, Email, Locale, Text
from shop.modules.sales.checkout import Advance
from shop.modules.sales.domain import Draft, FullOrder, Order, Terms, may_see, spoken
from shop.modules.sales.list_rows import Wanted, place_of
from shop.modules.sales.pricing import shipping_method
from shop.modules.sales.problems import OrderNotFound, refusal
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore
from shop.ports.cart import CartNotFound, CheckoutInProgress
from shop.ports.users import CustomerNotFound, Customers
from shop.settings import Checkout, Commerce


class NewOrder(Body, frozen=True):
    """An order to be placed; `expected_total` is what the customer agreed to pay."""

    cart_id: UUID
    shipping_address: Address
    shipping_method: Text
    expected_total: Money
    email: Email | None = None
    billing_address: Address | None = None
    locale: Locale | None = None


class Orders:
    """Orders as people see them."""

    def __init__(
        self, database: Database[SalesStore], keyring: Keyring, customers: Customers, advance: Advance, commerce: Commerce, checkout: Checkout
    ) -> None:
        """Ask users who a customer is."""
        self.database, self.keyring, self.customers = database, keyring, customers
        self._advance, self.commerce, self.checkout = advance, commerce, checkout

    async def place(self, data: NewOrder, caller: Caller, once: Once) -> Order:
        """Place an order and bring it to where the customer pays; raises the problem that it is refused with, or Unavailable: then repeat it."""
        draft = await self._draft(data, caller)
        order_id, lease = await self._write(draft, once)
        if lease is not None:
            await self._advance.work(order_id, lease, caller.cart_token)
        else:
            await self._advance.settle(order_id, caller.cart_token)
        order = await self.order(order_id)
        if order.refusal is not None and order.state is State.CANCELLED:
            raise refusal(order.refusal)
        if order.refusal is not None or order.state in (State.NEW, State.RESERVED) or (order.state is State.PAYING and order.payment_id is None):
            raise Unavailable("the order is not ready yet; try again with the same key")
        return order

    async def _draft(self, data: NewOrder, caller: Caller) -> Draft:
        country = data.shipping_address.country
        method = shipping_method(data.shipping_method, country, self.commerce)
        if caller.customer_id is None and caller.cart_token is None:
            raise CartNotFound
        email, locale = await self._person(data, caller)
        rate = self.commerce.tax_rates.get(country, Decimal(0))
        return Draft(
            cart_id=data.cart_id,
            cart_proof=await self._proof(caller),
            customer_id=caller.customer_id,
            email=email,
            locale=spoken(locale, self.commerce.locales),
            shipping_address=data.shipping_address,
            billing_address=data.billing_address,
            terms=Terms(method.code, method.title, method.price, method.free_from, rate, data.expected_total),
            currency=self.commerce.currency,
        )

    async def _person(self, data: NewOrder, caller: Caller) -> tuple[str, str | None]:
        if data.email is not None and (data.locale is not None or caller.customer_id is None):
            return data.email, data.locale
        if caller.customer_id is None:
            raise Invalid.field("email", "is required of a guest")
        try:
            customer = await self.customers.customer(id=caller.customer_id)
        except CustomerNotFound as problem:
            raise Unauthenticated from problem
        return data.email or customer.email, data.locale or customer.locale

    async def _proof(self, caller: Caller) -> bytes | None:
        if caller.cart_token is None:
            return None
        return hmac.digest(await self.keyring.key("cart_proof"), caller.cart_token.encode("utf-8", "replace"), "sha256")

    async def _write(self, draft: Draft, once: Once) -> tuple[UUID, UUID | None]:
        """Write order and idempotency key in one transaction; gives the order's id, and its lease when it is new."""
        new_id = uuid7()
        async with self.database.write() as store:
            if not await once.first(store, subject=new_id):
                return once.subject or new_id, None
            lease = await store.add_order(new_id, draft, self.checkout.lease)
            if lease is None:
                raise _refuse(await store.live_order(draft.cart_id), draft)
        return new_id, lease

    async def order(self, order_id: UUID) -> Order:
        """Give an order; raises OrderNotFound."""
        async with self.database.read() as store:
            order = await store.order(order_id)
        if order is None:
            raise OrderNotFound
        return order

    async def visible(self, order_id: UUID, caller: Caller) -> Order:
        """Give an order that the caller may see; raises OrderNotFound."""
        order = await self.order(order_id)
        key = await self.keyring.key("capability") if caller.order_token is not None else b""
        if not may_see(order, caller, is_capability(key, "order", order_id, caller.order_token)):
            raise OrderNotFound
        return order

    async def full(self, order: Order) -> FullOrder:
        """Give an order with all that belongs to it."""
        async with self.database.read() as store:
            return await store.full(order)

    async def found(self, wanted: Wanted, limit: int, cursor: str | None) -> tuple[list[Order], str | None]:
        """Give a page of orders, newest first, and the cursor of the next one."""
        place = place_of(cursor)
        async with self.database.read() as store:
            rows = await store.found(wanted, place, limit)
        return page(rows, limit, lambda order: (order.seq,))

    async def token(self, order_id: UUID) -> str:
        """Derive the token of a guest's order."""
        return capability_token(await self.keyring.key("capability"), "order", order_id)


def _refuse(live: Order | None, draft: Draft) -> Exception:
    """Tell the owner of the cart which order has it; tell nobody else anything."""
    if live is None:
        return Unavailable("the cart's checkout has just ended; try again")
    same_guest = live.cart_proof is not None and draft.cart_proof is not None and hmac.compare_digest(live.cart_proof, draft.cart_proof)
    if same_guest or (live.customer_id is not None and live.customer_id == draft.customer_id):
        return CheckoutInProgress(order_id=live.id)
    return Unavailable("the cart's owner is not known yet; try again") if live.state is State.NEW else CartNotFound()
