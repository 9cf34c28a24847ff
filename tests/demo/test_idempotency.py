"""Idempotency and what can go wrong between a shop and Stripe: nothing is ever done twice for one key."""

import asyncio
from typing import Any

import httpx
import pytest
import stripe

KEY = {"idempotency_key": "pi:order-1:1"}
PARAMS: Any = {"amount": 1999, "currency": "eur", "metadata": {"order_id": "order-1"}}


async def create(twin: Any, **more: Any) -> stripe.PaymentIntent:
    """Create the payment of order-1 under its key."""
    intent: stripe.PaymentIntent = await twin.client.v1.payment_intents.create_async(PARAMS | more, KEY)
    return intent


async def use_of_key(twin: Any) -> dict[str, Any]:
    """Give the counts of the key."""
    (use,) = (await twin.control("GET", "/requests"))["by_key"]
    return dict(use)


async def test_the_same_key_gives_the_same_payment(twin: Any) -> None:
    """The second request is answered from memory and says so; other parameters are refused."""
    first, second = await create(twin), await create(twin)
    assert first.last_response
    assert second.last_response
    assert first.id == second.id
    assert second.last_response.headers["idempotent-replayed"] == "true"
    assert second.last_response.headers["original-request"] == first.last_response.headers["request-id"]
    with pytest.raises(stripe.IdempotencyError):
        await create(twin, amount=2000)
    use = await use_of_key(twin)
    assert (use["requests"], use["executed"], use["replayed"], use["statuses"]) == (3, 1, 1, [200, 200, 400])


async def test_a_lost_answer_is_found_again_by_its_key(twin: Any) -> None:
    """The connection breaks after the payment was made: the client does not know, the key does."""
    await twin.faults(lose_answers=1)
    with pytest.raises(stripe.APIConnectionError):
        await create(twin)
    again = await create(twin)
    assert [each["id"] for each in (await twin.control("GET", "/payment_intents"))["items"]] == [again.id]
    assert (await use_of_key(twin))["lost"] == 1


async def test_a_client_that_gave_up_is_charged_all_the_same(twin: Any) -> None:
    """A time-out says nothing: Stripe goes on executing, and the key gives the payment that was made."""
    await twin.faults(slow_execution=0.15)
    form = {"amount": "1999", "currency": "eur"}
    headers = {"Idempotency-Key": "k"}
    with pytest.raises(httpx.ReadTimeout):
        await twin.http.post("/v1/payment_intents", data=form, headers=headers, timeout=0.05)
    await twin.faults()
    answer = await twin.http.post("/v1/payment_intents", data=form, headers=headers)
    while answer.status_code == 409:
        answer = await twin.http.post("/v1/payment_intents", data=form, headers=headers)
    assert answer.headers["idempotent-replayed"] == "true"
    assert len((await twin.control("GET", "/payment_intents"))["items"]) == 1


async def test_a_key_in_use_is_409(twin: Any) -> None:
    """Two requests at once: one is executed, the other is told to come again."""
    await twin.faults(slow_execution=0.2)
    results = await asyncio.gather(create(twin), create(twin), return_exceptions=True)
    refused = [each for each in results if isinstance(each, stripe.StripeError) and each.error]
    assert [(each.http_status, each.error and each.error.code) for each in refused] == [(409, "idempotency_key_in_use")]
    assert len((await twin.control("GET", "/payment_intents"))["items"]) == 1


async def test_a_decline_is_kept_under_its_key(twin: Any) -> None:
    """A repeated confirmation gives the same 402, and the bank is not asked again."""
    intent = await twin.pay()
    params: Any = {"payment_method": "pm_card_chargeDeclined"}
    replayed: list[bool] = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            await twin.client.v1.payment_intents.confirm_async(intent.id, params, {"idempotency_key": "confirm"})
        replayed.append("idempotent-replayed" in (declined.value.headers or {}))
    assert replayed == [False, True]
    failed = [each for each in (await twin.control("GET", "/events"))["items"] if each["type"] == "payment_intent.payment_failed"]
    assert len(failed) == 1


async def test_a_500_is_kept_a_429_and_bad_parameters_are_not(twin: Any) -> None:
    """Stripe keeps the answer of what began executing, whatever it was; what was refused before may be tried again."""
    await twin.faults(fail_requests=1, fail_status=429)
    with pytest.raises(stripe.RateLimitError):
        await create(twin)
    with pytest.raises(stripe.InvalidRequestError):
        await create(twin, amount=1)
    await twin.faults(fail_requests=1, fail_status=500, fail_after_effect=True)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            await create(twin)
        assert (failed.value.headers or {})["stripe-should-retry"] == "false"
    assert len((await twin.control("GET", "/payment_intents"))["items"]) == 1


async def test_faults_hit_only_what_they_match(twin: Any) -> None:
    """A pattern of method and path limits a fault to one kind of request."""
    await twin.faults(fail_requests=5, fail_status=503, match="POST /v1/payment_intents/*/cancel")
    intent = await twin.pay(method="pm_card_visa")
    assert intent.status == "succeeded"
    other = await twin.pay()
    with pytest.raises(stripe.APIError):
        await twin.client.v1.payment_intents.cancel_async(other.id)


async def test_keys_are_forgotten_after_a_day(twin: Any) -> None:
    """After 24 hours the same key makes another payment: look up by metadata, never create again."""
    first = await create(twin)
    await twin.faults(clock_ahead=24 * 3600 + 1)
    assert (await create(twin)).id != first.id
