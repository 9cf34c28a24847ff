"""Sales in a world of fakes: everything that its tests need, and people who buy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

from tests.fakes.cart import FakeCart, FakeCarts
from tests.fakes.payments import FakePayments, FakeWebhooks
from tests.fakes.users import FakeCustomers
from tests.sales.shaky import Network, Shaky

from shop.kit.address import Address
from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.idempotency import IdempotencyKeys, Once
from shop.kit.identity import Caller, Role
from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.secrets import Keyring
from shop.kit.values import Line
from shop.modules.sales.cancelling import Cancelling
from shop.modules.sales.checkout import Advance
from shop.modules.sales.domain import FullOrder, Order
from shop.modules.sales.history import History
from shop.modules.sales.personal import PersonalOrders
from shop.modules.sales.reconcile import Reconciliation
from shop.modules.sales.refunds import Refunds
from shop.modules.sales.service import NewOrder, Orders
from shop.modules.sales.shipments import Shipments
from shop.modules.sales.states import State
from shop.modules.sales.store import SalesStore
from shop.modules.sales.tables import idempotency_keys, secrets
from shop.modules.sales.webhook import Webhooks
from shop.settings import Checkout, Commerce, ShippingMethod

HOME = Address("Ana Ruiz", "Calle Mayor 1", "28013", "Madrid", "ES")
METHODS = (
    ShippingMethod("standard", {"en": "Standard", "es": "Estándar"}, 495, free_from=5000),
    ShippingMethod("local", {"en": "Courier"}, 0, countries=("PT",)),
    ShippingMethod("free", {"en": "Pick up"}, 0),
)
COMMERCE = Commerce(tax_rates={"ES": Decimal("0.21")}, shipping_methods=METHODS)
STAFF = Caller(user_id=uuid7(), roles=frozenset({Role.STAFF}))
LEASE = timedelta(minutes=15)


class World:
    """Sales with fake neighbours behind a network that may lose calls."""

    def __init__(self, database: Database[SalesStore], clock: Clock) -> None:
        """Start with empty fakes."""
        self.database, self.clock = database, clock
        self.network = Network()
        self.received: dict[str, int] = {}
        self.hard_limits: set[UUID] = set()
        self.carts, self.payments, self.customers, self.verifier = FakeCarts(), FakePayments(clock), FakeCustomers(), FakeWebhooks()
        self.keys = IdempotencyKeys(database, idempotency_keys)
        self.keyring = Keyring(database, secrets)
        self.start()

    def start(self) -> None:
        """Start the process of sales, or start it again after it was killed."""
        carts = cast(Any, Shaky(self.carts, "carts", self.network))
        payments = cast(Any, Shaky(self.payments, "payments", self.network))
        self.refunds = Refunds(self.database, carts, payments)
        self.advance = Advance(self.database, carts, payments, self.refunds, Checkout(), patience=0.2)
        customers = cast(Any, Shaky(self.customers, "customers", self.network))
        self.orders = Orders(self.database, self.keyring, customers, self.advance, COMMERCE, Checkout())
        self.cancelling = Cancelling(self.database, self.advance, self.refunds)
        self.shipments = Shipments(self.database)
        self.webhooks = Webhooks(self.database, self.verifier, self.advance, self.refunds)
        self.reconciliation = Reconciliation(self.database, payments, self.advance)
        self.history = History(self.database, PersonalOrders(self.database, carts))

    def stock(self, sku: str, quantity: int, price: int = 1000) -> None:
        """Sell a SKU."""
        self.carts.stock(sku, quantity, price)
        self.received[sku] = self.received.get(sku, 0) + quantity

    def guest(self, lines: dict[str, int] | None = None) -> "Buyer":
        """Give a guest with a cart."""
        return Buyer(self, self.carts.cart(lines or {"mug": 2}))

    def customer(self, lines: dict[str, int] | None = None, customer_id: UUID | None = None) -> "Buyer":
        """Give a customer with a cart."""
        return Buyer(self, self.carts.cart(lines or {"mug": 2}, customer_id or uuid7()))

    async def order(self, order_id: UUID) -> Order:
        """Give an order as it is stored."""
        return await self.orders.order(order_id)

    async def full(self, order_id: UUID) -> FullOrder:
        """Give an order with all that belongs to it."""
        return await self.orders.full(await self.order(order_id))

    async def all_orders(self) -> list[Order]:
        """Give every order."""
        async with self.database.read() as store:
            return await store.created_since(self.clock.now() - timedelta(days=4000), None, 10_000)

    async def once(self, scope: str, key: str | None = None) -> Once:
        """Give the right to work on a key, as the edge does."""
        begun = await self.keys.begin(scope, key or uuid4().hex, "same")
        assert isinstance(begun, Once)
        return begun

    async def tell(self, payment_id: str, type: str = "payment_intent.succeeded", id: str | None = None) -> None:
        """Let the provider call the webhook."""
        news = await self.webhooks.receive(self.verifier.event(type, payment_id, id), "signed")
        await self.webhooks.look(news)

    async def pays(self, order_id: UUID, *, webhook: bool = True) -> Order:
        """Let the customer pay an order."""
        payment = self.payments.succeed(order_id)
        if webhook:
            await self.tell(payment.id)
        return await self.order(order_id)

    async def work(self) -> None:
        """Do all that is due now."""
        while await self.advance.run() | await self.refunds.run():
            pass

    async def passes(self, duration: timedelta, step: timedelta = timedelta(seconds=30)) -> None:
        """Let time pass, with the jobs running."""
        end = self.clock.now() + duration
        while self.clock.now() < end:
            self.clock.advance(step)
            await self.work()

    async def confirmed(self, buyer: "Buyer | None" = None) -> Order:
        """Give an order that is paid and confirmed."""
        order = await (buyer or self.guest()).buys()
        order = await self.pays(order.id)
        assert order.state is State.CONFIRMED
        return order

    async def refund(self, order_id: UUID, amount: int | None = None, *restock: Line) -> UUID:
        """Let staff refund."""
        money = None if amount is None else Money(amount, "EUR")
        return await self.refunds.request(order_id, money, "other", None, list(restock), await self.once(f"refund {order_id}"))


class Buyer:
    """Somebody with a cart."""

    def __init__(self, world: World, cart: FakeCart) -> None:
        """Buy in this world."""
        self.world, self.cart = world, cart

    @property
    def caller(self) -> Caller:
        """Give who calls."""
        if self.cart.customer_id is not None:
            return Caller(user_id=self.cart.customer_id, roles=frozenset({Role.CUSTOMER}))
        return Caller(cart_token=self.cart.token)

    def wish(self, expected: int | None = None, method: str = "standard", **changes: Any) -> NewOrder:
        """Give the order that this buyer would place, at the right total unless told otherwise."""
        goods = sum(self.world.carts.prices.get(sku, 0) * quantity for sku, quantity in self.cart.lines.items())
        shipping = 495 if method == "standard" and goods < 5000 else 0
        total = Money(goods + shipping if expected is None else expected, "EUR")
        values: dict[str, Any] = {"email": "ana@example.com", "locale": "es", "expected_total": total} | changes
        return NewOrder(cart_id=self.cart.id, shipping_address=HOME, shipping_method=method, **values)

    async def buys(self, expected: int | None = None, key: str | None = None, method: str = "standard", **changes: Any) -> Order:
        """Place the order, under a key of its own unless told otherwise."""
        once = await self.world.once(f"orders {self.caller.scope}", key)
        try:
            return await self.world.orders.place(self.wish(expected, method, **changes), self.caller, once)
        except Exception:
            await self.world.keys.let_go(once)
            raise


@asynccontextmanager
async def open_world(url: str, clock: Clock) -> AsyncIterator[World]:
    """Open a world on a database."""
    database = Database(url, "sales", SalesStore, clock)
    try:
        yield World(database, clock)
    finally:
        await database.dispose()
