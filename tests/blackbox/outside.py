"""A stranger's view of one running demo shop: its addresses, its people and what they do. Nothing here knows the code."""

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
Json = dict[str, Any]
PASSWORD = "correct horse battery"
ADDRESS: Json = {"name": "You", "line1": "Calle Mayor 1", "postal_code": "28013", "city": "Madrid", "country": "ES"}
PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance", "code", "request_id"}
ABSENT = "01900000-0000-7000-8000-000000000000"


def unique(prefix: str = "x") -> str:
    """A word nobody used before, fit for SKUs, slugs and mailboxes."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def euro(amount: int) -> Json:
    """Money as the contract writes it."""
    return {"amount": amount, "currency": "EUR"}


def until(look: Callable[[], T], good: Callable[[T], bool], seconds: float = 40) -> T:
    """Look again until it is good; the last look is shown when it never is."""
    end = time.monotonic() + seconds
    while not good(seen := look()):
        assert time.monotonic() < end, f"never came true, last seen: {seen}"
        time.sleep(0.05)
    return seen


def problem(answer: httpx.Response, status: int, code: str | None = None, at: str | None = None) -> Json:
    """The answer is this problem, with every member the contract promises."""
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:600]}"
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body: Json = answer.json()
    assert body.keys() >= PROBLEM_FIELDS
    assert body["status"] == status
    assert body["type"] == "/problems/" + body["code"]
    assert re.fullmatch(r"[a-z0-9_]+", body["code"])
    assert body["instance"] == answer.request.url.raw_path.decode().split("?")[0]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert code is None or body["code"] == code, body
    assert (status in (429, 503)) <= ("retry-after" in answer.headers)
    if status == 400:
        assert isinstance(body["errors"], list), body
        assert body["errors"], body
        assert all(error.keys() == {"field", "message"} for error in body["errors"])
    if at is not None:
        assert at in [error["field"] for error in body["errors"]], body
    return body


def ok(answer: httpx.Response, status: int = 200) -> Json:
    """The answer is this success; its body."""
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:600]}"
    return dict(answer.json()) if answer.content else {}


@dataclass
class Cart:
    """A cart and what opens it."""

    id: str
    who: dict[str, str]

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/carts/{self.id}"


@dataclass
class Order:
    """An order as it was answered at creation, and what opens it."""

    body: Json
    who: dict[str, str]

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/orders/{self.body['id']}"


@dataclass
class Person:
    """A customer with a session."""

    email: str
    who: dict[str, str]
    refresh_token: str
    password: str = PASSWORD


@dataclass
class Demo:
    """The running shop and everything around it."""

    http: httpx.Client
    root: httpx.Client
    twin: httpx.Client
    mailbox: httpx.Client
    port: int
    webhook_secret: str
    folder: str = ""
    staff_login: tuple[str, str] = ("", "")
    staff_session: tuple[float, dict[str, str]] | None = None

    @property
    def staff(self) -> dict[str, str]:
        """The header of a staff session that is not about to expire."""
        if self.staff_session is None or time.monotonic() - self.staff_session[0] > 200:
            self.staff_session = (time.monotonic(), bearer(self.login(*self.staff_login)))
        return self.staff_session[1]

    def send(self, method: str, path: str, body: bytes | str, *who: dict[str, str], kind: str | None = "application/json") -> httpx.Response:
        """Send exactly these bytes."""
        headers = {} if kind is None else {"Content-Type": kind}
        for more in who:
            headers |= more
        return self.http.request(method, path, content=body, headers=headers)

    def product(self, *, stock: int = 20, price: int = 1000, skus: int = 1, **fields: object) -> Json:
        """Put a product on the shelves; each variant has this stock and price."""
        variants = [{"sku": unique("SKU"), "price": euro(price)} for _ in range(skus)]
        body = {"title": "Thing " + unique(), "variants": variants} | fields
        made = ok(self.http.post("/products", json=body, headers=self.staff), 201)
        for variant in made["variants"] if stock else []:
            self.stock(variant["sku"], stock)
        return made

    def sku(self, *, stock: int = 20, price: int = 1000) -> str:
        """The SKU of a new product."""
        return str(self.product(stock=stock, price=price)["variants"][0]["sku"])

    def stock(self, sku: str, delta: int, **headers: str) -> httpx.Response:
        """Book stock."""
        return self.http.post(f"/variants/{sku}/stock", json={"delta": delta, "reason": "delivery"}, headers=self.staff | headers)

    def available(self, sku: str) -> int:
        """What is available of a SKU, as staff see it."""
        return int(ok(self.http.get(f"/variants/{sku}/stock", headers=self.staff))["available"])

    def cart(self, lines: dict[str, int] | None = None, who: dict[str, str] | None = None) -> Cart:
        """Open a cart, a guest's unless somebody is named, and fill it."""
        made = ok(self.http.post("/carts", headers=who), 201)
        cart = Cart(made["id"], who or {"X-Cart-Token": made["cart_token"]})
        for sku, quantity in (lines or {}).items():
            ok(self.http.put(f"{cart.path}/lines/{sku}", json={"quantity": quantity}, headers=cart.who))
        return cart

    def wish(self, cart: Cart, total: int, **changes: object) -> Json:
        """The body of an order."""
        return {
            "cart_id": cart.id,
            "email": f"{unique('guest')}@example.com",
            "shipping_address": ADDRESS,
            "shipping_method": "standard",
            "expected_total": euro(total),
        } | changes

    def submit(self, cart: Cart, total: int, key: str | None = None, **changes: Any) -> httpx.Response:
        """Submit an order for a cart."""
        return self.http.post("/orders", json=self.wish(cart, total, **changes), headers=cart.who | {"Idempotency-Key": key or unique("key")})

    def order(self, lines: dict[str, int] | None = None, total: int = 1495, who: dict[str, str] | None = None, **changes: Any) -> Order:
        """An order whose payment is open: one piece for 10.00 and 4.95 of shipping unless told otherwise."""
        body = ok(self.submit(self.cart(lines or {self.sku(): 1}, who), total, **changes), 201)
        return Order(body, who or {"X-Order-Token": body["order_token"]})

    def pay(self, order: Order, card: str = "pm_card_visa") -> httpx.Response:
        """Confirm the payment as Stripe.js does."""
        secret, key = order.body["payment"]["client_secret"], order.body["payment"]["publishable_key"]
        data = {"client_secret": secret, "payment_method": card}
        path = f"/v1/payment_intents/{secret.split('_secret_')[0]}/confirm"
        return self.twin.post(path, data=data, headers={"Authorization": f"Bearer {key}"})

    def look(self, order: Order) -> Json:
        """The order as its owner sees it."""
        return ok(self.http.get(order.path, headers=order.who))

    def reaches(self, order: Order, *status: str) -> Json:
        """The order once it has one of these statuses."""
        return until(lambda: self.look(order), lambda seen: seen["status"] in status)

    def bought(self, lines: dict[str, int] | None = None, total: int = 1495, who: dict[str, str] | None = None, **changes: Any) -> Order:
        """A paid and confirmed order."""
        order = self.order(lines, total, who, **changes)
        assert self.pay(order).json()["status"] == "succeeded"
        self.reaches(order, "confirmed")
        return order

    def refund(self, order: Order, *, key: str | None = None, **body: object) -> httpx.Response:
        """Refund, as staff."""
        wish = {"reason": "other"} | body
        return self.http.post(f"{order.path}/refunds", json=wish, headers=self.staff | {"Idempotency-Key": key or unique("key")})

    def ship(self, order: Order, **body: object) -> httpx.Response:
        """Ship, as staff."""
        return self.http.post(f"{order.path}/shipments", json={"carrier": "Correos"} | body, headers=self.staff)

    def person(self, email: str | None = None) -> Person:
        """Register somebody and log in."""
        email = email or f"{unique('person')}@example.com"
        body = {"email": email, "password": PASSWORD, "name": "Ana Pérez"}
        ok(self.http.post("/users", json=body, headers=somewhere()), 202)
        session = self.login(email)
        return Person(email, bearer(session), session["refresh_token"])

    def login(self, email: str, password: str = PASSWORD) -> Json:
        """A new session."""
        return ok(self.http.post("/sessions", json={"email": email, "password": password}, headers=somewhere()))

    def mails(self, to: str, subject: str = "") -> list[Json]:
        """The mails somebody has, waiting for the first."""
        found = self.mailbox.get("/messages.json", params={"to": to, "subject": subject, "wait": 20}).json()
        return list(found["items"])


def bearer(session: Json) -> dict[str, str]:
    """The header of a session."""
    return {"Authorization": f"Bearer {session['access_token']}"}


def somewhere() -> dict[str, str]:
    """A caller from an address of his own, so that nobody else's guesses count against him."""
    return {"X-Forwarded-For": f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}::1"}


def compact(value: object) -> str:
    """JSON as text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
