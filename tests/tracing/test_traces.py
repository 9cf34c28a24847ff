"""One request is one trace, from whoever named it to the last database."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from tests.support.loopback import free_port
from tests.support.outside import outside
from tests.support.process import ShopProcess
from tests.support.shop import Shop, eventually
from tests.support.topologies import processes
from tests.tracing.collector import Caller, Collector, collecting


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Give a running collector."""
    with collecting() as running:
        yield running


@pytest.fixture
async def four(collector: Collector, postgresql_url: str, tmp_path: Path) -> AsyncGenerator[Shop]:
    """Give four real processes that send their traces to the collector."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        address = await stack.enter_async_context(processes(tmp_path, postgresql_url, port, world, OTEL_ENDPOINT=collector.url))
        yield Shop(await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=30, trust_env=False)), world, postgresql_url)


async def test_a_submit_is_one_trace_through_four_processes(four: Shop, collector: Collector) -> None:
    """Every span hangs on the caller's, and the deepest is products' statement, two processes away from the request."""
    await four.product("mug", stock=3)
    guest = await four.guest().fills(mug=1)
    caller = Caller()
    guest.headers["traceparent"] = caller.traceparent
    await guest.orders()

    sales = "shop-sales: POST /api/v1/orders"
    cart = "shop-sales: Carts.begin > shop-cart: PUT /internal/cart/checkouts/{id}"
    products = "shop-cart: Products.reserve > shop-products: PUT /internal/products/reservations/{id}"

    wanted = {f"{sales} > shop-sales: Payments.create", f"{sales} > {cart} > {products} > shop-products: UPDATE products"}

    async def arrived() -> bool:
        return wanted <= set(caller.paths(collector))

    await eventually(arrived, 30)
    spans = caller.spans(collector)
    assert len(caller.paths(collector)) > 10
    assert not any(span.failed for span in spans)
    text = "".join(f"{span.name}{span.attributes}" for span in spans)
    assert "guest@example.com" not in text
    assert guest.headers["X-Order-Token"] not in text


async def test_a_failure_is_marked_and_a_refusal_is_not(collector: Collector, sqlite_url: str, tmp_path: Path) -> None:
    """404 is an answer, 503 is a failure; nothing arrives of probes, and what was not sent yet is sent at the end."""
    port = free_port()
    async with outside(tmp_path, f"http://127.0.0.1:{port}") as world:
        settings = {"MODULES": "products,cart", "PEERS_PRODUCTS_URL": f"http://127.0.0.1:{free_port()}", "PORTS_PRODUCTS": "http"}
        process = ShopProcess(
            tmp_path, port, sqlite_url, world, **settings, INTERNAL_SECRET="x" * 32, OTEL_ENDPOINT=collector.url, AUTH_SIGNING_KEY_FILE=""
        )
        await process.start()
        async with httpx.AsyncClient(base_url=f"{process.url}/api/v1", trust_env=False) as client:
            cart = (await client.post("/carts")).json()
            assert (await client.get("/products/none")).status_code == 404
            line = await client.put(f"/carts/{cart['id']}/lines/mug", json={"quantity": 1}, headers={"X-Cart-Token": cart["cart_token"]})
            assert line.status_code == 503
        process.stop()
    found = {span.name: span for span in collector.spans}
    assert found["PUT /api/v1/carts/{cart_id}/lines/{sku}"].failed
    assert found["Products.variants"].failed
    assert found["Products.variants"].attributes["error.type"] == "unavailable"
    assert not found["GET /api/v1/products/{ref}"].failed
    assert found["GET /api/v1/products/{ref}"].attributes["http.response.status_code"] == "404"
    assert not any("actuator" in name for name in found)
