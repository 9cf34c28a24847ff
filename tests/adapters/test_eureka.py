"""This process is found where it is, and finds others, whatever happens to the registry."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.shop import eventually
from tests.support.spring import FakeEureka

from shop.adapters.balancer import Instance
from shop.adapters.eureka import Registry, Server
from shop.adapters.http_client import http_client
from shop.adapters.registration import Enrolment, Presence, Registration, enrolments
from shop.settings import Eureka, Runtime, Settings

PRODUCTS = Enrolment("products", "10.0.0.5", 8000, "north")
ID = "10.0.0.5:products:8000"


@pytest.fixture
def eureka() -> FakeEureka:
    """Give a registry."""
    return FakeEureka("shop:pw")


@pytest.fixture
async def client(eureka: FakeEureka) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client that reaches nothing but that registry; a host named `dead` refuses."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.host == "dead":
            raise httpx.ConnectTimeout("silence", request=request)
        return eureka.answer(request)

    async with http_client(httpx.MockTransport(respond)) as made:
        yield made


@pytest.fixture
def server(client: httpx.AsyncClient) -> Server:
    """Give the registry's address."""
    return Server(["http://shop:pw@eureka:8761/eureka"], client)


async def test_an_instance_that_is_up_is_found(server: Server, eureka: FakeEureka) -> None:
    """By its module's name, at its host and port, with its zone; not before it is UP and not when it goes DOWN."""
    registry, registration = Registry(server), Registration(server, PRODUCTS)
    for status in ("STARTING", "UP", "DOWN"):
        assert await registration.announce(status)
        assert await registry.refresh()
        assert registry.instances("products") == ((Instance("http://10.0.0.5:8000", "north"),) if status == "UP" else ())
    await registration.leave()
    assert eureka.instances == {}


async def test_every_announcement_is_newer_than_the_one_before(server: Server, eureka: FakeEureka) -> None:
    """Eureka ignores an older one in silence; several come within a millisecond."""
    registration = Registration(server, PRODUCTS)
    for status in ("STARTING", "UP", "DOWN", "UP"):
        await registration.announce(status)
        assert eureka.statuses() == {ID: status}


async def test_a_registry_that_forgot_is_told_again(server: Server, eureka: FakeEureka) -> None:
    """A heartbeat finds out, and the present status is announced."""
    registration = Registration(server, PRODUCTS)
    await registration.announce("UP")
    eureka.forget()
    await registration.beat()
    assert eureka.statuses() == {ID: "UP"}
    await registration.beat()
    assert [method for method, _ in eureka.calls] == ["POST", "PUT", "POST", "PUT"]


async def test_a_registry_that_was_away_is_told_later(server: Server, eureka: FakeEureka) -> None:
    """Nothing fails and nothing is lost but time."""
    registration, registry = Registration(server, PRODUCTS), Registry(server)
    eureka.is_down = True
    assert not await registration.announce("UP")
    await registration.beat()
    assert not await registry.refresh()
    assert (registry.instances("products"), registry.age) == ((), None)
    await registration.leave()
    eureka.is_down = False
    await registration.beat()
    assert eureka.statuses() == {ID: "UP"}


async def test_the_last_good_snapshot_stays(server: Server, eureka: FakeEureka) -> None:
    """While the registry is away, warms up, or talks nonsense; its age goes on."""
    registry = Registry(server)
    await Registration(server, PRODUCTS).announce("UP")
    await registry.refresh()
    known = registry.instances("products")
    assert len(known) == 1
    eureka.forget()
    eureka.warms_up = True
    assert not await registry.refresh()
    eureka.credentials = "other"
    assert not await registry.refresh()
    eureka.is_down = True
    assert not await registry.refresh()
    assert registry.instances("products") == known
    assert registry.age is not None
    eureka.is_down, eureka.warms_up, eureka.credentials = False, False, "shop:pw"
    assert await registry.refresh()
    assert registry.instances("products") == ()


async def test_the_next_server_is_asked_when_one_is_silent(client: httpx.AsyncClient, eureka: FakeEureka) -> None:
    """And the one that answered comes first from then on."""
    server = Server(["http://dead/eureka", "http://shop:pw@eureka/eureka/"], client)
    assert await Registration(server, PRODUCTS).announce("UP")
    assert await Registry(server).refresh()
    assert [method for method, _ in eureka.calls] == ["POST", "GET"]


async def test_a_process_comes_up_when_it_is_ready_and_goes_down_before_it_leaves(server: Server, eureka: FakeEureka) -> None:
    """All its modules together; no heartbeat brings it back afterwards."""
    is_ready = asyncio.Event()

    async def look() -> bool:
        return is_ready.is_set()

    def says(status: str) -> bool:
        return set(eureka.statuses().values()) == {status}

    async def seen(status: str) -> bool:
        return says(status)

    presence = Presence(server, [PRODUCTS, Enrolment("cart", "10.0.0.5", 8000)])
    presence.begin(look)
    await eventually(lambda: seen("STARTING"))
    await asyncio.sleep(0.3)
    assert says("STARTING")
    is_ready.set()
    await eventually(lambda: seen("UP"))
    assert set(eureka.statuses()) == {ID, "10.0.0.5:cart:8000"}
    await presence.down()
    assert says("DOWN")
    await presence.leave()
    assert eureka.instances == {}
    assert eureka.calls[-1][0] == "DELETE"


async def test_a_process_that_never_got_ready_leaves_too(server: Server, eureka: FakeEureka) -> None:
    """It does not announce UP after DOWN."""

    async def never() -> bool:
        return False

    presence = Presence(server, [PRODUCTS])
    presence.begin(never)
    await asyncio.sleep(0)
    await presence.down()
    assert eureka.statuses() == {ID: "DOWN"}
    await presence.leave()
    assert eureka.instances == {}


async def test_who_has_nothing_to_register_says_nothing(server: Server, eureka: FakeEureka, caplog: pytest.LogCaptureFixture) -> None:
    """A process alone begins and ends without a word to a registry, or about one."""
    presence = Presence(server, [])

    async def ready() -> bool:
        return True

    presence.begin(ready)
    await asyncio.sleep(0)
    await presence.down()
    assert (eureka.statuses(), caplog.messages) == ({}, [])
    await presence.leave()
    assert (eureka.instances, caplog.messages) == ({}, [])


@pytest.mark.parametrize("listens, hostname, found", [("0.0.0.0", "products", "products"), ("10.0.0.5", None, "10.0.0.5"), ("10.0.0.5", "a", "a")])
def test_others_reach_this_process_by_the_name_that_is_set(listens: str, hostname: str | None, found: str) -> None:
    """Or at the address that is listened on; one enrolment for each module."""
    settings = Settings(runtime=Runtime(modules=("products", "cart"), host=listens, port=8001), eureka=Eureka(hostname=hostname))
    assert [(made.module, made.host, made.port) for made in enrolments(settings)] == [("products", found, 8001), ("cart", found, 8001)]
