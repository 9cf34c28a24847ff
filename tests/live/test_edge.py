"""What nginx and the gateway keep out."""

import re
from contextlib import AsyncExitStack

import httpx
import pytest
from tests.architecture.test_edge import GUARDED
from tests.live.four import PATIENCE, Four
from tests.live.raw import ask
from tests.support.shop import PASSWORD, Shop, eventually
from tests.support.wire import answering

from shop.adapters.eureka import Server
from shop.adapters.registration import Enrolment, Registration
from shop.kit.ids import uuid7

HIDDEN = (
    "/internal",
    "/internal/schema.json",
    "/internal/products/variants",
    "/actuator",
    "/actuator/health",
    "/actuator/prometheus",
    "/eureka/apps",
    "/config/application/default",
    "/fallback",
    "//internal/schema.json",
    "/api/v1/../../internal/schema.json",
    "/api/v1/products/../../../internal/schema.json",
    "/api/v1/products/%2e%2e/%2e%2e/%2e%2e/internal/schema.json",
    "/api/v1/products/..%2f..%2f..%2finternal%2fschema.json",
    "/%69nternal/schema.json",
    "/%61ctuator/health",
    "/internal;x/schema.json",
    "/INTERNAL/schema.json",
    "/./actuator/health",
    "/api/v1/products/..;/..;/..;/actuator/health",
)
SECRETS = (b'"openapi"', b"livenessState", b"http_server_requests", b"<applications", b"propertySources")
FORGED = ("X-User-Id: 1", "X-User-Roles: staff", "X-Internal-Deadline: 1", "X-Internal-Attempt: 2", "X-Service-Name: sales", "X-Shop-Role: staff")
SPOOFED = (
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: ftp",
    "X-Forwarded-Prefix: /evil",
    "X-Real-IP: 6.6.6.6",
    "Forwarded: for=6.6.6.6;host=evil.example",
    "X-Forwarded-User: root",
)
SENSELESS = ("traceparent: 00-nonsense", "tracestate: a=nonsense")
NOTHING_HERE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("target", HIDDEN)
async def test_what_processes_tell_each_other_is_nowhere(four: Four, target: str) -> None:
    """Through nginx and at the gateway's own port, however it is spelt: nothing there, or not understood, and nothing of it in the answer."""
    for url in (four.servers.url, four.servers.gateway_url):
        status, rest = await ask(url, target)
        assert status in (400, 404), (url, target, status)
        assert not any(secret in rest for secret in SECRETS), (url, target)


async def test_the_same_is_there_for_who_may_ask(four: Four) -> None:
    """So that the test above would see it: the services themselves answer."""
    url = four.only("products").url
    assert (await ask(url, "/actuator/health/liveness"))[0] == 200
    assert (await ask(url, "/internal/schema.json"))[0] == 401


async def test_a_token_is_asked_for_at_the_edge(four: Four, shop: Shop) -> None:
    """Every guarded address is 401 without a token and with a bad one, as a problem, and no service is asked; public ones pass with any."""
    before = [await member.served() for member in four.members]
    for address in GUARDED:
        method, path = address.split()
        target = re.sub(r"\{\w+:uuid\}", str(uuid7()), re.sub(r"\{\w+:str\}", "mug", path))
        for headers in ({}, {"Authorization": "Bearer not.a.token"}):
            answer = await shop.client.request(method, target, headers=headers)
            assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json"), address
            assert answer.json()["code"] == "unauthenticated"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert [await member.served() for member in four.members] == before
    assert (await shop.client.get("/api/v1/products", headers={"Authorization": "Bearer not.a.token"})).status_code == 200
    assert (await shop.client.get("/api/v1/shipping-methods")).status_code == 200
    ana = await shop.customer("ana@example.com")
    assert (await ana.call("GET", "/users/me")).status_code == 200
    assert (await shop.call("POST", "/sessions", json={"email": "ana@example.com", "password": PASSWORD})).status_code == 200


async def test_forged_headers_never_arrive(four: Four, shop: Shop) -> None:
    """A service sees nginx's word for who the client is, and none of the client's, even past nginx; a trace without a name begins at the gateway."""
    seen: list[bytes] = []
    async with AsyncExitStack() as stack:
        echo = await stack.enter_async_context(answering(NOTHING_HERE, seen))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        port = int(echo.rpartition(":")[2])
        registration = Registration(Server([four.servers.eureka_url], client), Enrolment("users", "127.0.0.1", port))
        stack.push_async_callback(registration.leave)
        assert await registration.announce("UP")

        async def arrives(url: str, marker: str, *headers: str) -> str | None:
            await ask(url, f"/account/verify?{marker}", *headers)
            return next((request.decode().lower() for request in seen if marker.encode() in request), None)

        arrived = await eventually(lambda: arrives(four.servers.url, "through-nginx", *FORGED, *SPOOFED, *SENSELESS), PATIENCE)
        past_nginx = await eventually(lambda: arrives(four.servers.gateway_url, "past-nginx", *FORGED, *SENSELESS), PATIENCE)
        await registration.announce("DOWN")
        await eventually(lambda: is_forgotten(shop, seen), PATIENCE)
    for forged in FORGED:
        assert f"{forged.lower()}\r\n" not in past_nginx, past_nginx
    for forged in (*FORGED, *SPOOFED):
        assert f"{forged.lower()}\r\n" not in arrived, arrived
    for word in ("6.6.6.6", "evil", "nonsense", "x-user-", "x-internal-", "x-service-", "x-shop-", "x-forwarded-user", "forwarded: for"):
        assert word not in arrived, arrived
    assert "x-forwarded-for: 127.0.0.1\r\n" in arrived
    assert re.search(r"\r\ntraceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]\r\n", arrived), arrived


async def is_forgotten(shop: Shop, seen: list[bytes]) -> bool:
    """Tell whether twenty requests in a row all went to the real service."""
    before = len(seen)
    for _ in range(20):
        await shop.client.get("/account/verify?token=unknown")
    return len(seen) == before
