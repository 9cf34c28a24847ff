"""Bad parameters are named; malformed ids are not found."""

import httpx
import pytest
from tests.edge.sample import assert_problem


async def test_good_parameters_arrive_typed(client: httpx.AsyncClient) -> None:
    """Numbers, texts, ids and headers come as the handler declares them; unknown ones are ignored."""
    answer = await client.get("/api/v1/things?limit=5&q=mug&unknown=1", headers={"X-Weight": "7"})
    assert answer.status_code == 200
    assert answer.json() | {"address": ""} == {"limit": 5, "q": "mug", "address": "", "user": None, "weight": 7, "since": None}


@pytest.mark.parametrize(
    "query, field",
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("q=12345678901", "q"),
        ("since-id=x", "since-id"),
        ("q=%00", "q"),
        ("q=%ff", "q"),
        ("q=%ED%A0%80", "q"),
        ("q=%zz", "q"),
        ("q=a&unknown=%00", "unknown"),
    ],
)
async def test_a_bad_query_parameter_is_named(client: httpx.AsyncClient, query: str, field: str) -> None:
    """400 with the parameter's name, as it is written in the query."""
    document = assert_problem(await client.get(httpx.URL("http://shop.test/api/v1/things").copy_with(query=query.encode())), 400, "invalid")
    assert [error["field"] for error in document["errors"]] == [field]


async def test_a_missing_query_parameter_is_named(client: httpx.AsyncClient) -> None:
    """A required parameter that is absent is an error of its own."""
    document = assert_problem(await client.get("/api/v1/wanted"), 400, "invalid")
    assert document["errors"] == [{"field": "colour", "message": "is missing"}]


async def test_a_bad_header_is_named_as_it_was_sent(client: httpx.AsyncClient) -> None:
    """The header's name, not the handler's variable."""
    document = assert_problem(await client.get("/api/v1/things", headers={"X-Weight": "heavy"}), 400, "invalid")
    assert [error["field"] for error in document["errors"]] == ["X-Weight"]


async def test_two_bad_parameters_are_both_named(client: httpx.AsyncClient) -> None:
    """A client learns all of it at once."""
    document = assert_problem(await client.get("/api/v1/things?limit=0&since-id=x"), 400, "invalid")
    assert {error["field"] for error in document["errors"]} == {"limit", "since-id"}


async def test_a_name_in_a_path_that_breaks_its_rules_is_404(client: httpx.AsyncClient) -> None:
    """It names nothing either."""
    assert (await client.get(f"/api/v1/names/{200 * 'x'}")).status_code == 200
    assert_problem(await client.get(f"/api/v1/names/{201 * 'x'}"), 404, "not_found")


@pytest.mark.parametrize("thing", ["x", "1", "0193d6cc-0000-7000-8000-00000000000", "0193d6cc-0000-7000-8000-00000000000g", "%20"])
async def test_a_malformed_id_in_a_path_is_404(client: httpx.AsyncClient, thing: str) -> None:
    """An id that cannot be one names nothing."""
    assert_problem(await client.get(f"/api/v1/things/{thing}"), 404, "not_found")
