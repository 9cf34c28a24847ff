"""operations: what keepers of the shop look at, and the document of the API."""

import re
from typing import Any

import pytest
from tests.blackbox.outside import Demo, ok, problem

CALLS = {
    "/products": "get post",
    "/products/{}": "get patch delete",
    "/categories": "get post",
    "/categories/{}": "patch delete",
    "/products/{}/variants": "post",
    "/variants/{}": "patch delete",
    "/variants/{}/stock": "get post",
    "/carts": "post",
    "/carts/{}": "get",
    "/carts/{}/lines/{}": "put delete",
    "/carts/{}/lines": "post",
    "/carts/{}/claim": "post",
    "/carts/mine": "get",
    "/shipping-methods": "get",
    "/orders": "get post",
    "/orders/{}": "get",
    "/orders/{}/cancel": "post",
    "/orders/{}/refunds": "post",
    "/orders/{}/shipments": "post",
    "/payments/stripe/webhook": "post",
    "/users": "post",
    "/sessions": "post",
    "/sessions/refresh": "post",
    "/sessions/current": "delete",
    "/users/verify": "post",
    "/password-resets": "post",
    "/password-resets/{}": "post",
    "/users/me": "get patch",
    "/users/me/addresses": "get post",
    "/users/me/addresses/{}": "put delete",
    "/users/me/consents/marketing": "put",
    "/users/me/purchases": "get",
}


@pytest.mark.parametrize("path", ["/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"])
def test_health_has_springs_shape(demo: Demo, path: str) -> None:
    """Spring Boot's paths and shapes."""
    assert ok(demo.root.get(path))["status"] == "UP"


def test_info_and_prometheus(demo: Demo) -> None:
    """Info is an object; Prometheus gets its text format."""
    ok(demo.root.get("/actuator/info"))
    answer = demo.root.get("/actuator/prometheus")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    for line in answer.text.splitlines():
        assert line.startswith("# ") or re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? \S+( \d+)?", line) or not line, line


def test_there_is_no_other_door(demo: Demo) -> None:
    """Unknown paths outside the API are 404, wrong methods 405."""
    for path in (
        "/",
        "/actuator/env",
        "/actuator/heapdump",
        "/actuator/shutdown",
        "/nothing",
        "/api",
        "/api/v2/products",
        "/.env",
        "/..%2f..%2fetc/passwd",
        "/api/v1//products",
    ):
        problem(demo.root.get(path), 404)
    problem(demo.root.post("/actuator/health"), 405)


def test_the_document_names_every_call(demo: Demo, document: dict[str, Any]) -> None:
    """One document for the whole API with every status that can occur."""
    assert document["openapi"].startswith("3.")
    paths = {re.sub(r"\{\w+\}", "{}", path): calls for path, calls in document["paths"].items()}
    for path, methods in CALLS.items():
        for method in methods.split():
            assert method in paths["/api/v1" + path], f"{method} {path}"
            assert paths["/api/v1" + path][method]["responses"]


def test_the_document_can_be_browsed_offline(demo: Demo) -> None:
    """The page at /schema loads nothing from elsewhere."""
    page = demo.root.get("/schema")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert not re.findall(r"(?:src|href)=[\"'](?:https?:)?//", page.text)


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    """Nothing dangles."""

    def follow(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(reference := node.get("$ref"), str):
                target: Any = document
                for part in reference.removeprefix("#/").split("/"):
                    target = target[part.replace("~1", "/").replace("~0", "~")]
            for child in node.values():
                follow(child)
        elif isinstance(node, list):
            for child in node:
                follow(child)

    follow(document)
