"""Operations endpoints with Spring Boot's paths and shapes."""

import asyncio
import sys
from typing import Any

from dishka.exceptions import NoFactoryError
from litestar import Litestar, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from sqlalchemy.exc import SQLAlchemyError

import shop
from shop.adapters.breaker import STATES
from shop.adapters.neighbours import Neighbours
from shop.configuration.refreshing import Refresher
from shop.kit import outbox, revisions
from shop.kit.exposition import Gauge, Gauges, Sample
from shop.kit.http.edge import Traffic
from shop.kit.identity import OPERATIONS, public, service
from shop.kit.metrics import Metrics
from shop.kit.module import Storage
from shop.kit.problems import Problem

PATIENCE = 3.0
UP, DOWN, OUT = "UP", "DOWN", "OUT_OF_SERVICE"

AnyRequest = Request[Any, Any, Any]
Component = dict[str, Any]


@get("/actuator/health", policy=public, include_in_schema=False)
async def health(request: AnyRequest) -> Response[Component]:
    """Tell how the process and its databases are."""
    components = await _storage(request.app) | {"livenessState": {"status": UP}, "readinessState": {"status": _readiness(request.app)}}
    return _answer(components | _neighbours(request.app), groups=["liveness", "readiness"])


@get("/actuator/health/liveness", policy=public, include_in_schema=False)
async def liveness() -> Response[Component]:
    """Tell that the process answers; restarting it would not mend anything else."""
    return _answer({"livenessState": {"status": UP}})


@get("/actuator/health/readiness", policy=public, include_in_schema=False)
async def readiness(request: AnyRequest) -> Response[Component]:
    """Tell whether requests should be sent here: own databases answer and are migrated, and the process does not end; peers are not looked at."""
    return _answer(await _storage(request.app) | {"readinessState": {"status": _readiness(request.app)}})


@get("/actuator/info", policy=public, include_in_schema=False)
async def info(request: AnyRequest) -> Component:
    """Tell which version hosts which modules."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return {"app": {"name": "shop", "version": shop.__version__, "modules": list(request.app.state.modules)}, "python": {"version": version}}


@get("/actuator/prometheus", policy=public, include_in_schema=False, media_type="text/plain; version=0.0.4; charset=utf-8")
async def prometheus(request: AnyRequest) -> str:
    """Give the metrics of all workers of this process, and what the modules say of their work."""
    metrics: Metrics = request.app.state.metrics
    ready = Gauge("shop_ready", "1 when requests should be sent here, as readiness says", [Sample(float(await is_ready(request.app)))])
    return metrics.text([ready, *_of_traffic(request.app), *_of_neighbours(request.app), *await _of_databases(request.app)])


@post("/actuator/refresh", policy=service, module=OPERATIONS, status_code=200, include_in_schema=False)
async def refresh(request: AnyRequest) -> list[str]:
    """Read the settings again, as Spring's applications do, and give the names of the keys that changed."""
    refresher: Refresher | None = request.app.state.get("refresher")
    return [] if refresher is None else await refresher.refresh()


async def is_ready(app: Litestar) -> bool:
    """Tell whether requests should be sent here, as the readiness probe does."""
    return all(part["status"] == UP for part in (await _storage(app)).values()) and _readiness(app) == UP


def routes() -> list[HTTPRouteHandler]:
    """Give the handlers of the operations endpoints."""
    return [health, liveness, readiness, info, prometheus, refresh]


def _answer(components: dict[str, Component], **more: Any) -> Response[Component]:
    status = next((wanted for wanted in (DOWN, OUT) if any(part["status"] == wanted for part in components.values())), UP)
    return Response({"status": status, "components": components, **more}, status_code=200 if status == UP else 503)


def _neighbours(app: Litestar) -> dict[str, Component]:
    """Tell of circuits and registry; they are always UP here, because a neighbour's failure must not take this process out."""
    neighbours: Neighbours = app.state.neighbours
    found: dict[str, Component] = {}
    if circuits := neighbours.circuits():
        details = {module: {"status": UP, "details": {"state": circuit.state.upper().replace("-", "_")}} for module, circuit in circuits.items()}
        found["circuitBreakers"] = {"status": UP, "details": details}
    if neighbours.registry:
        found["eureka"] = {"status": UP, "details": {"secondsSinceLastFetch": neighbours.registry.age}}
    return found


def _of_neighbours(app: Litestar) -> list[Gauge]:
    neighbours: Neighbours = app.state.neighbours
    states, openings = [], []
    for module, circuit in neighbours.circuits().items():
        states += [Sample(float(circuit.state == state), {"target": module, "state": state}) for state in STATES]
        openings.append(Sample(circuit.openings, {"target": module}))
    found = [
        Gauge("shop_circuit_state", "1 for the state of the circuit to a module", states),
        Gauge("shop_circuit_openings", "How often the circuit to a module opened", openings),
    ]
    if neighbours.registry and neighbours.registry.age is not None:
        found.append(Gauge("shop_registry_age_seconds", "How long ago the registry was read", [Sample(neighbours.registry.age)]))
    return [gauge for gauge in found if gauge.samples]


def _readiness(app: Litestar) -> str:
    traffic: Traffic = app.state.traffic
    return OUT if traffic.draining else UP


async def _storages(app: Litestar) -> dict[str, Storage]:
    container = app.state.dishka_container
    return {module: await container.get(Storage, component=module) for module in app.state.modules}


async def _storage(app: Litestar) -> dict[str, Component]:
    storages = await _storages(app)
    found = await asyncio.gather(*(_revision(storage) for storage in storages.values()))
    databases, migrations = {}, {}
    for (module, storage), revision in zip(storages.items(), found, strict=True):
        dialect = storage.database.reader.dialect.name
        databases[module] = {"status": DOWN if isinstance(revision, Exception) else UP, "details": {"database": dialect}}
        wanted = revisions.newest(module)
        if not isinstance(revision, Exception):
            migrations[module] = {"status": UP if revision == wanted else DOWN, "details": {"applied": revision, "newest": wanted}}
    return {"db": _composite(databases)} | ({"migrations": _composite(migrations)} if migrations else {})


def _composite(components: dict[str, Component]) -> Component:
    return {"status": UP if all(part["status"] == UP for part in components.values()) else DOWN, "components": components}


async def _revision(storage: Storage) -> str | Exception | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await revisions.applied(storage.database)
    except (Problem, TimeoutError, SQLAlchemyError) as error:
        return error


def _of_traffic(app: Litestar) -> list[Gauge]:
    return [Gauge("shop_requests_under_way", "Requests that this worker is answering", [Sample(app.state.traffic.under_way)])]


async def _of_databases(app: Litestar) -> list[Gauge]:
    """Give nothing while a database does not answer: then everything else is wanted the most."""
    try:
        async with asyncio.timeout(PATIENCE):
            return [*await _of_outboxes(app), *await _of_modules(app)]
    except (Problem, TimeoutError, SQLAlchemyError):
        return []


async def _of_outboxes(app: Litestar) -> list[Gauge]:
    waiting, oldest, dead = [], [], []
    for module, storage in (await _storages(app)).items():
        if (table := storage.metadata.tables.get("outbox")) is None:
            continue
        async with storage.database.read() as store:
            backlog = await outbox.backlog(store, table)
        waiting.append(Sample(backlog.pending, {"module": module}))
        oldest.append(Sample(backlog.oldest, {"module": module}))
        dead.append(Sample(backlog.dead, {"module": module}))
    return [
        Gauge("shop_outbox_pending", "Mails that are owed", waiting),
        Gauge("shop_outbox_oldest_seconds", "How long the oldest owed mail has waited", oldest),
        Gauge("shop_outbox_dead", "Mails that were given up", dead),
    ]


async def _of_modules(app: Litestar) -> list[Gauge]:
    found: list[Gauge] = []
    for module in app.state.modules:
        try:
            gauges = await app.state.dishka_container.get(Gauges, component=module)
        except NoFactoryError:
            continue
        found += await gauges.read()
    return found
