"""Webhooks: signed as Stripe's library wants it, retried, repeated, dropped, and never forgotten."""

from typing import Any

from tests.support.loopback import free_port

from shop.demo.serving import serving
from shop.demo.stripe_twin import create_app


async def test_events_arrive_signed(twin: Any) -> None:
    """The receiver verifies every one with Stripe's own library; the event tells which request caused it."""
    params: Any = {"amount": 1999, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
    intent = await twin.client.v1.payment_intents.create_async(params, {"idempotency_key": "k1"})
    assert sorted(await twin.delivered()) == ["payment_intent.created", "payment_intent.succeeded"]
    told = next(event for event in twin.receiver.got if event.type == "payment_intent.succeeded")
    assert told.data.object["id"] == intent.id
    assert told.request.idempotency_key == "k1"
    listed = await twin.client.v1.events.list_async({"type": "payment_intent.succeeded"})
    assert [event.id for event in listed.data] == [told.id]


async def test_a_refused_delivery_comes_again(twin: Any) -> None:
    """After a 500 and a redirect the same event is sent until it is accepted."""
    await twin.faults(retry_after=0.01)
    twin.receiver.answers = [500, 302]
    await twin.pay()
    assert await twin.delivered() == ["payment_intent.created"] * 3
    (delivery,) = (await twin.control("GET", "/deliveries"))["items"]
    assert (delivery["state"], delivery["attempts"], delivery["status"]) == ("delivered", 3, 200)


async def test_webhooks_can_be_dropped_duplicated_and_held(twin: Any) -> None:
    """The three ways in which a shop must not rely on webhooks."""
    await twin.faults(drop_webhooks=True)
    await twin.pay()
    await twin.faults(duplicate_webhooks=2)
    await twin.pay()
    assert await twin.delivered() == ["payment_intent.created"] * 3
    await twin.faults(hold_webhooks=True)
    await twin.pay(method="pm_card_visa")
    newest = (await twin.control("GET", "/events"))["items"][0]
    await twin.control("POST", f"/events/{newest['id']}/deliver")
    assert twin.receiver.types()[3:] == ["payment_intent.succeeded"]
    await twin.faults()
    assert (await twin.delivered())[4:] == ["payment_intent.created"]


async def test_what_was_not_delivered_is_delivered_after_a_restart(twin: Any) -> None:
    """A second process over the same file goes on where the first was stopped."""
    await twin.faults(hold_webhooks=True)
    intent = await twin.pay(method="pm_card_visa")
    async with serving(create_app(twin.settings), port=free_port()) as url:
        await twin.http.delete(f"{url}/twin/faults")
        drained = await twin.http.post(f"{url}/twin/webhooks/drain")
        again = await twin.http.get(f"{url}/v1/payment_intents/{intent.id}")
    assert drained.json() == {"pending": 0}
    assert again.json()["status"] == "succeeded"
    assert sorted(twin.receiver.types()) == ["payment_intent.created", "payment_intent.succeeded"]


async def test_an_endpoint_of_its_own_has_a_secret_of_its_own(twin: Any) -> None:
    """Endpoints are made, listed and deleted as with Stripe."""
    made = await twin.client.v1.webhook_endpoints.create_async({"url": "http://127.0.0.1:9/none", "enabled_events": ["refund.failed"]})
    assert made.secret.startswith("whsec_")
    assert (await twin.client.v1.webhook_endpoints.delete_async(made.id)).deleted
    assert (await twin.client.v1.webhook_endpoints.list_async()).data == []
