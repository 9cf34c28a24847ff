"""Access tokens are verified where they are not signed, also while users is away."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.shop import eventually

from shop.adapters.balancer import Balancer, Instance
from shop.adapters.http_client import http_client
from shop.adapters.jwks import NOT_BEFORE, STALE_AFTER, RemoteKeys, from_url, from_users
from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.problems import Unauthenticated, Unavailable
from shop.kit.tokens import LocalKeys, Signer, Verifier, jwks, new_signing_key

ISSUER = "https://shop.example"


class Users:
    """The service that signs, at two addresses, and a verifier elsewhere."""

    def __init__(self) -> None:
        """Begin with one key."""
        self.keys = LocalKeys([new_signing_key()])
        self.down: set[str] = set()
        self.fetches = 0
        self.now = 100.0
        self.client = http_client(httpx.MockTransport(self._respond))
        instances = [Instance("http://a"), Instance("http://b")]
        self.remote = RemoteKeys(from_users(Balancer("users", lambda: instances), self.client), lambda: self.now)
        self.verifier = Verifier(self.remote, ISSUER, Clock())

    def token(self) -> str:
        """Sign an access token."""
        return Signer(self.keys, ISSUER, Clock()).sign(uuid7(), frozenset({"customer"}), uuid7())

    def rotates(self) -> None:
        """Sign with a new key and publish nothing else."""
        self.keys = LocalKeys([new_signing_key()])

    def _respond(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in self.down:
            raise httpx.ConnectError("refused", request=request)
        assert request.url.path == "/.well-known/jwks.json"
        self.fetches += 1
        return httpx.Response(200, json=jwks(self.keys))


@pytest.fixture
async def users() -> AsyncIterator[Users]:
    """Give the service."""
    made = Users()
    yield made
    await made.client.aclose()


async def test_keys_are_fetched_once(users: Users) -> None:
    """With the first token."""
    for _ in range(3):
        _, roles = await users.verifier.verify(users.token())
        assert roles == {"customer"}
    assert users.fetches == 1


async def test_known_keys_work_without_users(users: Users) -> None:
    """Even when they are old."""
    token = users.token()
    await users.verifier.verify(token)
    users.down = {"a", "b"}
    users.now += STALE_AFTER + 1
    for _ in range(3):
        await users.verifier.verify(token)


async def test_nobody_is_called_a_forger_because_of_a_network(users: Users) -> None:
    """While keys were never had, or a key is unknown and users does not answer, the answer is 503."""
    users.down = {"a", "b"}
    with pytest.raises(Unavailable):
        await users.verifier.verify(users.token())
    users.now += NOT_BEFORE + 1
    users.down = set()
    await users.verifier.verify(users.token())
    users.rotates()
    users.down = {"a", "b"}
    users.now += NOT_BEFORE + 1
    with pytest.raises(Unavailable):
        await users.verifier.verify(users.token())


async def test_another_instance_is_asked_when_one_is_down(users: Users) -> None:
    """Within the same request."""
    users.down = {"a"}
    for _ in range(4):
        await RemoteKeys(from_users(Balancer("users", lambda: [Instance("http://a"), Instance("http://b")]), users.client)).key("x")
    assert users.fetches == 4


async def test_an_unknown_key_is_looked_for_every_few_seconds_at_most(users: Users) -> None:
    """A new one is found; whoever sends nonsense does not make the shop ask at every request."""
    await users.verifier.verify(users.token())
    users.rotates()
    token = users.token()
    with pytest.raises(Unauthenticated):
        await users.verifier.verify(token)
    assert users.fetches == 1
    users.now += NOT_BEFORE + 1
    await users.verifier.verify(token)
    assert users.fetches == 2


async def test_a_withdrawn_key_is_forgotten_after_a_while(users: Users) -> None:
    """Without a request waiting for it."""
    token = users.token()
    await users.verifier.verify(token)
    users.rotates()
    users.now += STALE_AFTER + 1
    await users.verifier.verify(token)

    async def refused() -> bool:
        try:
            await users.verifier.verify(token)
        except Unauthenticated:
            return True
        return False

    await eventually(refused)


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(200, text="<html>"), httpx.Response(200, json={}),
                                    httpx.Response(200, json={"keys": [{"kty": "EC", "crv": "P-256"}]})])  # fmt: skip
async def test_nonsense_is_no_key(answer: httpx.Response) -> None:
    """The outcome is unknown, nothing crashes."""
    async with http_client(httpx.MockTransport(lambda request: answer)) as client:
        with pytest.raises(Unavailable):
            await RemoteKeys(from_url("http://users/keys", client)).key("x")
