"""What the gateway knows of the modules' routes is what the routes themselves say."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from shop.kit.identity import Token
from shop.settings import MODULES

GATEWAY = (Path(__file__).parents[2] / "deploy/spring/gateway/src/main/resources/application.yml").read_text("utf-8")
GUARDED = re.findall(r"^ +- ((?:GET|POST|PUT|PATCH|DELETE) /\S+)$", GATEWAY, re.MULTILINE)
ROUTES = [
    (module, method, path, handler.opt["policy"])
    for module in MODULES
    for handler in import_module(f"shop.modules.{module}.module").MODULE.routes
    for path in handler.paths
    for method in handler.http_methods
]
ADDRESSES = sorted({(path, module) for module, _, path, _ in ROUTES})


def leads_to(path: str) -> str | None:
    """Name the service that the gateway sends this path to; a parameter stands for itself."""
    for route in GATEWAY.partition("routes:")[2].split("- id: ")[1:]:
        (service,) = re.findall(r"uri: lb://(\w+)", route)
        for pattern in re.findall(r"Path=([^\s\]]+)", route)[0].split(","):
            if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(pattern)).replace(r"/\*\*", "(?:/.*)?"), path):
                return str(service)
    return None


def test_the_gateway_asks_for_a_token_exactly_where_the_modules_do() -> None:
    """A new route for people with a token is guarded at the edge, and nobody else is turned away there."""
    wanted = sorted(f"{method} {path}" for _, method, path, policy in ROUTES if policy.token is Token.REQUIRED)
    assert len(wanted) > 20
    assert sorted(GUARDED) == wanted


@pytest.mark.parametrize("path, module", ADDRESSES, ids=[path for path, _ in ADDRESSES])
def test_the_gateway_leads_every_route_to_its_module(path: str, module: str) -> None:
    """And there is no route that works in one process and is 404 in four."""
    assert leads_to(path) == module


@pytest.mark.parametrize("path", ["/internal/products/variants", "/actuator/health", "/eureka/apps", "/config/application/default", "/"])
def test_the_gateway_leads_nowhere_else(path: str) -> None:
    """What the processes tell each other is nobody's address."""
    assert leads_to(path) is None
