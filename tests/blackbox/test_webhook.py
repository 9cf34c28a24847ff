"""sales: what Stripe tells the shop."""

import hashlib
import hmac
import time

import pytest
from tests.blackbox.outside import Demo, compact, problem, unique


def signed(payload: str, secret: str, at: int | None = None) -> dict[str, str]:
    """Stripe's signature."""
    at = at or int(time.time())
    return {"Stripe-Signature": f"t={at},v1={hmac.new(secret.encode(), f'{at}.{payload}'.encode(), hashlib.sha256).hexdigest()}"}


def test_an_event_about_an_unknown_payment_is_stored(demo: Demo) -> None:
    """200 after the event is stored, and again when it comes again."""
    intent = {"id": "pi_unknown", "object": "payment_intent", "amount": 1, "currency": "eur", "status": "succeeded", "metadata": {}}
    event = {
        "id": unique("evt"),
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": intent},
        "api_version": "2025-01-01",
    }
    payload = compact(event)
    for _ in range(2):
        assert demo.send("POST", "/payments/stripe/webhook", payload, signed(payload, demo.webhook_secret)).status_code == 200
    assert demo.send("POST", "/payments/stripe/webhook", payload, signed(payload, demo.webhook_secret), kind=None).status_code == 200
    large = compact(event | {"id": unique("evt"), "padding": "x" * 200_000})
    assert demo.send("POST", "/payments/stripe/webhook", large, signed(large, demo.webhook_secret)).status_code == 200


def test_a_bad_signature_is_400(demo: Demo) -> None:
    """400 bad signature: another secret, an old time, nonsense, none."""
    payload = compact(
        {"id": unique("evt"), "object": "event", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_x", "object": "payment_intent"}}}
    )
    for bad in (
        signed(payload, "whsec_other"),
        signed(payload, demo.webhook_secret, int(time.time()) - 3600),
        signed(payload + " ", demo.webhook_secret),
        {"Stripe-Signature": "x"},
        {"Stripe-Signature": "t=1,v1="},
        {},
    ):
        problem(demo.send("POST", "/payments/stripe/webhook", payload, bad), 400)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{}",
        "[]",
        "null",
        "x",
        '{"id": 5}',
        '{"id": "evt_1"}',
        '{"id": "evt_2", "type": 5, "data": []}',
        '{"id": "evt_3", "object": "event", "type": "a", "data": {"object": null}}',
        "[" * 5000,
        '{"id": "evt\\u0000"}',
        '{"id": "' + "x" * 5000 + '"}',
    ],
)
def test_nonsense_with_a_good_signature_is_no_bug(demo: Demo, payload: str) -> None:
    """It is refused or stored, never a 500."""
    assert demo.send("POST", "/payments/stripe/webhook", payload, signed(payload, demo.webhook_secret)).status_code in (200, 400)


def test_a_webhook_over_256_kib_is_413(demo: Demo) -> None:
    """Webhooks over 256 KiB are 413; one of 256 KiB is not."""
    for size, status in ((256 * 1024, 400), (256 * 1024 + 1, 413), (3 * 1024 * 1024, 413)):
        payload = "x" * size
        problem(demo.send("POST", "/payments/stripe/webhook", payload, signed(payload, "whsec_other")), status)
