"""Every failure is answered as RFC 9457 problem details."""

import logging

import httpx
import pytest
from tests.edge.sample import assert_problem


async def test_a_business_failure_carries_its_status_code_and_members(client: httpx.AsyncClient) -> None:
    """What a service raises arrives with the members it gave."""
    document = assert_problem(await client.get("/api/v1/failures/sold_out"), 409, "sold_out")
    assert document["title"] == "There is none left."
    assert document["detail"] == "no mugs"
    assert document["sku"] == "mug"
    assert document["left"] == 0


async def test_a_bug_is_logged_with_the_request_and_tells_nothing(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen exception becomes a 500 without its text; the log has it."""
    with caplog.at_level(logging.ERROR, "shop.http"):
        answer = await client.get("/api/v1/failures/bug")
    assert_problem(answer, 500, "internal_error")
    assert "hunter2" not in answer.text
    assert any("hunter2" in str(record.exc_info) for record in caplog.records)


async def test_an_answer_that_cannot_be_written_is_a_500_problem(client: httpx.AsyncClient) -> None:
    """A result without a JSON form is a bug like any other."""
    assert_problem(await client.get("/api/v1/failures/unserializable"), 500, "internal_error")


async def test_unavailable_and_throttled_say_when_to_come_back(client: httpx.AsyncClient) -> None:
    """Retry-After is a whole number of seconds, rounded up, at least one."""
    unavailable = await client.get("/api/v1/failures/unavailable")
    throttled = await client.get("/api/v1/failures/throttled")
    assert_problem(unavailable, 503, "unavailable")
    assert_problem(throttled, 429, "too_many_requests")
    assert unavailable.headers["retry-after"] == "1"
    assert throttled.headers["retry-after"] == "13"


async def test_an_invalid_field_is_named(client: httpx.AsyncClient) -> None:
    """A service's Invalid names its field in errors."""
    document = assert_problem(await client.get("/api/v1/failures/invalid"), 400, "invalid")
    assert document["errors"] == [{"field": "lines[0].sku", "message": "is unknown"}]


async def test_an_unknown_path_is_404(client: httpx.AsyncClient) -> None:
    """Nothing is there."""
    assert_problem(await client.get("/api/v1/nothing"), 404, "not_found")


async def test_another_method_is_405_with_allow(client: httpx.AsyncClient) -> None:
    """The answer says which methods there are."""
    answer = await client.put("/api/v1/things")
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS"


async def test_an_unknown_method_is_405(client: httpx.AsyncClient) -> None:
    """A method that HTTP does not know is refused like any other."""
    assert_problem(await client.request("BREW", "/api/v1/things"), 405, "method_not_allowed")


async def test_a_senseless_host_is_400(client: httpx.AsyncClient) -> None:
    """A Host header that no host can have is refused."""
    assert_problem(await client.get("/api/v1/things", headers={"Host": "a b"}), 400, "invalid")
