"""A module with one route of each kind, behind the real edge."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import httpx
import msgspec
import sqlalchemy as sa
from dishka import AsyncContainer, FromComponent, Scope, provide
from dishka.integrations.litestar import inject
from litestar import Litestar, Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, PathParameter, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType

from shop.app import assemble
from shop.kit.database import Database, Store
from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once, idempotency_table
from shop.kit.identity import Caller, Verifier, anyone, capability, customer, public, staff
from shop.kit.ids import uuid7
from shop.kit.jobs import Job
from shop.kit.module import Module, ModuleProvider
from shop.kit.paging import Limit
from shop.kit.problems import Conflict, Invalid, TooManyRequests, Unauthenticated, Unavailable
from shop.kit.secrets import secrets_table
from shop.kit.values import Body, Line
from shop.settings import Databases, Runtime, Settings

METADATA = sa.MetaData()
secrets_table(METADATA)
idempotency_table(METADATA)
STAFF, BUYER, OTHER = (UUID(int=number) for number in (1, 2, 3))
TOKENS = {"staff": (STAFF, frozenset({"staff"})), "buyer": (BUYER, frozenset({"customer"})), "other": (OTHER, frozenset({"customer"}))}


class SampleStore(Store):
    """Nothing but the tables that every module has."""


class SoldOut(Conflict):
    """There is none left."""


class Basket(Body, frozen=True):
    """A body with everything that can go wrong in one."""

    lines: Annotated[list[Line], Meta(max_length=100)]
    note: Annotated[str, Meta(max_length=50)] | None = None
    rating: Annotated[int, Meta(ge=1, le=5)] = 3
    price: float = 1.0
    gift: bool = False
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Changes(Body, frozen=True):
    """A PATCH body: what is absent stays."""

    title: str | UnsetType = UNSET
    note: str | UnsetType | None = UNSET


class Made(Struct, frozen=True):
    """What a sale made; `secret` is never kept."""

    id: UUID
    number: int
    secret: str | None = None


class Sales:
    """Sells things, as often as it is told to."""

    def __init__(self, database: Database[SampleStore], ledger: "Ledger") -> None:
        """Count in this ledger."""
        self.database = database
        self.ledger = ledger

    async def sell(self, once: Once) -> Made:
        """Sell one, once per key, and give what was made."""
        self.ledger.calls += 1
        if self.ledger.fail_before:
            raise self.ledger.fail_before.pop()
        made = uuid7()
        async with self.database.write() as store:
            if await once.first(store, made):
                self.ledger.sold += 1
        if self.ledger.fail_after:
            raise self.ledger.fail_after.pop()
        if self.ledger.gate is not None:
            self.ledger.reached.set()
            await self.ledger.gate.wait()
        return Made(once.subject or made, self.ledger.sold, f"token of {once.subject or made}")


class Ledger:
    """What the tests see and control."""

    def __init__(self) -> None:
        """Begin with nothing sold."""
        self.calls = 0
        self.sold = 0
        self.runs = 0
        self.fail_before: list[BaseException] = []
        self.fail_after: list[BaseException] = []
        self.gate: asyncio.Event | None = None
        self.reached = asyncio.Event()


class SampleProvider(ModuleProvider):
    """Provides the sales."""

    def __init__(self) -> None:
        """Name the component."""
        super().__init__("sample", SampleStore, METADATA)

    @provide(scope=Scope.APP)
    def ledger(self) -> Ledger:
        """Give the ledger."""
        return Ledger()

    @provide(scope=Scope.REQUEST)
    def sales(self, database: Database[SampleStore], ledger: Ledger) -> Sales:
        """Give the sales."""
        return Sales(database, ledger)


Injected = Annotated[Sales, FromComponent("sample")]


@get("/api/v1/things", policy=public)
async def list_things(
    caller: NamedDependency[Caller],
    limit: Limit = 20,
    q: Annotated[str | None, QueryParameter(max_length=10)] = None,
    since: Annotated[UUID | None, QueryParameter(name="since-id")] = None,
    weight: Annotated[int | None, HeaderParameter(name="X-Weight")] = None,
) -> dict[str, Any]:
    """List what was asked for."""
    return {"limit": limit, "q": q, "address": caller.address, "user": caller.user_id, "weight": weight, "since": since}


@get("/api/v1/wanted", policy=public)
async def wanted(colour: Annotated[str, QueryParameter(max_length=10)]) -> dict[str, str]:
    """Need a parameter."""
    return {"colour": colour}


@get("/api/v1/things/{thing_id:uuid}", policy=capability("cart"))
async def show_thing(thing_id: FromPath[UUID], caller: NamedDependency[Caller]) -> dict[str, Any]:
    """Show who asks for a thing."""
    return {"id": thing_id, "user": caller.user_id, "cart_token": caller.cart_token, "order_token": caller.order_token}


@get("/api/v1/names/{name:str}", policy=public)
async def show_name(name: Annotated[str, PathParameter(max_length=200)]) -> Response[dict[str, str]]:
    """Show a name, cacheable."""
    return Response({"name": name}, headers={"Cache-Control": "public, max-age=5", "ETag": '"1"'})


@post("/api/v1/baskets", policy=anyone)
async def take_basket(data: JSONBody[Basket], once: NamedDependency[Once]) -> Basket:
    """Give a body back."""
    return data


@patch("/api/v1/baskets", policy=anyone)
async def change_basket(data: JSONBody[Changes]) -> dict[str, str | None]:
    """Give back what was there."""
    return {name: value for name, value in (("title", data.title), ("note", data.note)) if value is not UNSET}


@post("/api/v1/refresh", policy=public, status_code=204)
async def refresh() -> None:
    """Take no body."""


@post("/api/v1/hook", policy=public, raw=True, body_limit=256 * 1024, status_code=200)
async def hook(request: Request[Any, Any, Any]) -> dict[str, int]:
    """Count the bytes of any body."""
    return {"bytes": len(await request.body())}


@delete("/api/v1/things", policy=staff)
async def clear() -> None:
    """Be for staff only."""


@get("/api/v1/mine", policy=customer)
async def mine(caller: NamedDependency[Caller]) -> dict[str, Any]:
    """Be for customers only."""
    return {"user": caller.customer_id}


@post("/api/v1/guesses", policy=public, limit=(3, 60.0), status_code=202)
async def guess(data: JSONBody[Changes]) -> dict[str, bool]:
    """Be limited."""
    return {"taken": True}


async def secret_again(container: AsyncContainer, subject: UUID, body: dict[str, Any]) -> dict[str, Any]:
    """Derive what was not kept."""
    return {"secret": f"token of {subject}"}


@post("/api/v1/sales", policy=anyone, idempotency="honoured", secrets=("secret",), derive=secret_again, responses=problems(SoldOut))
@inject
async def sell(data: JSONBody[Changes], once: NamedDependency[Once], sales: Injected) -> Response[Made]:
    """Sell one."""
    made = await sales.sell(once)
    return Response(made, headers={"Location": f"/api/v1/sales/{made.id}"})


@post("/api/v1/sales/{sale_id:uuid}/refunds", policy=staff, idempotency="required")
@inject
async def give_back(sale_id: FromPath[UUID], once: NamedDependency[Once], sales: Injected) -> Made:
    """Give one back."""
    return await sales.sell(once)


@get("/api/v1/failures/{kind:str}", policy=public)
async def fail(kind: FromPath[str]) -> dict[str, Any]:
    """Fail as asked."""
    failures: dict[str, Exception] = {
        "bug": RuntimeError("the password is hunter2"),
        "unavailable": Unavailable(),
        "throttled": TooManyRequests(retry_after=12.2),
        "sold_out": SoldOut("no mugs", sku="mug", left=0),
        "invalid": Invalid.field("lines[0].sku", "is unknown"),
    }
    if kind == "unserializable":
        return {"value": object()}
    raise failures[kind]


async def _jobs(container: AsyncContainer) -> Sequence[Job]:
    ledger = await container.get(Ledger, component="sample")

    async def count() -> bool:
        ledger.runs += 1
        return False

    return [Job("sample.count", 3600.0, count)]


ROUTES = [list_things, wanted, show_thing, show_name, take_basket, change_basket, refresh, hook, clear, mine, guess, sell, give_back, fail]
SAMPLE = Module("sample", (), (), SampleProvider, ROUTES, _jobs)


class Tokens:
    """Knows three tokens; "down" stands for keys that cannot be had."""

    async def verify(self, token: str) -> tuple[UUID, frozenset[str]]:
        """Look the token up."""
        if token == "down":
            raise Unavailable
        if token not in TOKENS:
            raise Unauthenticated
        return TOKENS[token]


class Shop:
    """The running application and a client of it."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient, ledger: Ledger) -> None:
        """Hold them together."""
        self.app, self.client, self.ledger = app, client, ledger


def sample_app(database_url: str, *replacements: tuple[Any, Any], proxies: tuple[str, ...] = ()) -> Litestar:
    """Assemble the sample module."""
    settings = Settings(runtime=Runtime(trusted_proxies=proxies), databases=Databases(database_url))
    return assemble([SAMPLE], settings, (Verifier, Tokens()), *replacements)


@asynccontextmanager
async def running(app: Litestar) -> AsyncGenerator[Shop]:
    """Enter the lifespan, make the tables, give a client."""
    async with app.lifespan():
        container = app.state.dishka_container
        database = await container.get(Database[SampleStore], component="sample")
        async with database.writer.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            yield Shop(app, client, await container.get(Ledger, component="sample"))


def bearer(name: str) -> dict[str, str]:
    """Give the header of one of the known tokens."""
    return {"Authorization": f"Bearer {name}"}


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a whole problem document of this code, and give it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = msgspec.json.decode(answer.content)
    assert document["type"] == f"/problems/{code}"
    assert document["code"] == code
    assert document["status"] == status
    assert document["instance"] == answer.request.url.raw_path.partition(b"?")[0].decode()
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["title"]
    assert document["detail"]
    assert ("errors" in document) == (status == 400)
    assert ("retry-after" in answer.headers) == (status in (429, 503) or code == "idempotency_key_in_use")
    return document
