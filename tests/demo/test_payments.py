"""What the official client sees of a twin: payments, declines, 3-D Secure, idempotency."""

from asyncio import gather
from typing import Any

import httpx
import pytest
import stripe

PUBLISHABLE = {"Authorization": "Bearer pk_test_demo"}


async def test_a_payment_succeeds_and_is_in_the_books(twin: Any) -> None:
    """A card pays, the money is received, the charge can be expanded, the order can be found by its id."""
    intent = await twin.pay(1999, "pm_card_visa", automatic_payment_methods={"enabled": True})
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 1999, "eur")

    seen = await twin.client.v1.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert seen.latest_charge.amount_captured == 1999
    found = await twin.client.v1.payment_intents.search_async({"query": "metadata['order_id']:'order-1' AND status:'succeeded'"})
    assert [each.id for each in found.data] == [intent.id]
    balance = await twin.client.v1.balance.retrieve_async()
    assert balance.available[0].amount == 1999


async def test_a_decline_leaves_the_intent_open_for_another_try(twin: Any) -> None:
    """Declined with 402 and a reason, requires_payment_method again, then paid by another card."""
    intent = await twin.pay()
    with pytest.raises(stripe.CardError) as declined:
        await twin.client.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"})
    error: Any = declined.value
    assert (error.http_status, error.code, error.error.decline_code) == (402, "card_declined", "insufficient_funds")

    open_still = await twin.client.v1.payment_intents.retrieve_async(intent.id)
    assert open_still.status == "requires_payment_method"
    assert open_still.last_payment_error.decline_code == "insufficient_funds"
    paid = await twin.client.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)


@pytest.mark.parametrize(("passed", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
async def test_three_d_secure_waits_for_the_customer(twin: Any, passed: bool, status: str) -> None:
    """A card that asks for authentication ends as the customer ends it."""
    intent = await twin.pay(method="pm_card_threeDSecure2Required")
    assert intent.status == "requires_action"
    assert intent.next_action.redirect_to_url.url.startswith(f"{twin.url}/pay/{intent.id}")
    await twin.control("POST", f"/payment_intents/{intent.id}/authenticate", json={"passed": passed})
    assert (await twin.client.v1.payment_intents.retrieve_async(intent.id)).status == status


async def test_a_debit_is_processing_until_the_bank_has_decided(twin: Any) -> None:
    """A processing payment can neither be cancelled nor confirmed; it ends when it is settled."""
    intent = await twin.pay(method="pm_usBankAccount_processing")
    assert intent.status == "processing"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await twin.client.v1.payment_intents.cancel_async(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    await twin.control("POST", f"/payment_intents/{intent.id}/settle", json={"outcome": "succeeded"})
    assert (await twin.client.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"


async def test_a_debit_settles_on_its_own(twin: Any) -> None:
    """Nobody has to press a button: after `settle_after` seconds the bank has decided."""
    await twin.faults(settle_after=0.05)
    await twin.pay(method="pm_sepaDebit_failed")
    types = await twin.delivered()
    while "payment_intent.payment_failed" not in types:
        types = await twin.delivered()
    assert set(types) == {"payment_intent.created", "payment_intent.processing", "payment_intent.payment_failed"}


async def test_a_cancelled_payment_is_over(twin: Any) -> None:
    """Cancelled stays cancelled, whoever confirms; and what succeeded cannot be cancelled."""
    intent = await twin.pay()
    gone = await twin.client.v1.payment_intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    paid = await twin.pay(method="pm_card_visa")
    for call in (
        twin.client.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"}),
        twin.client.v1.payment_intents.cancel_async(intent.id),
        twin.client.v1.payment_intents.cancel_async(paid.id),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="status of"):
            await call


async def test_capture_later(twin: Any) -> None:
    """A manual payment is only reserved until it is captured, in part if need be."""
    intent = await twin.pay(5000, "pm_card_visa", capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 5000)
    taken = await twin.client.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 3000})
    assert (taken.status, taken.amount_received) == ("succeeded", 3000)


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"amount": 49, "currency": "eur"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "eur"}, "amount_too_large", "amount"),
        ({"amount": "ten", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": 100, "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": 100, "currency": "eur", "payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
    ],
)
async def test_bad_parameters_are_named(twin: Any, params: dict[str, Any], code: str, param: str) -> None:
    """What Stripe would refuse is refused, with Stripe's code and the name of the parameter."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await twin.client.v1.payment_intents.create_async(params)
    error: Any = refused.value
    assert (error.http_status, error.code, error.param) == (400, code, param)


async def test_keys_open_what_they_should(twin: Any) -> None:
    """401 for a wrong key, 403 for a publishable one, 404 for an unknown id; browsers need the client secret."""
    intent = await twin.pay()
    wrong = await twin.http.get("/v1/balance", headers={"Authorization": "Bearer sk_test_other"})
    assert wrong.status_code == 401
    assert wrong.json()["error"]["type"] == "invalid_request_error"
    assert (await twin.http.get("/v1/balance", headers=PUBLISHABLE)).status_code == 403
    assert (await twin.http.get("/twin/requests", headers=PUBLISHABLE)).status_code == 403
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await twin.client.v1.payment_intents.retrieve_async("pi_nobody")
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")

    path = f"/v1/payment_intents/{intent.id}"
    assert (await twin.http.get(path, headers=PUBLISHABLE)).status_code == 400
    assert (await twin.http.get(path, headers=PUBLISHABLE, params={"client_secret": "guess"})).status_code == 400
    seen = await twin.http.get(path, headers=PUBLISHABLE, params={"client_secret": intent.client_secret})
    assert seen.status_code == 200
    assert "metadata" not in seen.json()


async def test_a_browser_confirms_with_the_client_secret(twin: Any) -> None:
    """What Stripe.js does: the publishable key as a parameter, the client secret, a payment method."""
    intent = await twin.pay()
    form = {"key": "pk_test_demo", "client_secret": intent.client_secret, "payment_method": "pm_card_visa"}
    async with httpx.AsyncClient(base_url=twin.url) as browser:
        answer = await browser.post(f"/v1/payment_intents/{intent.id}/confirm", data=form, headers={"Origin": "http://localhost:8000"})
    assert answer.json()["status"] == "succeeded"
    assert answer.headers["access-control-allow-origin"]


async def test_lists_are_paged_newest_first(twin: Any) -> None:
    """The client's own iterator goes through all pages."""
    made = [(await twin.pay(amount)).id for amount in range(100, 107)]
    page = await twin.client.v1.payment_intents.list_async({"limit": 3, "created": {"gte": 1}})
    assert page.has_more
    assert [each.id async for each in page.auto_paging_iter()] == made[::-1]


async def test_sixty_at_once_are_sixty_payments(twin: Any) -> None:
    """Concurrent orders do not disturb each other."""
    await gather(*(twin.pay(100 + number, "pm_card_visa", metadata={"order_id": str(number)}) for number in range(60)))
    totals = await twin.control("GET", "/orders")
    assert len(totals) == 60
    assert all(total["succeeded"] == 1 and total["live"] == 0 for total in totals.values())
