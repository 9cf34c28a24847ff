"""Takes payments through Stripe: every command under a key of its own, every outcome that is not known for certain is Unavailable."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import msgspec
import stripe

from shop.adapters.stripe_answers import Intent, Intents, MoneyBack, MoneyBacks, decode, error_of, is_kept_failure, problem_of
from shop.adapters.stripe_transport import StripeTransport
from shop.adapters.stripe_webhooks import StripeWebhooks
from shop.kit.money import Money
from shop.kit.port import endpoints
from shop.kit.problems import Problem, Unavailable
from shop.kit.transactions import assert_no_transaction
from shop.ports.payments import Payment, PaymentFinal, PaymentNotFound, PaymentPage, PaymentRefused, Payments, Refund, WebhookVerifier
from shop.settings import Stripe

RETRIES = 1
PAGE = 100
KEY_LIVES = 25 * 3600
PAGES_SEARCHED = 20
INTENTS = "/v1/payment_intents"
REFUNDS = "/v1/refunds"
ID = re.compile(r"\w{1,255}", re.ASCII)
SECONDS = {endpoint.name: endpoint.timeout for endpoint in endpoints(Payments)}
T = TypeVar("T")


class StripePayments(Payments):
    """The Stripe account of the settings. `aclose` ends its connections."""

    def __init__(self, settings: Stripe) -> None:
        """Nothing is sent before the first call."""
        self._settings = settings
        self._http = StripeTransport(settings.api_base)
        self._client = stripe.StripeClient(
            settings.secret_key.reveal(),
            base_addresses={"api": settings.api_base.rstrip("/")},
            max_network_retries=RETRIES,
            http_client=self._http,
        )

    async def create(self, *, order_id: UUID, attempt: int, amount: Money, number: str) -> Payment:
        """See Payments."""
        parameters = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "automatic_payment_methods": {"enabled": True},
            "capture_method": "automatic",
            "description": number,
            "metadata": {"order_id": str(order_id), "attempt": str(attempt), "number": number},
        }
        async with self._call("create"):
            try:
                made = await self._post(INTENTS, Intent, f"pi:{order_id}:{attempt}", **parameters)
            except stripe.StripeError as error:
                if not is_kept_failure(error):
                    raise
                made = await self._made_all_the_same(order_id, attempt)
        return made.payment()

    async def payment(self, *, id: str) -> Payment:
        """See Payments."""
        async with self._call("payment"):
            return (await self._get(_path(id), Intent)).payment()

    async def of_order(self, *, order_id: UUID) -> list[Payment]:
        """See Payments; Stripe's search may be a minute behind."""
        found: list[Intent] = []
        query: dict[str, Any] = {"query": f"metadata['order_id']:'{order_id}'", "limit": PAGE}
        async with self._call("of_order"):
            while True:
                page = await self._get(f"{INTENTS}/search", Intents, **query)
                found += page.data
                if not page.next_page:
                    return [intent.payment() for intent in found]
                query["page"] = page.next_page

    async def cancel(self, *, id: str) -> Payment:
        """See Payments. The key is new each time: a kept refusal would outlive its reason, and a repeat does no harm."""
        async with self._call("cancel"):
            try:
                return (await self._post(f"{_path(id)}/cancel", Intent, f"cancel:{id}:{uuid4()}")).payment()
            except stripe.InvalidRequestError as error:
                if error.code != "payment_intent_unexpected_state":
                    raise
                intent = decode(msgspec.json.encode(error_of(error).get("payment_intent")), Intent)
        if intent.status == "canceled":
            return intent.payment()
        if intent.status in ("succeeded", "processing"):
            raise PaymentFinal(payment_status=intent.status)
        raise Unavailable("the payment cannot be cancelled at present")

    async def refund(self, *, refund_id: UUID, payment_id: str, amount: Money, reason: str) -> Refund:
        """See Payments."""
        parameters: dict[str, Any] = {"payment_intent": payment_id, "amount": amount.amount, "metadata": {"refund_id": str(refund_id)}}
        if reason != "other":
            parameters["reason"] = reason
        async with self._call("refund"):
            try:
                return (await self._post(REFUNDS, MoneyBack, f"refund:{refund_id}", **parameters)).refund()
            except stripe.StripeError as error:
                if not is_kept_failure(error):
                    raise
                for refund in await self._refunds(payment_id):
                    if refund.refund_id == refund_id:
                        return refund
        raise PaymentRefused(reason="nothing_created")

    async def refunds(self, *, payment_id: str) -> list[Refund]:
        """See Payments."""
        async with self._call("refunds"):
            found = await self._refunds(payment_id)
            if not found:  # a list does not say whether the payment exists
                await self._get(_path(payment_id), Intent)
        return found

    async def since(self, *, seconds: int, cursor: str | None = None) -> PaymentPage:
        """See Payments."""
        async with self._call("since"):
            page = await self._created_since(seconds, cursor)
        items = [intent.payment() for intent in page.data]
        return PaymentPage(items, items[-1].id if page.has_more and items else None)

    async def check(self) -> list[str]:
        """See Payments."""
        settings, wrong = self._settings, []
        if ("_live_" in settings.secret_key.reveal()) != ("_live_" in settings.publishable_key):
            wrong.append("Of the Stripe keys one is live and the other for tests (SHOP_STRIPE_SECRET_KEY, SHOP_STRIPE_PUBLISHABLE_KEY).")
        try:
            async with self._call("check"):
                await self._get(INTENTS, Intents, limit=1)
        except Problem as problem:
            wrong.append(f"Stripe at {settings.api_base} cannot be used: {problem.detail} (SHOP_STRIPE_SECRET_KEY, SHOP_STRIPE_API_BASE).")
        return wrong

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.close_async()

    @asynccontextmanager
    async def _call(self, name: str) -> AsyncIterator[None]:
        assert_no_transaction(f"Payments.{name}")
        try:
            async with asyncio.timeout(SECONDS[name]):
                yield
        except stripe.StripeError as error:
            raise problem_of(error) from error
        except TimeoutError as error:
            raise Unavailable(f"the payment provider did not answer in {SECONDS[name]:g} s") from error

    async def _get(self, path: str, kind: type[T], **parameters: Any) -> T:
        return await self._request("get", path, kind, **parameters)

    async def _post(self, path: str, kind: type[T], key: str, **parameters: Any) -> T:
        return await self._request("post", path, kind, idempotency_key=key, **parameters)

    async def _request(self, verb: str, path: str, kind: type[T], **parameters: Any) -> T:
        try:
            answer = await cast(Any, self._client).raw_request_async(verb, path, **parameters)  # spares StripeObject's 2 ms
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # the library stumbles over errors that a proxy wrote
            raise Unavailable("the payment provider answered something unexpected") from error
        return decode(answer.body, kind)

    async def _created_since(self, seconds: int, cursor: str | None) -> Intents:
        after = {"starting_after": cursor} if cursor else {}
        return await self._get(INTENTS, Intents, created={"gte": int(time.time()) - seconds}, limit=PAGE, **after)

    async def _made_all_the_same(self, order_id: UUID, attempt: int) -> Intent:
        """Look for the payment behind a kept failure: lists, unlike searches, are never behind."""
        wanted, cursor = {"order_id": str(order_id), "attempt": str(attempt)}, None
        for _ in range(PAGES_SEARCHED):
            page = await self._created_since(KEY_LIVES, cursor)
            for intent in page.data:
                if wanted.items() <= intent.metadata.items():
                    return intent
            if not page.has_more or not page.data:
                raise PaymentRefused(reason="nothing_created")
            cursor = page.data[-1].id
        raise Unavailable("the payment provider failed, and the payment is not among the newest ones")

    async def _refunds(self, payment_id: str) -> list[Refund]:
        found: list[MoneyBack] = []
        after: dict[str, str] = {}
        while True:
            page = await self._get(REFUNDS, MoneyBacks, payment_intent=payment_id, limit=PAGE, **after)
            found += page.data
            if not page.has_more or not page.data:
                return [refund.refund() for refund in found]
            after = {"starting_after": page.data[-1].id}


def _path(id: str) -> str:
    """Give the address of a payment; what Stripe would never make as an id must not lead anywhere else."""
    if not ID.fullmatch(id):
        raise PaymentNotFound
    return f"{INTENTS}/{id}"


def adapter(settings: Stripe) -> StripePayments:
    """Give the payments port of this account; close it at shutdown."""
    logging.getLogger("stripe").setLevel(logging.WARNING)
    return StripePayments(settings)


def webhooks(settings: Stripe) -> WebhookVerifier:
    """Give the verifier of this account's webhooks."""
    return StripeWebhooks(settings.webhook_secret)
