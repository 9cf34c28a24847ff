"""The twin's pages, as a browser without JavaScript uses them."""

import re
from typing import Any

import pytest


async def press(twin: Any, intent: Any, action: str, **more: str) -> str:
    """Press a button of the payment page and give the page that follows."""
    form = {"client_secret": intent.client_secret, "action": action} | more
    answer = await twin.http.post(f"/pay/{intent.id}", data=form, follow_redirects=True)
    assert answer.status_code == 200
    return str(answer.text)


async def test_a_person_declines_tries_again_and_pays(twin: Any) -> None:
    """The page shows amount and order; a decline leaves the form; paying ends with the way back to the shop."""
    intent = await twin.pay(123_456, metadata={"order_id": "o1", "order_number": "A-1001"})
    address = f"/pay/{intent.id}?client_secret={intent.client_secret}"
    text = (await twin.http.get(address)).text
    assert "€1,234.56" in text
    assert "Order A-1001" in text
    assert "Your card was declined." in await press(twin, intent, "decline")
    after = await press(twin, intent, "pay", payment_method="pm_card_visa", return_url="http://localhost:8000/orders/1")
    assert "Thank you" in after
    assert 'href="http://localhost:8000/orders/1"' in after
    assert (await twin.client.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"


@pytest.mark.parametrize(("action", "status"), [("authenticate", "succeeded"), ("refuse", "requires_payment_method")])
async def test_the_bank_asks(twin: Any, action: str, status: str) -> None:
    """The 3-D Secure step is on the same page."""
    intent = await twin.pay()
    assert "3-D Secure" in await press(twin, intent, "pay", payment_method="pm_card_threeDSecure2Required")
    await press(twin, intent, action)
    assert (await twin.client.v1.payment_intents.retrieve_async(intent.id)).status == status


async def test_only_the_client_secret_opens_the_page(twin: Any) -> None:
    """No secret, no page, no step; a script as the way back is not offered."""
    intent = await twin.pay()
    assert (await twin.http.get(f"/pay/{intent.id}")).status_code == 404
    form = {"client_secret": "guess", "action": "pay"}
    assert (await twin.http.post(f"/pay/{intent.id}", data=form, follow_redirects=True)).status_code == 404
    assert (await twin.client.v1.payment_intents.retrieve_async(intent.id)).status == "requires_payment_method"
    await twin.client.v1.payment_intents.cancel_async(intent.id)
    page = await twin.http.get(f"/pay/{intent.id}", params={"client_secret": intent.client_secret, "return_url": "javascript:alert(1)"})
    assert "javascript:" not in page.text


async def test_the_list_escapes_what_the_shop_sent(twin: Any) -> None:
    """Descriptions are text, whatever is in them; nothing comes from another host."""
    await twin.pay(method="pm_card_visa", description="<script>alert(1)</script>", metadata={"order_number": "<b>evil</b>"})
    answer = await twin.http.get("/")
    assert "&lt;b&gt;evil&lt;/b&gt;" in answer.text
    assert "<b>evil</b>" not in answer.text
    assert re.search(r"script-src 'nonce-[\w-]+'", answer.headers["content-security-policy"])
    assert not re.search(r"(?:src|href)=.https?://", answer.text)
    assert (await twin.http.get("/v1/nothing")).json()["error"]["message"] == "Unrecognized request URL (GET: /v1/nothing)."
