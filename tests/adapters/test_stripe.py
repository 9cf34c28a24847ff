"""What the Stripe adapter does that no fake shows: its keys, its answers to faults, and the webhooks it believes."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import stripe as library
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support.loopback import free_port
from tests.support.outside import WEBHOOK_SECRET, Outside, outside
from tests.support.wire import answering

from shop.adapters.stripe import StripePayments, adapter, webhooks
from shop.kit.money import Money
from shop.kit.problems import Invalid, Unavailable
from shop.kit.secret import Secret
from shop.ports.payments import WebhookEvent
from shop.settings import Stripe

EUR_20 = Money(2000, "EUR")
SETTINGS = Stripe(Secret("sk_test_shop"), "pk_test_shop", Secret(WEBHOOK_SECRET))
SIGN = library.WebhookSignature.generate_signature_header


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Outside]:
    """Give a Stripe twin."""
    async with outside(tmp_path, "http://127.0.0.1:9") as opened:
        yield opened


@asynccontextmanager
async def speaking(settings: Stripe) -> AsyncIterator[StripePayments]:
    """Give an adapter for the length of the block."""
    made = adapter(settings)
    try:
        yield made
    finally:
        await made.aclose()


def created(payments: StripePayments) -> Awaitable[Any]:
    """Create some payment."""
    return payments.create(order_id=uuid4(), attempt=1, amount=EUR_20, number="A-1001")


async def test_every_command_names_its_effect_by_a_key(world: Outside) -> None:
    """A payment by order and attempt, a refund by its row, a cancellation by itself."""
    order, row = uuid4(), uuid4()
    async with speaking(world.stripe) as payments:
        payment = await payments.create(order_id=order, attempt=2, amount=EUR_20, number="A-1001")
        other = await created(payments)
        await world.pays(payment.client_secret)
        await payments.refund(refund_id=row, payment_id=payment.id, amount=EUR_20, reason="other")
        await payments.cancel(id=other.id)
    keys = [use["key"] for use in (await world.control("GET", "/requests"))["by_key"]]
    assert keys[0] == f"pi:{order}:2"
    assert f"refund:{row}" in keys
    assert any(key.startswith(f"cancel:{other.id}:") for key in keys)


async def test_the_order_stands_in_the_payment(world: Outside) -> None:
    """Whoever looks at Stripe's dashboard, or sweeps, finds the order again; the customer chooses how to pay."""
    order = uuid4()
    async with speaking(world.stripe) as payments:
        await payments.create(order_id=order, attempt=1, amount=Money(1999, "EUR"), number="A-1001")
    (intent,) = (await world.control("GET", "/payment_intents"))["items"]
    assert intent["metadata"] == {"order_id": str(order), "attempt": "1", "number": "A-1001"}
    assert (intent["amount"], intent["currency"], intent["capture_method"]) == (1999, "eur", "automatic")
    assert intent["automatic_payment_methods"]["enabled"] is True


async def test_a_lost_answer_is_asked_for_once_more_in_the_same_request(world: Outside) -> None:
    """One loss is not even noticed, and nothing happens twice."""
    await world.breaks(lose_answers=1)
    async with speaking(world.stripe) as payments:
        payment = await created(payments)
    (use,) = (await world.control("GET", "/requests"))["by_key"]
    assert (use["requests"], use["executed"], use["replayed"]) == (2, 1, 1)
    assert (await world.totals())[str(payment.order_id)]["intents"] == 1


async def test_a_failure_that_had_its_effect_is_found(world: Outside) -> None:
    """Stripe failed after it had made the payment and repeats its failure: the payment is looked for, and nothing is made again."""
    order = uuid4()
    await world.breaks(fail_requests=1, fail_status=500, fail_after_effect=True)
    async with speaking(world.stripe) as payments:
        with pytest.raises(Unavailable):
            await payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001")
        payment = await payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001")
    assert (payment.order_id, payment.attempt) == (order, 1)
    assert (await world.totals())[str(order)]["intents"] == 1


@pytest.mark.parametrize(("status", "failures", "tries"), [(429, 1, 1), (503, 2, 2)])
async def test_what_stripe_cannot_do_now_is_unavailable(world: Outside, status: int, failures: int, tries: int) -> None:
    """It asks to slow down, and is left alone; it is broken, and is asked once more."""
    await world.breaks(fail_requests=failures, fail_status=status)
    async with speaking(world.stripe) as payments:
        with pytest.raises(Unavailable) as unavailable:
            await created(payments)
        assert unavailable.value.retry_after == 1.0
        await created(payments)
    assert (await world.control("GET", "/requests"))["by_key"][0]["requests"] == tries


async def test_a_key_that_stripe_refuses_is_no_refusal_of_the_order(world: Outside, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong key is the shop's own trouble: orders wait, the log says what to do, the doctor too, and the key is in neither."""
    wrong = replace(world.stripe, secret_key=Secret("sk_test_wrong"))
    async with speaking(wrong) as payments:
        with pytest.raises(Unavailable):
            await created(payments)
        said = await payments.check()
    assert "SHOP_STRIPE_SECRET_KEY" in caplog.text
    assert "SHOP_STRIPE_SECRET_KEY" in said[0]
    assert "sk_test_wrong" not in caplog.text + said[0]


async def test_the_doctor_tells_a_live_key_from_a_test_key(world: Outside) -> None:
    """Half live and half test is no shop."""
    async with speaking(replace(world.stripe, publishable_key="pk_live_shop")) as payments:
        assert len(await payments.check()) == 1


async def test_nobody_there_is_unavailable() -> None:
    """A refused connection is soon known."""
    async with speaking(replace(SETTINGS, api_base=f"http://127.0.0.1:{free_port()}")) as payments:
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await created(payments)
        assert time.monotonic() - started < 5
        assert "does not answer" in (await payments.check())[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 13\r\n\r\n<html>no</htm",
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html>no</htm",
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"id": "pi"',
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"id": "pi"}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 409 Conflict\r\nContent-Length: 55\r\n\r\n{"error": {"type": "idempotency_error", "message": ""}}',
        b'HTTP/1.1 500 Oops\r\nContent-Length: 17\r\n\r\n{"error": "oops"}',
        b"HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_that_makes_no_sense_is_unavailable(answer: bytes) -> None:
    """Whatever a proxy in between says, the outcome is unknown, and that is all that is said."""
    async with answering(answer) as url, speaking(replace(SETTINGS, api_base=url)) as payments:
        with pytest.raises(Unavailable):
            await created(payments)


async def test_a_request_pins_the_version_and_shows_the_key_to_nobody_else() -> None:
    """The version is the library's, so an account's default cannot change what is read."""
    seen: list[bytes] = []
    async with answering(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", seen) as url, speaking(replace(SETTINGS, api_base=url)) as payments:
        with pytest.raises(Unavailable):
            await created(payments)
    head = seen[0].decode().lower()
    assert f"stripe-version: {library.api_version}".lower() in head
    assert "authorization: bearer sk_test_shop" in head
    assert "automatic_payment_methods[enabled]=true" in head


def event(object: dict[str, Any], **changes: Any) -> str:
    """Write a webhook's body."""
    return json.dumps({"id": "evt_1", "object": "event", "type": "any", "created": 1_790_000_000, "data": {"object": object}} | changes)


PI = {"object": "payment_intent", "id": "pi_1"}


@pytest.mark.parametrize(
    ("object", "payment_id"),
    [
        (PI, "pi_1"),
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_2"}, "pi_2"),
        ({"object": "refund", "id": "re_1", "payment_intent": {"id": "pi_3", "object": "payment_intent"}}, "pi_3"),
        ({"object": "dispute", "id": "du_1", "payment_intent": None}, None),
        ({"object": "customer", "id": "cus_1", "secret": {"deep": [1, 2]}}, None),
    ],
)
def test_a_signed_event_is_believed(object: dict[str, Any], payment_id: str | None) -> None:
    """The few fields that are used are read; which payment it is about, too."""
    body = event(object)
    read = webhooks(SETTINGS).verify(body.encode(), SIGN(body, WEBHOOK_SECRET))
    assert read == WebhookEvent("evt_1", "any", payment_id, datetime.fromtimestamp(1_790_000_000, UTC))


Spoil = Callable[[str, str], tuple[bytes, str]]
SPOILED: dict[str, Spoil] = {
    "another body": lambda body, signature: (body.replace("pi_1", "pi_2").encode(), signature),
    "another secret": lambda body, _: (body.encode(), SIGN(body, "whsec_other")),
    "no signature": lambda body, _: (body.encode(), ""),
    "an old one": lambda body, _: (body.encode(), SIGN(body, WEBHOOK_SECRET, int(time.time()) - 301)),
    "another scheme": lambda body, signature: (body.encode(), signature.replace("v1=", "v0=")),
    "letters of elsewhere": lambda body, signature: (body.encode(), signature[:-1] + "é"),
    "no text": lambda _, signature: (b"\xff\xfe", signature),
}


@pytest.mark.parametrize("how", SPOILED)
def test_anything_else_is_refused(how: str) -> None:
    """What Stripe did not sign, or not lately, is Invalid."""
    body = event(PI)
    with pytest.raises(Invalid):
        webhooks(SETTINGS).verify(*SPOILED[how](body, SIGN(body, WEBHOOK_SECRET)))


@given(st.text(), st.text())
def test_no_signature_breaks_the_verifier(body: str, signature: str) -> None:
    """Whatever is sent, it is Invalid and nothing else."""
    with pytest.raises(Invalid):
        webhooks(SETTINGS).verify(body.encode("utf-8", "replace"), signature)


@pytest.mark.parametrize(
    "body",
    [
        *("", "[]", "{}", "null", "[" * 100_000),
        *(event(PI, id=""), event(PI, id="e" * 256), event(PI, created=-1), event(PI, created=10**15), event(PI, data={})),
    ],
)
def test_a_signed_body_that_is_no_event_is_invalid(body: str) -> None:
    """Nothing half-read goes on, and nothing that no database could keep."""
    with pytest.raises(Invalid):
        webhooks(SETTINGS).verify(body.encode(), SIGN(body, WEBHOOK_SECRET))


async def test_the_twin_signs_as_stripe_does(world: Outside) -> None:
    """An event of the twin passes the verifier with the payment that it is about."""
    async with speaking(world.stripe) as payments:
        payment = await created(payments)
    (told,) = (await world.control("GET", "/events"))["items"]
    body = json.dumps(told)
    assert webhooks(world.stripe).verify(body.encode(), SIGN(body, WEBHOOK_SECRET)).payment_id == payment.id
