"""A twin, a webhook receiver and a mailbox, each on a free loopback port of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from litestar import Litestar, Request, Response, post
from tests.support.loopback import free_port

from shop.demo.serving import serving
from shop.demo.stripe_twin import TwinSettings, create_app

SECRET, PUBLISHABLE, WEBHOOK_SECRET = "sk_test_demo", "pk_test_demo", "whsec_demo"


_STRIPE_OVER_HTTPX = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
"""Stripe's client hands its forms to httpx in a way that httpx calls deprecated."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let Stripe's client do what it does, in this folder only."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(_STRIPE_OVER_HTTPX)


class Receiver:
    """The shop's webhook endpoint, as strict as Stripe's own library; `answers` are the statuses it gives, then 200 for ever."""

    def __init__(self, port: int) -> None:
        """Listen on this port later."""
        self.port = port
        self.url = f"http://127.0.0.1:{port}/webhook"
        self.got: list[stripe.Event] = []
        self.answers: list[int] = []
        self.signatures: list[str] = []

    def app(self) -> Litestar:
        """Build the application."""

        @post("/webhook")
        async def webhook(request: Request[Any, Any, Any]) -> Response[None]:
            header = request.headers["stripe-signature"]
            event = stripe.Webhook.construct_event(await request.body(), header, WEBHOOK_SECRET, api_key=SECRET)
            self.got.append(event)
            self.signatures.append(header)
            return Response(None, status_code=self.answers.pop(0) if self.answers else 200)

        return Litestar([webhook], openapi_config=None, logging_config=None)

    def types(self) -> list[str]:
        """Give the types of the events that arrived."""
        return [event.type for event in self.got]


@dataclass
class Twin:
    """A running twin and the ways to talk to it."""

    settings: TwinSettings
    port: int
    url: str
    client: stripe.StripeClient
    http: httpx.AsyncClient
    receiver: Receiver

    async def pay(self, amount: int = 1999, method: str | None = None, **more: Any) -> stripe.PaymentIntent:
        """Create a PaymentIntent for an order and confirm it with a method, if one is given."""
        params: Any = {"amount": amount, "currency": "eur", "metadata": {"order_id": "order-1"}} | more
        intent = await self.client.v1.payment_intents.create_async(params)
        if not method:
            return intent
        return await self.client.v1.payment_intents.confirm_async(intent.id, {"payment_method": method})

    async def control(self, method: str, path: str, **more: Any) -> Any:
        """Use the control API."""
        answer = await self.http.request(method, f"/twin{path}", **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def faults(self, **faults: Any) -> None:
        """Replace the faults in force."""
        await self.control("PUT", "/faults", json=faults)

    async def delivered(self) -> list[str]:
        """Wait until every webhook was delivered and give their types."""
        assert await self.control("POST", "/webhooks/drain?seconds=5") == {"pending": 0}
        return self.receiver.types()


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncGenerator[Twin]:
    """Run a twin that delivers to a receiver."""
    receiver, port = Receiver(free_port()), free_port()
    url = f"http://127.0.0.1:{port}"
    settings = TwinSettings(
        database=tmp_path / "twin.db",
        secret_key=SECRET,
        publishable_key=PUBLISHABLE,
        webhook_secret=WEBHOOK_SECRET,
        webhook_url=receiver.url,
        public_url=url,
    )
    transport = stripe.HTTPXClient(timeout=5, verify_ssl_certs=False)
    client = stripe.StripeClient(SECRET, base_addresses={"api": url}, http_client=transport, max_network_retries=0)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(receiver.app(), port=receiver.port))
        await stack.enter_async_context(serving(create_app(settings), port=port))
        http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {SECRET}"}, timeout=10, verify=False)
        await stack.enter_async_context(http)
        stack.push_async_callback(transport.close_async)
        yield Twin(settings, port, url, client, http, receiver)
    await asyncio.sleep(0)
