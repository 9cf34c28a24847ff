"""Who is let in."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from dishka import make_async_container
from litestar import get, post
from tests.edge.sample import BUYER, STAFF, Tokens, assert_problem, bearer

from shop.kit.http.admission import Admission, UndeclaredPolicy
from shop.kit.http.application import application
from shop.kit.http.clients import TrustedProxies
from shop.kit.http.limits import Limiter
from shop.kit.identity import public

BAD = [{"Authorization": value} for value in ("Bearer forged", "Bearer", "Bearer ", "Basic dTpw", "forged", "", "Bearer \xe9")]


async def test_a_customer_is_known_by_the_token(client: httpx.AsyncClient) -> None:
    """The scheme's case does not matter."""
    for scheme in ("Bearer", "bearer"):
        answer = await client.get("/api/v1/mine", headers={"Authorization": f"{scheme} buyer"})
        assert answer.json() == {"user": str(BUYER)}


async def test_without_a_token_a_customers_route_is_401(client: httpx.AsyncClient) -> None:
    """And says which scheme it wants."""
    answer = await client.get("/api/v1/mine")
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_wrong_role_is_403(client: httpx.AsyncClient) -> None:
    """Known, but not allowed: staff buys nothing, customers clear nothing."""
    assert_problem(await client.get("/api/v1/mine", headers=bearer("staff")), 403, "forbidden")
    assert_problem(await client.delete("/api/v1/things", headers=bearer("buyer")), 403, "forbidden")
    assert (await client.delete("/api/v1/things", headers=bearer("staff"))).status_code == 204


@pytest.mark.parametrize("headers", BAD)
async def test_a_bad_token_is_ignored_where_everything_is_public(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """The catalogue stays open to whoever has an old token."""
    answer = await client.get("/api/v1/things", headers=httpx.Headers(headers, encoding="latin-1"))
    assert answer.status_code == 200
    assert answer.json()["user"] is None


@pytest.mark.parametrize("headers", BAD)
@pytest.mark.parametrize("path", ["/api/v1/mine", f"/api/v1/things/{UUID(int=7)}"])
async def test_a_bad_token_is_401_where_identity_matters(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    """Carts and orders included, although they can be had without any token."""
    answer = await client.get(path, headers=httpx.Headers(headers, encoding="latin-1"))
    assert_problem(answer, 401, "unauthenticated")


async def test_keys_that_cannot_be_had_are_503_where_identity_matters(client: httpx.AsyncClient) -> None:
    """Nobody is called a forger because of a network."""
    assert (await client.get("/api/v1/things", headers=bearer("down"))).status_code == 200
    assert_problem(await client.get("/api/v1/mine", headers=bearer("down")), 503, "unavailable")


async def test_capability_tokens_reach_the_service(client: httpx.AsyncClient) -> None:
    """Checking them is the service's."""
    headers = {"X-Cart-Token": "c", "X-Order-Token": "o", **bearer("staff")}
    answer = (await client.get(f"/api/v1/things/{uuid4()}", headers=headers)).json()
    assert answer | {"id": ""} == {"id": "", "user": str(STAFF), "cart_token": "c", "order_token": "o"}


async def test_nobody_learns_about_fields_before_they_are_let_in(client: httpx.AsyncClient) -> None:
    """401 and 403 come before 400, 413 and 415."""
    url = f"/api/v1/sales/{uuid4()}/refunds"
    for body in (b"{", b" " * 100_000, b'{"unknown": 1}'):
        assert_problem(await client.post(url, content=body), 401, "unauthenticated")
        assert_problem(await client.post(url, content=body, headers=bearer("buyer")), 403, "forbidden")


def serve(*handlers: Any) -> None:
    """Put handlers behind an edge."""
    application(handlers, make_async_container(), Admission(Tokens(), TrustedProxies(()), Limiter(lambda: 0.0)))


def test_a_route_without_a_policy_stops_the_start() -> None:
    """The refusal names the route."""

    @get("/open", policy=public)
    async def declared() -> None:
        """Say who is answered."""

    @post("/forgotten")
    async def undeclared() -> None:
        """Say nothing."""

    serve(declared)
    with pytest.raises(UndeclaredPolicy, match=r"POST /forgotten declares no policy .*undeclared"):
        serve(declared, undeclared)


def test_a_policy_must_be_one() -> None:
    """A word in its place is not enough."""

    @get("/typo", policy="public")
    async def typo() -> None:
        """Say it wrongly."""

    with pytest.raises(UndeclaredPolicy, match="/typo"):
        serve(typo)
