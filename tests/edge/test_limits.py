"""Rate limits, and who counts as one client."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.edge.sample import assert_problem, running, sample_app

from shop.kit.clock import Clock
from shop.kit.http.clients import TrustedProxies, client_network
from shop.kit.http.limits import Limiter
from shop.kit.problems import TooManyRequests


async def test_a_limited_route_says_when_to_come_back(client: httpx.AsyncClient, clock: Clock) -> None:
    """Three a minute pass, the fourth is 429, and after the time it names one more passes."""
    for _ in range(3):
        assert (await client.post("/api/v1/guesses")).status_code == 202
    refused = await client.post("/api/v1/guesses")
    assert_problem(refused, 429, "too_many_requests")
    assert 15 <= int(refused.headers["retry-after"]) <= 20
    clock.advance(timedelta(seconds=int(refused.headers["retry-after"])))
    assert (await client.post("/api/v1/guesses")).status_code == 202
    assert_problem(await client.post("/api/v1/guesses"), 429, "too_many_requests")


async def test_clients_behind_a_trusted_proxy_are_told_apart(tmp_path: Path) -> None:
    """X-Forwarded-For counts when the proxy is trusted; a /64 is one client."""
    async with running(sample_app(f"sqlite:///{tmp_path}/", proxies=("127.0.0.0/8",))) as shop:
        answer = await shop.client.get("/api/v1/things")
        for address in 4 * ["192.0.2.1"] + 3 * ["192.0.2.2"]:
            answer = await shop.client.post("/api/v1/guesses", headers={"X-Forwarded-For": address})
        assert answer.status_code == 202
        statuses = [
            (await shop.client.post("/api/v1/guesses", headers={"X-Forwarded-For": f"2001:db8::{number}"})).status_code for number in range(1, 5)
        ]
        assert statuses == [202, 202, 202, 429]
        seen = await shop.client.get("/api/v1/things", headers={"X-Forwarded-For": "203.0.113.7, 192.0.2.9"})
        assert seen.json()["address"] == "192.0.2.9"


async def test_nobody_chooses_an_address_without_a_trusted_proxy(client: httpx.AsyncClient) -> None:
    """The header is ignored."""
    assert (await client.get("/api/v1/things", headers={"X-Forwarded-For": "192.0.2.1"})).json()["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    "peer, sent, client",
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["6.6.6.6", "192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1:1234"], "192.0.2.1"),
        ("10.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["2001:DB8:0::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("192.0.2.7", ["6.6.6.6"], "192.0.2.7"),
        ("", ["6.6.6.6"], ""),
    ],
)
def test_the_client_is_the_first_untrusted_from_the_right(peer: str, sent: list[str], client: str) -> None:
    """Whatever stands left of it was written by somebody unknown."""
    headers = [(b"x-forwarded-for", line.encode()) for line in sent]
    assert TrustedProxies(("10.0.0.0/24",)).client(peer, headers) == client


def test_networks_of_clients() -> None:
    """An IPv4 address is one client, an IPv6 address is as good as its /64."""
    assert client_network("192.0.2.1") == "192.0.2.1"
    assert client_network("2001:db8::1") == client_network("2001:db8::ffff") == "2001:db8::/64"
    assert client_network("") == ""


def test_the_memory_of_limits_is_bounded() -> None:
    """The one that was unused for longest is forgotten."""
    limiter = Limiter(lambda: 0.0, most=2)
    for client in ("a", "b", "a", "c"):
        limiter.take("route", client, 2, 60.0)
    with pytest.raises(TooManyRequests):
        limiter.take("route", "a", 2, 60.0)
    for _ in range(2):
        limiter.take("route", "b", 2, 60.0)
