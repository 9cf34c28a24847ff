"""A running shop as the people who use it see it; nothing here knows how many processes it is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from tests.support.books import balance, books
from tests.support.outside import Outside

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.secret import Secret
from shop.kit.tokens import LocalKeys, Signer, new_signing_key

SIGNING_KEY: Secret = new_signing_key()
ISSUER = "http://localhost:8000"
ADDRESS = {"name": "Ana Gil", "line1": "Calle Mayor 1", "postal_code": "28013", "city": "Madrid", "country": "ES"}
PATIENCE = 5
PASSWORD = "correct horse battery"


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> Any:
    """Look again and again until there is something to see, and give it; fails when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        seen = await look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen in {seconds:g} s: {look}")
        await asyncio.sleep(0.05)


def euros(amount: int) -> dict[str, Any]:
    """Write minor units of EUR as the API does."""
    return {"amount": amount, "currency": "EUR"}


class Shop:
    """The shop at a URL, with the outside world that it lives in."""

    def __init__(self, client: httpx.AsyncClient, world: Outside, database_url: str) -> None:
        """`client` has the shop's base URL; `database_url` is where its books are."""
        self.client = client
        self.outside = world
        self._database_url = database_url

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request below /api/v1; after a 503 again, as its Retry-After asks, since a busy machine may be slow for a moment."""
        answer = await self.client.request(method, f"/api/v1{path}", **options)
        for _ in range(PATIENCE):
            if answer.status_code != 503:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
            answer = await self.client.request(method, f"/api/v1{path}", **options)
        return answer

    def staff(self) -> dict[str, str]:
        """Give the headers of somebody who works here."""
        token = Signer(LocalKeys([SIGNING_KEY]), ISSUER, Clock()).sign(uuid7(), frozenset({"staff"}), uuid7())
        return {"Authorization": f"Bearer {token}"}

    async def product(self, *skus: str, price: int = 1000, stock: int = 0, title: str = "Mug") -> dict[str, Any]:
        """Put a product on sale, one variant for each SKU, with so many pieces of each."""
        variants = [{"sku": sku, "title": sku, "price": euros(price)} for sku in skus]
        answer = await self.call("POST", "/products", json={"title": title, "variants": variants}, headers=self.staff())
        assert answer.status_code == 201, answer.text
        for sku in skus if stock else ():
            await self.stock(sku, stock)
        made: dict[str, Any] = answer.json()
        return made

    async def stock(self, sku: str, delta: int) -> None:
        """Deliver pieces of a SKU, or take some away."""
        body = {"delta": delta, "reason": "delivery" if delta > 0 else "loss"}
        answer = await self.call("POST", f"/variants/{sku}/stock", json=body, headers=self.staff())
        assert answer.status_code == 200, answer.text

    async def coupon(self, code: str, **terms: Any) -> dict[str, Any]:
        """Make a coupon."""
        answer = await self.call("POST", "/coupons", json={"code": code, **terms}, headers=self.staff())
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def redeemed(self, code: str) -> int:
        """Give how often a coupon is redeemed, as staff see it in a list that is one page long."""
        answer = await self.call("GET", "/coupons", headers=self.staff())
        counts: dict[str, int] = {coupon["code"]: coupon["redeemed"] for coupon in answer.json()["items"]}
        return counts[code]

    async def shelf(self, sku: str) -> tuple[int, int, int]:
        """Give on hand, reserved and available of a SKU."""
        answer = await self.call("GET", f"/variants/{sku}/stock", headers=self.staff())
        body = answer.json()
        return body["on_hand"], body["reserved"], body["available"]

    async def balances(self, *, settled: bool = True) -> None:
        """Assert that the books of everybody agree; `settled` waits for the mails and looks at what must be true in the end."""
        if settled:
            await eventually(self._nothing_is_owed, 60)
        await balance(self._database_url, self.outside, settled=settled)

    async def _nothing_is_owed(self) -> bool:
        read = await books(self._database_url, self.outside)
        return all(letter.status == "sent" for letter in read.letters) and all(order.next_attempt_at is None for order in read.orders)

    def guest(self, email: str = "guest@example.com") -> "Buyer":
        """Give somebody who does not log in."""
        return Buyer(self, email)

    async def customer(self, email: str) -> "Buyer":
        """Register somebody and log in."""
        body = {"email": email, "password": PASSWORD, "name": "Ana Gil", "locale": "es"}
        registered = await self.call("POST", "/users", json=body)
        assert registered.status_code == 202, registered.text
        return await self.login(email, PASSWORD)

    async def login(self, email: str, password: str) -> "Buyer":
        """Log in with a password."""
        answer = await self.call("POST", "/sessions", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        buyer = Buyer(self, email)
        buyer.session = answer.json()
        buyer.headers = {"Authorization": f"Bearer {buyer.session['access_token']}"}
        return buyer


class Buyer:
    """Somebody who fills a cart, orders and pays."""

    def __init__(self, shop: Shop, email: str) -> None:
        """A guest, until `Shop.login` gives them a session."""
        self.shop = shop
        self.email = email
        self.headers: dict[str, str] = {}
        self.session: dict[str, Any] = {}
        self.cart: dict[str, Any] = {}
        self.order: dict[str, Any] = {}

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as this person."""
        headers = self.headers | options.pop("headers", {})
        return await self.shop.call(method, path, headers=headers, **options)

    async def fills(self, **quantities: int) -> "Buyer":
        """Open a cart and put pieces of SKUs into it."""
        answer = await self.call("POST", "/carts")
        assert answer.status_code == 201, answer.text
        self.cart = answer.json()
        if token := self.cart.get("cart_token"):
            self.headers["X-Cart-Token"] = token
        for sku, quantity in quantities.items():
            answer = await self.call("PUT", f"/carts/{self.cart['id']}/lines/{sku}", json={"quantity": quantity})
            assert answer.status_code == 200, answer.text
            self.cart = answer.json()
        return self

    async def uses(self, code: str) -> httpx.Response:
        """Put a coupon into the cart."""
        answer = await self.call("PUT", f"/carts/{self.cart['id']}/coupon", json={"code": code})
        if answer.status_code == 200:
            self.cart = answer.json()
        return answer

    async def reads_cart(self) -> dict[str, Any]:
        """Give the cart as it is now."""
        self.cart = (await self.call("GET", f"/carts/{self.cart['id']}")).json()
        return self.cart

    def order_body(self, **changes: Any) -> dict[str, Any]:
        """Give the body of an order of the cart as this person last saw it; standard shipping is 4.95."""
        total = self.cart["subtotal"]["amount"] - self.cart["discount"]["amount"] + 495
        body: dict[str, Any] = {
            "cart_id": self.cart["id"],
            "shipping_address": ADDRESS,
            "shipping_method": "standard",
            "expected_total": euros(total),
        }
        guest = {} if self.session else {"email": self.email}
        return body | guest | changes

    async def submits(self, key: str | None = None, **changes: Any) -> httpx.Response:
        """Order the cart; an order that was accepted is remembered."""
        headers = {"Idempotency-Key": key or str(uuid7())}
        answer = await self.call("POST", "/orders", json=self.order_body(**changes), headers=headers)
        if answer.status_code == 201:
            self.order = answer.json()
            if token := self.order.get("order_token"):
                self.headers["X-Order-Token"] = token
        return answer

    async def orders(self, **changes: Any) -> dict[str, Any]:
        """Order the cart and expect it to be accepted."""
        answer = await self.submits(**changes)
        assert answer.status_code == 201, answer.text
        return self.order

    async def pays(self, method: str = "pm_card_visa") -> httpx.Response:
        """Pay the order in the browser."""
        return await self.shop.outside.pays(self.order["payment"]["client_secret"], method)

    async def looks(self) -> dict[str, Any]:
        """Give the order as it is now."""
        answer = await self.call("GET", f"/orders/{self.order['id']}")
        assert answer.status_code == 200, answer.text
        seen: dict[str, Any] = answer.json()
        return seen

    async def sees(self, *statuses: str, seconds: float = 20.0) -> dict[str, Any]:
        """Wait until the order has one of these statuses, and give it."""

        async def look() -> dict[str, Any] | None:
            order = await self.looks()
            return order if order["status"] in statuses else None

        seen: dict[str, Any] = await eventually(look, seconds)
        return seen

    async def buys(self, **quantities: int) -> dict[str, Any]:
        """Go the whole way: fill a cart, order, pay, and wait for the confirmation."""
        await self.fills(**quantities)
        await self.orders()
        await self.pays()
        return await self.sees("confirmed")
