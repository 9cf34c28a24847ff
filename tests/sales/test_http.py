"""Every row of the table of sales in the public API, and its errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
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
from shop.kit.paging import encode_cursor
from shop.kit.problems import Unauthenticated, Unavailable
from shop.kit.secret import Secret
from shop.ports.cart import Carts
from shop.ports.mail import Mail
from shop.ports.payments import Payments, WebhookVerifier
from shop.ports.users import Customer, Customers
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


@pytest.fixture
async def shop(database_url: str, clock: Clock) -> AsyncIterator[Shop]:
    """Give sales behind the edge, on a database of each kind."""
    made = Shop(database_url, clock)
    async with lifespan(made.app), made.client:
        yield made


async def test_a_guest_buys(shop: Shop) -> None:
    """The answer says how to pay; paid, the order is confirmed and has no payment any more."""
    answer = await shop.place(shop.carts.cart({"mug": 2}))
    order = answer.json()
    assert (answer.status_code, set(order), order["status"]) == (201, ORDER | {"order_token"}, "awaiting_payment")
    assert order["payment"] == {
        "provider": "stripe",
        "client_secret": shop.payments.live(UUID(order["id"])).client_secret,
        "publishable_key": "pk_test_1",
    }
    assert [order[name]["amount"] for name in ("subtotal", "discount", "shipping", "total", "paid")] == [2000, 0, 495, 2495, 0]
    assert set(order["lines"][0]) == LINE
    assert order["placed_at"].endswith("Z")
    payment = shop.payments.succeed(UUID(order["id"]))
    assert (await shop.event(shop.verifier.event("payment_intent.succeeded", payment.id))).status_code == 200
    read = (await shop.send("GET", f"/orders/{order['id']}", X_Order_Token=order["order_token"])).json()
    assert (set(read), read["status"], read["paid"], read["payment"]) == (ORDER, "confirmed", euros(2495), None)
    assert [event["type"] for event in read["events"]] == ["placed", "reserved", "awaiting_payment", "payment_opened", "paid", "confirmed"]


async def test_a_customers_order_needs_no_token(shop: Shop) -> None:
    """It is theirs by who they are, and nobody else's; the account gives the address."""
    (await shop.send("GET", "/orders", token="customer-1")).raise_for_status()
    ana = shop.tokens.ids["customer-1"]
    shop.customers.add(Customer(ana, "eva@example.com", "Eva", "es"))
    answer = await shop.place(shop.carts.cart({"mug": 2}, ana), token="customer-1", email=None)
    order = answer.json()
    assert (answer.status_code, order["email"], "order_token" in order) == (201, "eva@example.com", False)
    for token, status in (("customer-1", 200), ("staff", 200), ("customer-2", 404), (None, 404), ("forged", 401)):
        assert (await shop.send("GET", f"/orders/{order['id']}", token=token)).status_code == status
    assert [item["id"] for item in (await shop.send("GET", "/orders", token="customer-1")).json()["items"]] == [order["id"]]
    assert (await shop.send("GET", "/orders", token="customer-2")).json() == {"items": [], "next_cursor": None}


async def test_a_repeated_order_gives_the_first_answer_with_its_token(shop: Shop) -> None:
    """The token is not stored, but derived again; the same key with another body is refused."""
    cart = shop.carts.cart({"mug": 2})
    first, again = await shop.place(cart, "k"), await shop.place(cart, "k")
    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert (await shop.place(cart, "k", email="eve@example.com")).status_code == 422
    told = await shop.place(cart)
    assert (told.status_code, told.json()["code"], told.json()["order_id"]) == (409, "checkout_in_progress", first.json()["id"])


async def test_refusals_are_kept_under_their_key(shop: Shop) -> None:
    """The price changed: told with the total, again when repeated, and a new key orders at the new price."""
    cart = shop.carts.cart({"mug": 2})
    for replayed in (None, "true"):
        told = await shop.place(cart, "k", expected_total=euros(1))
        assert (told.status_code, told.json()["code"], told.json()["total"]) == (409, "price_changed", euros(2495))
        assert told.headers.get("Idempotent-Replayed") == replayed
    assert cart.status == "open"
    assert (await shop.place(cart)).status_code == 201


async def test_an_order_that_cannot_be_placed_says_why(shop: Shop) -> None:
    """Each of the refusals by its code, with what belongs to it."""
    cases = [({}, 409, "cart_empty"), ({"mug": 101}, 409, "insufficient_stock"), ({"gold": 9}, 409, "total_too_large")]
    shop.carts.stock("gold", 100, 90_000_000)
    for lines, status, code in cases:
        answer = await shop.place(shop.carts.cart(lines))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    order = await shop.confirmed()
    cart = next(cart for cart in shop.carts.carts.values() if cart.status == "ordered")
    ordered = await shop.place(cart)
    assert (ordered.status_code, ordered.json()["code"], ordered.json()["order_id"]) == (409, "cart_ordered", order["id"])
    stranger = shop.carts.cart({"mug": 1})
    stranger.id = shop.carts.cart({"mug": 1}).id
    assert (await shop.place(stranger)).status_code == 404


async def test_a_neighbour_that_does_not_answer_makes_it_503(shop: Shop) -> None:
    """With Retry-After, and the same key goes on with the same order."""
    cart = shop.carts.cart({"mug": 2})
    for lost in ("cart", "payment"):
        if lost == "cart":
            shop.carts.lose_next()
        else:
            shop.payments.fail_next(Unavailable(), "after", "create")
        answer = await shop.place(cart, "k")
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    answer = await shop.place(cart, "k")
    assert (answer.status_code, answer.json()["number"], len(shop.payments.payments)) == (201, "A-1001", 1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"email": None}, "email"),
    ({"email": "nobody"}, "email"),
    ({"shipping_method": "drone"}, "shipping_method"),
    ({"shipping_method": "local"}, "shipping_method"),
    ({"shipping_address": HOME | {"country": "XX"}}, "shipping_address"),
    ({"expected_total": {"amount": -1, "currency": "EUR"}}, "expected_total.amount"),
    ({"expected_total": {"amount": 1.5, "currency": "EUR"}}, "expected_total.amount"),
    ({"cart_id": "x"}, "cart_id"),
    ({"coupon": "X"}, "coupon"),
]


@pytest.mark.parametrize("changes, field", BAD)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_bad_input_names_its_field(shop: Shop, changes: dict[str, Any], field: str) -> None:
    """And no order is made."""
    answer = await shop.place(shop.carts.cart({"mug": 2}), **changes)
    assert answer.status_code == 400
    assert any(error["field"].startswith(field) or field in error["message"] for error in answer.json()["errors"]), answer.json()
    assert (await shop.send("GET", "/orders", token="staff")).json()["items"] == []


async def test_a_key_is_required(shop: Shop) -> None:
    """On orders and refunds."""
    cart = shop.carts.cart({"mug": 2})
    answer = await shop.send("POST", "/orders", shop.wish(cart), X_Cart_Token=cart.token)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")
    order = await shop.confirmed()
    assert (await shop.staff(f"/orders/{order['id']}/refunds", {"reason": "other"})).status_code == 400


async def test_staff_find_orders(shop: Shop) -> None:
    """By status, by the beginning of number or address, by the whole address, page by page; a refused one is in no list."""
    placed = [await shop.guest_order() for _ in range(3)]
    await shop.place(shop.carts.cart({"mug": 2}), expected_total=euros(1))
    other = (await shop.place(shop.carts.cart({"mug": 2}), email="Zoe@Example.com")).json()

    async def found(query: str) -> list[str]:
        return [item["number"] for item in (await shop.send("GET", f"/orders?{query}", token="staff")).json()["items"]]

    everything = [other["number"], *(order["number"] for order in reversed(placed))]
    assert await found("") == everything
    assert await found("q=zoe%40") == await found("email=zoe%40example.com") == await found(f"q={other['number'].lower()}") == [other["number"]]
    assert await found("email=zoe") == await found("q=oe") == await found("q=%25") == await found("status=confirmed") == []
    assert (await found("status=awaiting_payment"), await found("q=A-10")) == (everything, everything)
    first = (await shop.send("GET", "/orders?limit=3", token="staff")).json()
    assert (set(first["items"][0]), len(first["items"])) == (ITEM, 3)
    rest = (await shop.send("GET", f"/orders?limit=3&cursor={first['next_cursor']}", token="staff")).json()
    assert ([item["number"] for item in rest["items"]], rest["next_cursor"]) == ([placed[0]["number"]], None)
    huge = encode_cursor((10**30,))
    for query in ("status=lost", "limit=0", "limit=101", "cursor=x", f"cursor={huge}", "q=%00", "email=%00"):
        assert (await shop.send("GET", f"/orders?{query}", token="staff")).status_code == 400
    assert (await shop.send("GET", "/orders")).status_code == 401


async def test_cancelling(shop: Shop) -> None:
    """The owner before it is confirmed; then only staff; a shipped one nobody."""
    order = await shop.guest_order()
    owner = {"X_Order_Token": order["order_token"]}
    for _ in range(2):
        answer = await shop.send("POST", f"/orders/{order['id']}/cancel", **owner)
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (await shop.send("POST", f"/orders/{order['id']}/cancel")).status_code == 404
    bought = await shop.confirmed()
    answer = await shop.send("POST", f"/orders/{bought['id']}/cancel", X_Order_Token=bought["order_token"])
    assert (answer.status_code, answer.json()["code"]) == (409, "order_confirmed")
    for _ in range(2):
        answer = await shop.staff(f"/orders/{bought['id']}/cancel")
        assert (answer.status_code, answer.json()["status"], answer.json()["refunded"]) == (200, "refunded", euros(2495))
    shipped = await shop.confirmed()
    await shop.staff(f"/orders/{shipped['id']}/shipments", {"carrier": "Post"})
    assert (await shop.staff(f"/orders/{shipped['id']}/cancel")).json()["code"] == "order_shipped"


async def test_refunds(shop: Shop) -> None:
    """Staff refund in part, restock, and never beyond the payment."""
    order = await shop.confirmed()
    path = f"/orders/{order['id']}/refunds"
    body = {"amount": euros(1000), "reason": "requested_by_customer", "note": "chipped", "restock": [{"sku": "mug", "quantity": 1}]}
    answer = await shop.staff(path, body, "k")
    refund = answer.json()
    assert (answer.status_code, set(refund)) == (201, {"id", "amount", "status", "reason", "note", "restock", "created_at"})
    assert (refund["status"], refund["restock"]) == ("succeeded", [{"sku": "mug", "quantity": 1}])
    again = await shop.staff(path, body, "k")
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (refund, "true")
    read = (await shop.send("GET", f"/orders/{order['id']}", token="staff")).json()
    assert (read["status"], read["refunds"], read["refunded"], read["lines"][0]["refunded"]) == ("partially_refunded", [refund], euros(1000), 1)
    refused: list[tuple[dict[str, Any], int, str]] = [
        ({"amount": euros(1496)}, 409, "refund_exceeds_payment"),
        ({"restock": [{"sku": "mug", "quantity": 2}]}, 409, "restock_exceeds_order"),
        ({"amount": {"amount": 1, "currency": "USD"}}, 400, "invalid"),
        ({"reason": "boredom"}, 400, "invalid"),
    ]
    for changes, status, code in refused:
        answer = await shop.staff(path, {"amount": euros(1), "reason": "other"} | changes, str(uuid7()))
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    rest = await shop.staff(path, {"reason": "duplicate"}, "rest")
    assert rest.json()["amount"] == euros(1495)
    for token, status in ((None, 401), ("customer-1", 403)):
        assert (await shop.send("POST", path, body, token, Idempotency_Key="x")).status_code == status
    assert (await shop.staff(f"/orders/{uuid7()}/refunds", body, "y")).status_code == 404


async def test_shipments(shop: Shop) -> None:
    """Staff ship in parts; then nothing is left."""
    order = await shop.confirmed()
    path = f"/orders/{order['id']}/shipments"
    answer = await shop.staff(path, {"carrier": "Post", "tracking": "1", "lines": [{"sku": "mug", "quantity": 1}]})
    assert (answer.status_code, set(answer.json())) == (201, {"id", "carrier", "tracking", "lines", "created_at"})
    assert (await shop.send("GET", f"/orders/{order['id']}", token="staff")).json()["status"] == "confirmed"
    assert (await shop.staff(path, {"carrier": "Post", "lines": [{"sku": "mug", "quantity": 2}]})).json()["code"] == "shipment_exceeds_order"
    first, again = [await shop.staff(path, {"carrier": "Post"}, "k") for _ in range(2)]
    assert first.json() == again.json()
    read = (await shop.send("GET", f"/orders/{order['id']}", token="staff")).json()
    assert (read["status"], len(read["shipments"]), read["lines"][0]["shipped"]) == ("shipped", 2, 2)
    unpaid = await shop.guest_order()
    assert (await shop.staff(f"/orders/{unpaid['id']}/shipments", {"carrier": "Post"})).json()["code"] == "order_not_confirmed"
    assert (await shop.staff(path, {"carrier": ""})).status_code == 400


async def test_shipping_methods(shop: Shop) -> None:
    """All of them, or those for a country, in the reader's language."""
    answer = await shop.send("GET", "/shipping-methods?country=ES", Accept_Language="es-ES,es;q=0.9")
    assert answer.json() == {
        "items": [
            {"code": "standard", "title": "Estándar", "price": euros(495), "free_from": euros(5000)},
            {"code": "free", "title": "Pick up", "price": euros(0), "free_from": None},
        ]
    }
    assert [item["code"] for item in (await shop.send("GET", "/shipping-methods")).json()["items"]] == ["standard", "local", "free"]
    for country in ("XX", "Spain", ""):
        answer = await shop.send("GET", f"/shipping-methods?country={country}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "country")
    assert (await shop.send("GET", "/shipping-methods", token="forged")).status_code == 200


async def test_the_webhook(shop: Shop) -> None:
    """Stored and answered, also twice and also about nothing we know; forged or too large it is refused."""
    event = shop.verifier.event("payment_intent.succeeded", "pi_unknown", "evt_1")
    for _ in range(2):
        assert (await shop.event(event)).status_code == 200
    assert (await shop.event(event, "forged")).status_code == 400
    assert (await shop.event(event, None)).status_code == 400
    assert (await shop.event(b" " * (256 * 1024 + 1))).status_code == 413
    assert (await shop.event(event + b" " * 200_000)).status_code == 200


async def test_what_is_not_there_is_404(shop: Shop) -> None:
    """Malformed ids as well."""
    for path in (f"/orders/{uuid7()}", "/orders/x"):
        assert (await shop.send("GET", path, token="staff")).status_code == 404


async def test_nothing_free_needs_the_provider(shop: Shop) -> None:
    """A total of 0 is confirmed at once, with `payment` null."""
    shop.carts.stock("flyer", 5, 0)
    answer = await shop.place(shop.carts.cart({"flyer": 1}), shipping_method="free", expected_total=euros(0))
    assert (answer.status_code, answer.json()["status"], answer.json()["payment"]) == (201, "confirmed", None)


async def test_the_jobs_confirm_what_no_webhook_told_and_send_the_mail(shop: Shop) -> None:
    """The poller finds the payment and the relay delivers."""
    order = await shop.guest_order()
    shop.payments.succeed(UUID(order["id"]))
    shop.clock.advance(timedelta(seconds=11))
    for job in ("sales: orders", "sales: mail", "sales: refunds", "sales: reconcile", "sales: clean"):
        await shop.app.state.jobs.now(job)
    (mail,) = shop.mail.to("ana@example.com")
    assert order["number"] in mail.subject
