"""Refunds: never more than was paid, whatever the order and however slow the bank."""

from asyncio import gather
from typing import Any

import pytest
import stripe


async def test_refunds_end_where_the_payment_ends(twin: Any) -> None:
    """A part, then too much, then the rest, then nothing more."""
    intent = await twin.pay(1999, "pm_card_visa")
    refunds = twin.client.v1.refunds
    part = await refunds.create_async({"payment_intent": intent.id, "amount": 500, "reason": "requested_by_customer"})
    assert (part.status, part.amount) == ("succeeded", 500)
    with pytest.raises(stripe.InvalidRequestError, match=r"€15\.00.*greater than unrefunded amount.*€14\.99"):
        await refunds.create_async({"payment_intent": intent.id, "amount": 1500})
    rest = await refunds.create_async({"payment_intent": intent.id, "metadata": {"refund": "2"}})
    assert rest.amount == 1499
    with pytest.raises(stripe.InvalidRequestError) as over:
        await refunds.create_async({"payment_intent": intent.id})
    assert over.value.code == "charge_already_refunded"
    listed = await refunds.list_async({"payment_intent": intent.id})
    assert [each.id for each in listed.data] == [rest.id, part.id]


async def test_concurrent_refunds_do_not_add_up_to_more(twin: Any) -> None:
    """Ten want 300 of 1000 at once: three get it."""
    intent = await twin.pay(1000, "pm_card_visa")
    asked = (twin.client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 300}) for _ in range(10))
    results = await gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, stripe.Refund) for each in results) == 3
    assert (await twin.control("GET", "/orders"))["order-1"]["refunded"] == 900


async def test_an_unpaid_payment_has_nothing_to_refund(twin: Any) -> None:
    """A refund of what was never paid is a state error."""
    intent = await twin.pay()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await twin.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_a_failed_refund_can_be_made_again(twin: Any) -> None:
    """A refund stays pending, fails, tells so, and its amount is refundable again."""
    await twin.faults(refunds="pending")
    intent = await twin.pay(1000, "pm_card_visa")
    refund = await twin.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "pending"
    await twin.control("POST", f"/refunds/{refund.id}/settle", json={"outcome": "failed"})
    failed = await twin.client.v1.refunds.retrieve_async(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    await twin.faults()
    again = await twin.client.v1.refunds.create_async({"payment_intent": intent.id})
    assert (again.status, again.amount) == ("succeeded", 1000)
    types = await twin.delivered()
    assert {"refund.created", "charge.refunded", "refund.updated", "refund.failed"} <= set(types)
