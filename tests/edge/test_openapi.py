"""The OpenAPI document says everything that can happen; it is recorded, and its page works offline."""

import json
import re
from typing import Any

import httpx
import pytest
from tests.edge.sample import ROUTES

from shop import openapi
from shop.kit.http.application import prepared
from shop.kit.http.document import document


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """Give the document of the sample module."""
    made = document([prepared(handler, "sample") for handler in ROUTES], title="Sample", version="1", description="")
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]


def statuses(described: dict[str, Any], method: str, path: str) -> set[str]:
    """Give the statuses of an operation."""
    return set(described["paths"][path][method]["responses"])


def test_every_operation_has_every_status_that_can_occur(described: dict[str, Any]) -> None:
    """By policy, body, idempotency and limit."""
    assert statuses(described, "get", "/api/v1/things") == {"200", "400", "500", "503"}
    assert statuses(described, "get", "/api/v1/things/{thing_id}") == {"200", "400", "401", "404", "500", "503"}
    assert statuses(described, "get", "/api/v1/mine") == {"200", "400", "401", "403", "500", "503"}
    assert statuses(described, "post", "/api/v1/sales") == {"201", "400", "401", "409", "413", "415", "422", "500", "503"}
    assert statuses(described, "post", "/api/v1/guesses") == {"202", "400", "413", "415", "429", "500", "503"}
    assert statuses(described, "post", "/api/v1/hook") == {"200", "400", "413", "500", "503"}


def test_problems_are_named_by_their_codes(described: dict[str, Any]) -> None:
    """The handler's own ones beside those of the edge."""
    conflict = described["paths"]["/api/v1/sales"]["post"]["responses"]["409"]["content"]["application/problem+json"]
    assert set(conflict["examples"]) == {"sold_out", "idempotency_key_in_use"}
    assert conflict["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
    assert described["components"]["examples"]["sold_out"]["value"]["status"] == 409


def test_parameters_have_their_names_and_limits(described: dict[str, Any]) -> None:
    """As a client sends them; what is injected is not there."""
    given = {parameter["name"]: parameter for parameter in described["paths"]["/api/v1/things"]["get"]["parameters"]}
    assert set(given) == {"limit", "q", "since-id", "X-Weight"}
    assert given["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert given["q"]["schema"]["anyOf"][0] == {"type": "string", "maxLength": 10}
    assert given["X-Weight"]["in"] == "header"


def test_bodies_say_what_is_needed(described: dict[str, Any]) -> None:
    """An all optional body of a POST may be absent; unknown fields are refused."""
    paths = described["paths"]
    assert paths["/api/v1/baskets"]["post"]["requestBody"]["required"] is True
    assert paths["/api/v1/guesses"]["post"]["requestBody"]["required"] is False
    assert paths["/api/v1/baskets"]["patch"]["requestBody"]["required"] is True
    assert described["components"]["schemas"]["Basket"]["additionalProperties"] is False


def test_keys_and_tokens_are_declared(described: dict[str, Any]) -> None:
    """Idempotency-Key where it is read, security by policy."""
    paths = described["paths"]
    keys = {path: paths[path]["post"]["parameters"] for path in ("/api/v1/sales", "/api/v1/sales/{sale_id}/refunds")}
    assert [(given["name"], given["required"]) for given in keys["/api/v1/sales"]] == [("Idempotency-Key", False)]
    assert ("Idempotency-Key", True) in [(given["name"], given["required"]) for given in keys["/api/v1/sales/{sale_id}/refunds"]]
    assert paths["/api/v1/mine"]["get"]["security"] == [{"bearer": []}]
    assert paths["/api/v1/things"]["get"]["security"] == [{"bearer": []}, {}]
    assert paths["/api/v1/things/{thing_id}"]["get"]["security"] == [{"bearer": []}, {"cart": []}]


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    """And a sentence each."""
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_every_reference_leads_somewhere() -> None:
    """In the recorded document."""
    recorded = json.loads(openapi.RECORDED.read_bytes())
    for reference in set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', openapi.RECORDED.read_text("utf-8"))):
        assert reference[1] in recorded["components"][reference[0]]


async def test_the_recorded_document_is_served_and_cacheable(client: httpx.AsyncClient) -> None:
    """By every process, whatever it hosts."""
    answer = await client.get("/schema/openapi.json")
    assert answer.content == openapi.RECORDED.read_bytes()
    assert answer.headers["content-type"] == "application/json"
    again = await client.get("/schema/openapi.json", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_the_page_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    """One file; its policy allows its own script and style and nothing else."""
    answer = await client.get("/schema")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"https?://|src=|@import|url\(", answer.text)
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert "default-src 'none'" in policy[0]
    assert policy[0].count("'sha256-") == 2
    assert "unsafe" not in policy[0]


def test_the_recorded_document_is_current() -> None:
    """`shop openapi --record` after a change of the public API."""
    assert openapi.check() == []
