"""The actuator tells how a process is, in Spring Boot's shapes, and every request leaves one line and one count."""

import io
import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar

from shop.app import assemble
from shop.kit import logs, revisions
from shop.kit.board import Board
from shop.kit.exposition import Gauge, Sample
from shop.kit.http.watch import watch
from shop.kit.metrics import Metrics
from shop.kit.module import Storage
from shop.settings import Databases, Runtime, Settings

LIST = 'http_server_requests_seconds_count{method="GET",uri="/api/v1/products",status="200",outcome="SUCCESS"}'


class Worker:
    """An application as a worker serves it, and a client of it."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient) -> None:
        """Both speak of the same one."""
        self.app, self.client = app, client

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Give status and document."""
        answer = await self.client.get(path)
        return answer.status_code, answer.json()

    async def storage(self) -> Storage:
        """Give the storage of products."""
        found: Storage = await self.app.state.dishka_container.get(Storage, component="products")
        return found


@asynccontextmanager
async def worker(url: str, metrics: Metrics | None = None) -> AsyncGenerator[Worker]:
    """Run a worker that hosts products."""
    settings = Settings(runtime=Runtime(modules=("products",)), databases=Databases(url))
    app = assemble(["products"], settings, (Metrics, metrics or Metrics()), run_jobs=False)
    watch(app)
    transport = httpx.ASGITransport(cast(Any, app))
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield Worker(app, client)


@pytest.fixture
async def products(database_url: str) -> AsyncGenerator[Worker]:
    """Give a worker with a migrated database of either kind."""
    async with worker(database_url) as running:
        yield running


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Give what is logged, as JSON."""
    stream = io.StringIO()
    root, level = logging.root.handlers, logging.root.level
    logs.configure("json", "info", stream)
    yield stream
    logging.root.handlers, logging.root.level = root, level
    logging.captureWarnings(False)


async def test_a_ready_process_says_so(products: Worker) -> None:
    """Readiness looks at the own database and its migrations."""
    status, document = await products.get("/actuator/health/readiness")
    database = (await products.storage()).database.reader.dialect.name
    newest = revisions.newest("products")
    assert status == 200
    assert document == {
        "status": "UP",
        "components": {
            "db": {"status": "UP", "components": {"products": {"status": "UP", "details": {"database": database}}}},
            "migrations": {
                "status": "UP",
                "components": {"products": {"status": "UP", "details": {"applied": newest, "newest": newest}}},
            },
            "readinessState": {"status": "UP"},
        },
    }


async def test_health_has_the_groups_that_kubernetes_asks_for(products: Worker) -> None:
    """As Spring Boot shows them."""
    status, document = await products.get("/actuator/health")
    assert (status, document["status"], document["groups"]) == (200, "UP", ["liveness", "readiness"])
    assert await products.get("/actuator/health/liveness") == (200, {"status": "UP", "components": {"livenessState": {"status": "UP"}}})
    assert (await products.get("/actuator/info"))[1]["app"]["modules"] == ["products"]


async def test_tables_that_are_behind_are_not_ready(products: Worker) -> None:
    """Liveness stays up: a restart would not mend it."""
    async with (await products.storage()).database.write() as store:
        await store.change(sa.text("UPDATE alembic_version SET version_num = 'products_0000'"))
    status, document = await products.get("/actuator/health/readiness")
    assert (status, document["status"]) == (503, "DOWN")
    assert document["components"]["migrations"]["components"]["products"]["details"]["applied"] == "products_0000"
    assert (await products.get("/actuator/health/liveness"))[0] == 200


async def test_tables_that_were_never_made_are_not_ready(tmp_path: Path) -> None:
    """An empty database answers, but nothing can be served from it."""
    async with worker(f"sqlite:///{tmp_path}/") as running:
        status, document = await running.get("/actuator/health/readiness")
    assert (status, document["components"]["db"]["status"], document["components"]["migrations"]["status"]) == (503, "UP", "DOWN")


async def test_a_database_that_does_not_answer_is_down() -> None:
    """Told within the probe's patience, without a traceback or the address."""
    async with worker("postgresql://shop:secret@127.0.0.1:1/none") as running:
        answer = await running.client.get("/actuator/health")
    assert (answer.status_code, answer.json()["components"]["db"]["status"]) == (503, "DOWN")
    assert "secret" not in answer.text


async def test_a_draining_process_is_out_of_service(products: Worker) -> None:
    """Traffic is sent elsewhere while it still answers, and Prometheus is told."""
    assert "shop_ready 1" in (await products.client.get("/actuator/prometheus")).text.splitlines()
    products.app.state.traffic.draining = True
    assert "shop_ready 0" in (await products.client.get("/actuator/prometheus")).text.splitlines()
    status, document = await products.get("/actuator/health/readiness")
    assert (status, document["status"]) == (503, "OUT_OF_SERVICE")
    assert (await products.get("/actuator/health/liveness"))[0] == 200


async def test_every_answer_is_counted_by_its_route(products: Worker) -> None:
    """Never by its path: ids would make a series each."""
    for path in ("/api/v1/products?q=mug", "/api/v1/products", "/api/v1/products/nothing", "/api/v1/nowhere"):
        await products.client.get(path)
    text = (await products.client.get("/actuator/prometheus")).text
    assert f"{LIST} 2" in text.splitlines()
    assert 'uri="/api/v1/products/{ref}",status="404",outcome="CLIENT_ERROR",le="+Inf"} 1' in text
    assert 'uri="UNKNOWN",status="404"' in text
    assert "nowhere" not in text
    assert "process_resident_memory_bytes" in text


async def test_a_request_leaves_one_line_without_what_was_sent(products: Worker, log: io.StringIO) -> None:
    """Method, route, status and time under the caller's request id; probes are for debugging."""
    await products.client.get("/api/v1/products?q=ana@example.com", headers={"X-Request-Id": "req-7", "Authorization": "Bearer x"})
    await products.client.get("/actuator/health/liveness")
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert line.pop("at")
    assert 0 <= line.pop("ms") < 60_000
    assert line.pop("message").startswith("GET /api/v1/products 200 ")
    assert line == {"level": "info", "logger": "shop.access", "method": "GET", "route": "/api/v1/products", "status": 200, "request_id": "req-7"}


def test_workers_tell_of_each_other() -> None:
    """A scrape of one gives the sums of all; one that takes another's place counts on from there."""
    board = Board(2)
    first, second = Metrics(board, 0), Metrics(board, 1)
    first.observe("GET", "/api/v1/products", 200, 0.02)
    second.observe("GET", "/api/v1/products", 200, 0.3)
    second.publish()
    assert f"{LIST} 2" in first.text().splitlines()
    replacement = Metrics(board, 1)
    replacement.observe("GET", "/api/v1/products", 200, 0.001)
    assert f"{LIST} 3" in replacement.text().splitlines()


def test_the_text_is_what_prometheus_reads() -> None:
    """Buckets add up, labels are escaped."""
    metrics = Metrics()
    metrics.observe("GET", '/a"b', 200, 0.005)
    metrics.observe("GET", '/a"b', 200, 7)
    lines = metrics.text([Gauge("shop_x", "An x", [Sample(1.5, {"state": "NEW"})])]).splitlines()
    labels = 'method="GET",uri="/a\\"b",status="200",outcome="SUCCESS"'
    assert f'http_server_requests_seconds_bucket{{{labels},le="0.005"}} 1' in lines
    assert f'http_server_requests_seconds_bucket{{{labels},le="5.0"}} 1' in lines
    assert f'http_server_requests_seconds_bucket{{{labels},le="10.0"}} 2' in lines
    assert f"http_server_requests_seconds_sum{{{labels}}} 7.005" in lines
    assert lines[-3:] == ["# HELP shop_x An x", "# TYPE shop_x gauge", 'shop_x{state="NEW"} 1.5']
