"""A process in a system of many: registered, configured, and gone without a failed request."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.process.running import Serving, shop, soon
from tests.support.remote import SECRET
from tests.support.spring import FakeConfigServer, FakeEureka, listening

from shop.kit.identity import OPERATIONS
from shop.kit.service_tokens import ServiceTokens


@pytest.fixture
def eureka() -> FakeEureka:
    """Give a registry."""
    return FakeEureka("shop:pw")


@pytest.fixture
def registry(eureka: FakeEureka) -> Iterator[dict[str, str]]:
    """Give the settings of a process that registers there."""
    with listening(eureka) as url:
        address = url.replace("//", "//shop:pw@")
        yield {"INTERNAL_SECRET": SECRET.reveal(), "EUREKA_URL": f"{address}/eureka", "EUREKA_HOSTNAME": "localhost"}


def test_a_process_is_up_until_it_is_asked_to_end_and_serves_until_nobody_comes(tmp_path: Path, eureka: FakeEureka, registry: dict[str, str]) -> None:
    """DOWN at once, gone from the registry before the door closes; of two workers one registers."""
    with Serving(tmp_path, MODULES="products", WORKERS="2", DRAIN_WAIT="2s", **registry) as serving:
        soon(lambda: eureka.statuses() == {f"localhost:products:{serving.port}": "UP"})
        serving.process.send_signal(signal.SIGTERM)
        soon(lambda: list(eureka.statuses().values()) == ["DOWN"])
        assert serving.status("/actuator/health/readiness") == 503
        assert serving.status("/api/v1/products") == 200
        while eureka.instances:
            assert serving.status("/api/v1/products") == 200
            time.sleep(0.02)
        assert serving.ends() == 0
    assert {method for method, _ in eureka.calls} == {"POST", "GET", "DELETE"}
    assert [method for method, _ in eureka.calls].count("POST") == 3


def test_a_process_starts_and_ends_without_the_registry(tmp_path: Path) -> None:
    """It is ready, and announces itself whenever the registry comes."""
    nowhere = {"INTERNAL_SECRET": SECRET.reveal(), "EUREKA_URL": "http://127.0.0.1:9/eureka", "DRAIN_WAIT": "0s"}
    with Serving(tmp_path, MODULES="products", **nowhere) as serving:
        assert '"secondsSinceLastFetch":null' in serving.get("/actuator/health")[1]
        serving.process.send_signal(signal.SIGTERM)
        assert serving.ends() == 0


def test_processes_find_each_other_in_any_order(tmp_path: Path, eureka: FakeEureka, registry: dict[str, str]) -> None:
    """Cart is ready before products is there, says so while it waits, and then sells."""
    database = {"DATABASE_URL": f"sqlite:///{tmp_path}/var/"}
    with Serving(tmp_path, MODULES="cart", **registry, **database) as cart:
        answer = httpx.post(f"http://127.0.0.1:{cart.port}/api/v1/carts", trust_env=False)
        lines, headers = f"http://127.0.0.1:{cart.port}/api/v1/carts/{answer.json()['id']}/lines/mug", {"X-Cart-Token": answer.json()["cart_token"]}

        def put() -> int:
            return httpx.put(lines, json={"quantity": 1}, headers=headers, trust_env=False).status_code

        assert put() == 503
        with Serving(tmp_path, MODULES="products", **registry, **database):
            soon(lambda: put() == 404)
            shown = shop(tmp_path, "topology", MODULES="cart", PORT=str(cart.port), **registry, **database).stdout
            assert "circuit to products CLOSED" in shown
            assert "needs Products                     HTTP at wherever Eureka says" in shown
            state = 'shop_circuit_state{target="products",state="closed"} 1'
            assert state in cart.get("/actuator/prometheus")[1]


def test_a_setting_of_the_config_server_changes_while_the_process_runs(tmp_path: Path) -> None:
    """A refreshable one at once, told by name; only processes of the shop may ask for it."""
    config = FakeConfigServer("shop:pw")
    config.files = {"products-live": {"log.level": "warning"}, "application": {"log.level": "info", "currency": "USD"}}
    with listening(config) as url:
        settings = {"CONFIG_IMPORT": f"configserver:{url.replace('//', '//shop:pw@')}", "CONFIG_PROFILE": "live", "INTERNAL_SECRET": SECRET.reveal()}
        with Serving(tmp_path, MODULES="products", **settings) as serving:
            refresh = f"http://127.0.0.1:{serving.port}/actuator/refresh"
            headers = {"Authorization": f"Bearer {ServiceTokens(SECRET).issue(OPERATIONS)}"}
            assert httpx.post(refresh, trust_env=False).status_code == 401
            assert httpx.post(refresh, headers=headers, trust_env=False).json() == []
            assert serving.lines() == []
            config.files["products-live"] = {"log.level": "info", "workers": 2}
            assert httpx.post(refresh, headers=headers, trust_env=False).json() == ["workers", "log.level"]
            soon(lambda: any(line["message"] == "workers changed and takes effect with the next start" for line in serving.lines()))
            serving.get("/api/v1/products")
            soon(lambda: any(line["logger"] == "shop.access" for line in serving.lines()))
            config.files["products-live"] = {"log.level": "loud"}
            assert httpx.post(refresh, headers=headers, trust_env=False).status_code == 409
            config.is_down = True
            assert httpx.post(refresh, headers=headers, trust_env=False).status_code == 503
            assert serving.get("/api/v1/products")[0] == 200


@pytest.mark.parametrize("settings, line", [
    ({}, "Products is needed, but products is not hosted here and cannot be reached elsewhere: set SHOP_PEERS_PRODUCTS_URL or SHOP_EUREKA_URL,"),
    ({"PEERS_PRODUCTS_URL": "http://a"}, "SHOP_INTERNAL_SECRET: is missing; processes cannot trust each other without it"),
    ({"EUREKA_URL": "http://a/eureka"}, "SHOP_INTERNAL_SECRET: is missing; processes cannot trust each other without it"),
])  # fmt: skip
def test_a_split_that_cannot_work_is_one_line(tmp_path: Path, settings: dict[str, str], line: str) -> None:
    """And the process does not start."""
    refused = shop(tmp_path, "serve", MODULES="cart", **settings)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith(line)
