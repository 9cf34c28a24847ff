"""The real products and cart behind sales: the same invariants, over their own books."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from tests.fakes.mail import FakeMail
from tests.fakes.payments import FakePayments, FakeWebhooks
from tests.sales.books import real_books
from tests.sales.client import HOME, Tokens, euros, lifespan
from tests.sales.invariants import Books, Redeemed, check

from shop.app import assemble
from shop.kit.clock import Clock
from shop.kit.database import Database, Store
from shop.kit.identity import Verifier
from shop.kit.ids import uuid7
from shop.kit.secret import Secret
from shop.kit.tokens import new_signing_key
from shop.modules.sales.states import State
from shop.ports.mail import Mail
from shop.ports.payments import Payments, WebhookVerifier
from shop.settings import MODULES, Auth, Databases, Settings, Smtp, Stripe


class Shop:
    """The four modules in one process, with the provider and the mail server in memory."""

    def __init__(self, url: str, clock: Clock) -> None:
        """Assemble it."""
        self.payments, self.verifier, self.mail, self.clock, self.url = FakePayments(clock), FakeWebhooks(), FakeMail(), clock, url
        settings = Settings(
            databases=Databases(url=url),
            auth=Auth(signing_keys=(new_signing_key(),)),
            stripe=Stripe(Secret("sk_test_1"), "pk_test_1", Secret("whsec_1")),
            smtp=Smtp("localhost", 25, "shop@example.com"),
        )
        outside = [(Payments, self.payments), (Mail, self.mail), (WebhookVerifier, self.verifier), (Clock, clock), (Verifier, Tokens())]
        self.app = assemble(MODULES, settings, *outside, run_jobs=False)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(cast(Any, self.app)), base_url="http://shop/api/v1")

    async def stock(self, sku: str, pieces: int) -> None:
        """Sell so many pieces of a SKU at 10.00."""
        staff = {"Authorization": "Bearer staff"}
        body = {"title": sku, "variants": [{"sku": sku, "price": euros(1000)}]}
        (await self.client.post("/products", json=body, headers=staff)).raise_for_status()
        (await self.client.post(f"/variants/{sku}/stock", json={"delta": pieces, "reason": "delivery"}, headers=staff)).raise_for_status()

    async def coupon(self, code: str, **terms: object) -> None:
        """Make a coupon that takes 1.00 off."""
        body = {"code": code, "amount": euros(100), **terms}
        (await self.client.post("/coupons", json=body, headers={"Authorization": "Bearer staff"})).raise_for_status()

    async def buy(self, sku: str, *, pay: bool = True, coupon: str | None = None) -> str:
        """Let a guest buy a piece; gives the outcome."""
        cart = (await self.client.post("/carts", json={})).json()
        headers = {"X-Cart-Token": cart["cart_token"], "Idempotency-Key": str(uuid7())}
        (await self.client.put(f"/carts/{cart['id']}/lines/{sku}", json={"quantity": 1}, headers=headers)).raise_for_status()
        if coupon:
            used = await self.client.put(f"/carts/{cart['id']}/coupon", json={"code": coupon}, headers=headers)
            if used.status_code != 200:
                return str(used.json()["reason"])
        body = {"cart_id": cart["id"], "email": "a@example.com", "shipping_address": HOME, "shipping_method": "standard"}
        answer = await self.client.post("/orders", json=body | {"expected_total": euros(1395 if coupon else 1495)}, headers=headers)
        if answer.status_code != 201:
            return str(answer.json()["code"])
        if not pay:
            return str(answer.json()["status"])
        order_id = answer.json()["id"]
        payment = self.payments.succeed(UUID(order_id))
        event = self.verifier.event("payment_intent.succeeded", payment.id)
        (await self.client.post("/payments/stripe/webhook", content=event, headers={"Stripe-Signature": "signed"})).raise_for_status()
        read = await self.client.get(f"/orders/{order_id}", headers={"X-Order-Token": answer.json()["order_token"]})
        return str(read.json()["status"])

    async def books(self) -> Books:
        """Read the books of all modules."""
        databases = [Database(self.url, module, Store, self.clock) for module in ("sales", "cart", "products")]
        books = await real_books(
            databases[0], databases[1], databases[2], list(self.payments.payments.values()), list(self.payments.refund_rows.values())
        )
        for database in databases:
            await database.dispose()
        return books

    async def balances(self, *, settled: bool) -> None:
        """Check the invariants over the books of all modules."""
        check(await self.books(), settled=settled)


@pytest.fixture
async def shop(database_url: str, clock: Clock) -> AsyncIterator[Shop]:
    """Give the whole shop on a database of each kind."""
    made = Shop(database_url, clock)
    async with lifespan(made.app), made.client:
        yield made


async def test_ten_pieces_go_to_ten_of_sixty_buyers(shop: Shop) -> None:
    """Sixty people buy the last ten pieces at once: ten get one, fifty are told, the books balance."""
    await shop.stock("mug", 10)
    outcomes = await asyncio.gather(*(shop.buy("mug") for _ in range(60)))
    assert Counter(outcomes) == {"confirmed": 10, "insufficient_stock": 50}
    await shop.balances(settled=True)


async def test_who_does_not_pay_leaves_the_piece_to_the_next(shop: Shop) -> None:
    """After lease and minute the piece is free again, and somebody else buys it."""
    await shop.stock("mug", 1)
    assert await shop.buy("mug", pay=False) == "awaiting_payment"
    assert await shop.buy("mug") == "insufficient_stock"
    for _ in range(17):
        shop.clock.advance(timedelta(minutes=1))
        while await shop.app.state.jobs.now("sales: orders"):
            pass
    assert await shop.buy("mug") == "confirmed"
    await shop.balances(settled=True)


async def test_who_does_not_pay_leaves_the_coupon_to_the_next(shop: Shop) -> None:
    """Its only redemption is there again after lease and minute; a paid one is not."""
    await shop.stock("mug", 5)
    await shop.coupon("ONCE", max_redemptions=1)
    assert await shop.buy("mug", pay=False, coupon="ONCE") == "awaiting_payment"
    assert await shop.buy("mug", coupon="ONCE") == "exhausted"
    for _ in range(17):
        shop.clock.advance(timedelta(minutes=1))
        while await shop.app.state.jobs.now("sales: orders"):
            pass
    assert await shop.buy("mug", coupon="ONCE") == "confirmed"
    assert await shop.buy("mug", coupon="ONCE") == "exhausted"
    await shop.balances(settled=True)


async def test_books_that_disagree_about_a_coupon_are_noticed(shop: Shop) -> None:
    """A count that is not the number of redemptions, one above the limit, one of a checkout that has ended, a discount that nobody redeemed."""
    await shop.stock("mug", 1)
    await shop.coupon("ONCE", max_redemptions=1)
    assert [await shop.buy("mug", coupon=code) for code in ("ONCE", None)] == ["confirmed", "insufficient_stock"]
    (confirmed,) = (order for order in (await shop.books()).orders if order.state is State.CONFIRMED)
    (cancelled,) = (order for order in (await shop.books()).orders if order.state is State.CANCELLED)
    for wrong in (
        {"ONCE": Redeemed(2, 2, {confirmed.id: "committed"})},
        {"ONCE": Redeemed(1, 0, {confirmed.id: "committed"})},
        {"ONCE": Redeemed(1, 1, {confirmed.id: "released"})},
        {"ONCE": Redeemed(1, 1, {confirmed.id: "committed"}), "MORE": Redeemed(1, 1, {confirmed.id: "committed"})},
        {"ONCE": Redeemed(2, 2, {confirmed.id: "committed", cancelled.id: "begun"})},
        {"ONCE": Redeemed(0, 1, {})},
    ):
        books = await shop.books()
        books.coupons = wrong
        with pytest.raises(AssertionError, match="14: "):
            check(books, settled=True)
    books = await shop.books()
    books.line_discounts[confirmed.id] -= 1
    with pytest.raises(AssertionError, match="14: "):
        check(books, settled=True)
    await shop.balances(settled=True)
