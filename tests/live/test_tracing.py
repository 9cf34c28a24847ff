"""One request is one trace: nginx lets its name through, the gateway has a span of its own, the last span is a statement three processes away."""

import asyncio
from collections.abc import Callable

import httpx
from tests.live.four import PATIENCE, Four, reaches
from tests.support.shop import Shop, eventually
from tests.tracing.collector import Caller, Collector

GATEWAY = "shop-gateway"
KEYS = "/.well-known/jwks.json"


async def arrived(look: Callable[[], bool]) -> None:
    """Wait for spans, which are sent in batches."""

    async def is_there() -> bool:
        return look()

    await eventually(is_there, PATIENCE)


async def test_one_trace_goes_from_the_gateway_to_the_last_database(shop: Shop, collector: Collector) -> None:
    """Each span hangs on the one that caused it: gateway, sales, its call to cart, cart, its call to products, products, its statement."""
    await shop.product("mug", stock=3)
    guest, caller = await shop.guest().fills(mug=1), Caller()
    guest.headers["traceparent"] = caller.traceparent
    await guest.orders()

    sales = f"{GATEWAY}: POST /api/v1/orders > shop-sales: POST /api/v1/orders"
    cart = f"{sales} > shop-sales: Carts.begin > shop-cart: PUT /internal/cart/checkouts/{{id}}"
    products = f"{cart} > shop-cart: Products.reserve > shop-products: PUT /internal/products/reservations/{{id}}"
    await arrived(lambda: f"{products} > shop-products: UPDATE products" in caller.paths(collector))
    spans = caller.spans(collector)
    assert {span.service for span in spans} == {GATEWAY, "shop-sales", "shop-cart", "shop-products"}
    assert len(caller.paths(collector)) > 10
    assert not any(span.failed for span in spans)
    sent = "".join(f"{span.name}{span.attributes}" for span in spans if span.service == GATEWAY)
    assert not any(secret in sent for secret in ("guest@example.com", guest.headers["X-Order-Token"], "127.0.0.1"))


async def test_a_span_of_the_gateway_tells_route_and_status_and_no_path(four: Four, shop: Shop, collector: Collector) -> None:
    """404 is an answer, also where no route leads; a service that says nothing is a failure, and probes leave no span."""
    caller = Caller()
    headers = {"traceparent": caller.traceparent}
    assert (await shop.client.get("/api/v1/products/none?q=ana@example.com", headers=headers)).status_code == 404
    assert (await shop.client.get("/nowhere", headers=headers)).status_code == 404
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{four.servers.management_url}/actuator/health", headers=headers)).status_code == 200
    users = four.only("users")
    users.freeze()
    try:
        assert (await shop.client.get(KEYS, headers=headers)).status_code == 503
    finally:
        users.thaw()

    def of_gateway() -> set[tuple[str, str | None, bool]]:
        spans = [span for span in caller.spans(collector) if span.service == GATEWAY]
        return {(span.name, span.attributes.get("http.response.status_code"), span.failed) for span in spans}

    wanted = {
        ("GET /api/v1/products/**", "404", False),
        ("GET UNKNOWN", "404", False),
        (f"GET {KEYS}", "503", True),
    }
    await arrived(lambda: len(of_gateway()) >= len(wanted))
    assert of_gateway() == wanted


async def test_without_a_collector_the_gateway_is_as_if_it_knew_no_traces(four: Four, collector: Collector) -> None:
    """It starts, says nothing about them, and what the caller named is the parent of the service's span."""
    caller = Caller()
    another, url = four.servers.gateway_without_a_collector()
    another.start()
    try:
        await asyncio.to_thread(another.ready)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            await eventually(lambda: reaches(client, KEYS), PATIENCE)
            assert (await client.get(KEYS, headers={"traceparent": caller.traceparent})).status_code == 200
        await arrived(lambda: f"shop-users: GET {KEYS}" in caller.paths(collector))
        assert "telemetry" not in another.log.read_text().lower()
    finally:
        another.stop()
