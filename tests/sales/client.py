"""The sales module behind the edge, and people who send requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import httpx
from litestar import Litestar
from tests.fakes.cart import FakeCart, FakeCarts
from tests.fakes.mail import FakeMail
from tests.fakes.payments import FakePayments, FakeWebhooks
from tests.fakes.users import FakeCustomers
from tests.sales.world import COMMERCE

from shop.app import assemble
from shop.kit.clock import Clock
from shop.kit.identity import Verifier
from shop.kit.ids import uuid7
from shop.kit.problems import Unauthenticated
from shop.kit.secret import Secret
from shop.ports.cart import Carts
from shop.ports.mail import Mail
from shop.ports.payments import Payments, WebhookVerifier
from shop.ports.users import Customers
from shop.settings import Databases, Runtime, Settings, Smtp, Stripe

HOME = {"name": "Ana Ruiz", "line1": "Calle Mayor 1", "postal_code": "28013", "city": "Madrid", "country": "ES"}
ORDER = {
    "id", "number", "status", "lines", "subtotal", "discount", "shipping", "tax", "total", "paid", "refunded", "email", "shipping_address",
    "billing_address", "shipments", "refunds", "placed_at", "events", "payment",
}  # fmt: skip
ITEM = {"id", "number", "status", "placed_at", "total", "email"}
LINE = {"sku", "title", "quantity", "unit_price", "line_total", "discount", "tax", "refunded", "shipped"}


def euros(amount: int) -> dict[str, Any]:
    """Write an amount as clients do."""
    return {"amount": amount, "currency": "EUR"}


class Tokens(Verifier):
    """Takes `customer-1` for a customer and `staff` for staff."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self.ids: dict[str, UUID] = {}

    async def verify(self, token: str) -> tuple[UUID, frozenset[str]]:
        """Give the same id for the same token."""
        role = token.partition("-")[0]
        if role not in ("customer", "staff"):
            raise Unauthenticated
        return self.ids.setdefault(token, uuid7()), frozenset([role])


class Shop:
    """The sales module behind the edge, its neighbours in memory, and somebody who sends requests."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Assemble sales alone."""
        self.carts, self.payments, self.customers, self.mail, self.tokens = FakeCarts(), FakePayments(clock), FakeCustomers(), FakeMail(), Tokens()
        self.verifier, self.clock = FakeWebhooks(), clock
        settings = Settings(
            runtime=Runtime(modules=("sales",)),
            databases=Databases(url=url),
            commerce=COMMERCE,
            stripe=Stripe(Secret("sk_test_1"), "pk_test_1", Secret("whsec_1")),
            smtp=Smtp("localhost", 25, "shop@example.com"),
        )
        world = [(Carts, self.carts), (Payments, self.payments), (Customers, self.customers), (Mail, self.mail), (WebhookVerifier, self.verifier)]
        self.app = assemble(["sales"], settings, *world, (Clock, clock), (Verifier, self.tokens), run_jobs=False)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, self.app)), base_url="http://shop/api/v1")
        self.carts.stock("mug", 100)

    async def send(self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> httpx.Response:
        """Send a request as a customer or staff (`token`)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        return await self.client.request(method, path, json=body, headers=sent)

    def wish(self, cart: FakeCart, **changes: Any) -> dict[str, Any]:
        """Give the body that orders two mugs."""
        body = {"cart_id": str(cart.id), "shipping_address": HOME, "shipping_method": "standard", "expected_total": euros(2495)}
        return body | {"email": "ana@example.com"} | changes

    async def place(self, cart: FakeCart, key: str | None = None, token: str | None = None, **changes: Any) -> httpx.Response:
        """Order a cart."""
        headers = {"Idempotency_Key": key or str(uuid7())} | ({} if token else {"X_Cart_Token": cart.token})
        return await self.send("POST", "/orders", self.wish(cart, **changes), token, **headers)

    async def guest_order(self) -> dict[str, Any]:
        """Give an order of a guest that waits for its payment."""
        answer = await self.place(self.carts.cart({"mug": 2}))
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    async def confirmed(self) -> dict[str, Any]:
        """Give an order of a guest that is confirmed."""
        order = await self.guest_order()
        payment = self.payments.succeed(UUID(order["id"]))
        await self.event(self.verifier.event("payment_intent.succeeded", payment.id))
        read: dict[str, Any] = (await self.send("GET", f"/orders/{order['id']}", X_Order_Token=order["order_token"])).json()
        return order | read

    async def event(self, payload: bytes, signature: str | None = "signed") -> httpx.Response:
        """Call the webhook as the provider does."""
        headers = {"Stripe-Signature": signature} if signature else {}
        return await self.client.post("/payments/stripe/webhook", content=payload, headers=headers)

    async def staff(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        """Post as staff."""
        return await self.send("POST", path, body, "staff", **({"Idempotency_Key": key} if key else {}))


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    """Run an application for the length of the block, in a task of its own: the two halves of a fixture run in different ones."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with app.lifespan():
            started.set()
            await ended.wait()

    running = asyncio.create_task(run())
    await asyncio.wait([running, asyncio.create_task(started.wait())], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        await running
    yield
    ended.set()
    await running
