"""Whatever dashboard and alert rules ask for is what a process tells Prometheus."""

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest
from tests.observability.queries import Query, Selector, of_alerts, of_dashboard
from tests.support.loopback import free_port
from tests.support.outside import Places
from tests.support.process import ShopProcess
from tests.support.remote import SECRET
from tests.support.shop import eventually
from tests.support.spring import FakeEureka, listening

Series = dict[str, list[dict[str, str]]]
TARGET = {"job": ("shop", "gateway"), "service": ("sales",), "instance": ("sales:8000",)}  # what Prometheus itself adds, as prometheus.yml says
DEFECT = "failed"  # the outcome of a call in which the shop itself is wrong: no test has one to show


@pytest.fixture
async def exposed(tmp_path: Path, sqlite_url: str) -> AsyncGenerator[Series]:
    """Give what a real process exposes that has a registry, and a neighbour who is away."""
    eureka = FakeEureka()
    with listening(eureka) as registry:
        found = {"EUREKA_URL": f"{registry}/eureka", "EUREKA_HOSTNAME": "localhost", "INTERNAL_SECRET": SECRET.reveal()}
        process = ShopProcess(tmp_path, free_port(), sqlite_url, Places(free_port(), free_port()), MODULES="cart,sales,users", **found)
        try:
            await process.start()
            async with httpx.AsyncClient(base_url=process.url, trust_env=False, timeout=30) as client:
                cart = (await client.post("/api/v1/carts")).json()
                line = f"/api/v1/carts/{cart['id']}/lines/mug"
                assert (await client.put(line, json={"quantity": 1}, headers={"X-Cart-Token": cart["cart_token"]})).status_code == 503

                async def has_read_the_registry() -> bool:
                    return "shop_registry_age_seconds" in (await client.get("/actuator/prometheus")).text

                await eventually(has_read_the_registry, 30)
                yield series((await client.get("/actuator/prometheus")).text) | {"up": [{}]}
        finally:
            process.kill()


def series(text: str) -> Series:
    """Read Prometheus' text form: the labels of every series, by the metric's name."""
    found: Series = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels = re.fullmatch(r"(\w+)(?:\{(.*)\})? \S+", line).groups()  # type: ignore[union-attr]
            found.setdefault(name, []).append(dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")))
    return found


def complaints(query: Query, known: Series) -> list[str]:
    """Say what a query names and nobody exposes."""
    found = [complaint for selector in query.selectors() for complaint in _complaints(selector, known)]
    labels = {label for selector in query.selectors() for one in known.get(selector.metric, []) for label in one} | set(TARGET)
    return found + [f"{label} is no label of it" for label in sorted((query.labels() | query.shown) - labels)]


def _complaints(selector: Selector, known: Series) -> list[str]:
    if selector.metric not in known:
        return [f"{selector.metric} is not exposed"]
    found = []
    for match in selector.matches:
        values = {labels[match.label] for labels in known[selector.metric] if match.label in labels} | set(TARGET.get(match.label, ()))
        if not values:
            found.append(f"{selector.metric} has no {match.label}")
        elif match.operator == "=" and match.value not in values:
            found.append(f"{selector.metric} has no {match.label}={match.value}")
        elif match.operator == "=~":
            words = [word for word in match.value.split("|") if word != DEFECT]
            found += [f"{selector.metric} has no {match.label}={word}" for word in words if not any(re.fullmatch(word, value) for value in values)]
    return found


async def test_all_that_is_asked_for_is_exposed(exposed: Series) -> None:
    """Every metric, every label and every value in every query."""
    queries = [*of_dashboard(), *of_alerts()]
    assert len(queries) > 40
    assert {query.where: found for query in queries if (found := complaints(query, exposed))} == {}


async def test_all_that_the_shop_measures_is_shown(exposed: Series) -> None:
    """Nothing is exposed that no panel asks for, but for when a process started."""
    shown = {selector.metric for query in of_dashboard() for selector in query.selectors()}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in exposed}
    assert families - {re.sub("_(bucket|sum|count)$", "", name) for name in shown} == {"process_start_time_seconds"}


@pytest.mark.parametrize("text, complaint", [
    ('max(shop_checkout{state="review"})', "shop_checkout is not exposed"),
    ('max(shop_checkouts{status="review"})', "shop_checkouts has no status"),
    ('max(shop_checkouts{state="reviewed"})', "shop_checkouts has no state=reviewed"),
    ('max(shop_checkouts{state=~"review|payed"})', "shop_checkouts has no state=payed"),
    ("max by (module) (shop_checkouts)", "module is no label of it"),
    ("up / on (state) up", "state is no label of it"),
])  # fmt: skip
def test_a_name_that_changed_is_found(text: str, complaint: str) -> None:
    """Metric, label, value and group."""
    assert complaints(Query("here", text), {"shop_checkouts": [{"state": "review"}], "up": [{}]}) == [complaint]
