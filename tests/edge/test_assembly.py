"""The composition root: what is hosted is local, what is missing is said in one line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Protocol

import httpx
import pytest
from dishka import AsyncContainer, FromComponent, Provider, Scope, provide
from dishka.exceptions import GraphMissingFactoryError
from dishka.integrations.litestar import inject
from litestar import Litestar, get
from litestar.params import FromPath
from msgspec import Struct
from tests.edge.sample import BUYER, SAMPLE, Shop, assert_problem, bearer, running, sample_app

from shop.app import CannotAssemble, assemble
from shop.kit.clock import Clock
from shop.kit.identity import public
from shop.kit.jobs import Job
from shop.kit.module import Module
from shop.kit.port import Port
from shop.kit.port import get as read
from shop.kit.tokens import LocalKeys, Signer, new_signing_key
from shop.ports.mail import Mail
from shop.ports.payments import Payments
from shop.settings import Auth, Commerce, Databases, Settings


class Greeting(Struct, frozen=True):
    """What is said."""

    text: str


class Greetings(Port, Protocol):
    """Greets."""

    @read("/greetings/{name}")
    async def greeting(self, *, name: str) -> Greeting:
        """Greet somebody."""
        ...


class Names(Port, Protocol):
    """Knows names."""

    @read("/names/{name}")
    async def full(self, *, name: str) -> Greeting:
        """Give the full name."""
        ...


class Polite(Greetings):
    """Greets politely by the full name."""

    made = 0

    def __init__(self, names: Names) -> None:
        """Count how many there were."""
        Polite.made += 1
        self.names = names

    async def greeting(self, *, name: str) -> Greeting:
        """Greet somebody."""
        return Greeting(f"Dear {(await self.names.full(name=name)).text}")


class Register(Names):
    """Knows names, and needs greetings itself: the two need each other, like sales and users."""

    def __init__(self, greetings: Greetings, commerce: Commerce) -> None:
        """Take the settings, too."""
        self.greetings, self.commerce = greetings, commerce

    async def full(self, *, name: str) -> Greeting:
        """Give the full name."""
        if name == "nobody":
            raise LookupError
        return Greeting(f"{name} of {self.commerce.currency}")


class Greeters(Provider):
    """Provides the greetings."""

    def __init__(self) -> None:
        """Name the component."""
        super().__init__(component="greeters")

    @provide(scope=Scope.REQUEST)
    def greetings(self, names: Annotated[Names, FromComponent()]) -> Greetings:
        """Make one per scope."""
        return Polite(names)


class Registers(Provider):
    """Provides the names."""

    def __init__(self) -> None:
        """Name the component."""
        super().__init__(component="registers")

    @provide(scope=Scope.REQUEST)
    def names(self, greetings: Annotated[Greetings, FromComponent()], commerce: Annotated[Commerce, FromComponent()]) -> Names:
        """Make one per scope."""
        return Register(greetings, commerce)


class Deaf(Names):
    """Stands in for the names."""

    async def full(self, *, name: str) -> Greeting:
        """Know only one."""
        return Greeting("whoever you are")


@get("/api/v1/greetings/{name:str}", policy=public)
@inject
async def greet(name: FromPath[str], greetings: Annotated[Greetings, FromComponent()]) -> Greeting:
    """Ask the neighbour."""
    return await greetings.greeting(name=name)


async def no_jobs(container: AsyncContainer) -> Sequence[Job]:
    """Have none."""
    return []


GREETERS = Module("greeters", (Greetings,), (Names,), Greeters, [greet], no_jobs)
REGISTERS = Module("registers", (Names,), (Greetings,), Registers, [], no_jobs)


async def ask(app: Litestar, path: str) -> httpx.Response:
    """Ask the application once."""
    async with app.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as client:  # type: ignore[arg-type]
        return await client.get(path)


@pytest.mark.parametrize("rehearse", [False, True])
async def test_neighbours_that_need_each_other_are_called_in_scopes_of_their_own(rehearse: bool) -> None:
    """No cycle arises, each call has its own scope, settings reach every component."""
    before = Polite.made
    answer = await ask(assemble([GREETERS, REGISTERS], Settings(), rehearse=rehearse), "/api/v1/greetings/Ana")
    assert answer.json() == {"text": "Dear Ana of EUR"}
    assert Polite.made == before + 1


async def test_a_neighbour_that_fails_is_unavailable() -> None:
    """Its exception does not cross the port."""
    assert_problem(await ask(assemble([GREETERS, REGISTERS], Settings()), "/api/v1/greetings/nobody"), 503, "unavailable")


async def test_a_replacement_stands_in_for_a_port() -> None:
    """Hosted or not."""
    for modules in ([GREETERS], [GREETERS, REGISTERS]):
        answer = await ask(assemble(modules, Settings(), (Names, Deaf())), "/api/v1/greetings/Ana")
        assert answer.json() == {"text": "Dear whoever you are"}


def test_a_neighbour_that_cannot_be_reached_is_named() -> None:
    """One line says what to do."""
    with pytest.raises(CannotAssemble, match=r"^Names is needed, but .* is not hosted here .* SHOP_MODULES$"):
        assemble([GREETERS], Settings())


def test_an_unknown_module_is_named() -> None:
    """One line, too."""
    with pytest.raises(CannotAssemble, match="there is no module 'cellar'"):
        assemble(["cellar"], Settings())


@pytest.mark.parametrize("port, key", [(Payments, "SHOP_STRIPE_SECRET_KEY"), (Mail, "SHOP_SMTP_HOST")])
def test_missing_settings_of_the_outside_world_are_named(port: type, key: str) -> None:
    """Whoever needs Stripe or a mail server must be given one."""
    needy = Module("needy", (), (port,), Greeters, [], no_jobs)
    with pytest.raises(CannotAssemble, match=key):
        assemble([needy], Settings())


def test_what_a_module_does_not_declare_it_does_not_get() -> None:
    """A provider that asks for a port beyond `needs` stops the start."""
    with pytest.raises(GraphMissingFactoryError):
        assemble([Module("greeters", (Greetings,), (), Greeters, [greet], no_jobs)], Settings())


async def test_jobs_run_in_the_lifespan_and_can_be_run_now(shop: Shop) -> None:
    """By name, for tests."""
    assert shop.app.state.jobs.names == ("sample.count",)
    await shop.app.state.jobs.now("sample.count")
    assert shop.ledger.runs >= 1


async def test_jobs_can_be_left_alone(tmp_path: Path) -> None:
    """A process that must not work in the background still can run one now."""
    app = assemble([SAMPLE], Settings(databases=Databases(f"sqlite:///{tmp_path}/")), run_jobs=False)
    async with running(app) as shop:
        assert shop.ledger.runs == 0
        await app.state.jobs.now("sample.count")
        assert shop.ledger.runs == 1


async def test_the_same_modules_can_be_assembled_again(tmp_path: Path) -> None:
    """Handlers are not used up, and applications share nothing."""
    for name in ("a", "b"):
        async with running(sample_app(f"sqlite:///{tmp_path}/{name}/")) as shop:
            answer = await shop.client.post("/api/v1/sales", headers={"Idempotency-Key": "k"})
            assert "idempotent-replayed" not in answer.headers
            assert shop.ledger.sold == 1


async def test_a_process_that_knows_no_keys_asks_to_try_again(tmp_path: Path) -> None:
    """It cannot tell a good token from a bad one."""
    token = Signer(LocalKeys([new_signing_key()]), Settings().auth.issuer, Clock()).sign(BUYER, frozenset({"customer"}), BUYER)
    async with running(assemble([SAMPLE], Settings(databases=Databases(f"sqlite:///{tmp_path}/")))) as shop:
        assert_problem(await shop.client.get("/api/v1/mine", headers=bearer(token)), 503, "unavailable")
        assert_problem(await shop.client.get("/api/v1/mine", headers=bearer("forged")), 401, "unauthenticated")
        assert (await shop.client.get("/api/v1/things", headers=bearer(token))).status_code == 200


async def test_the_process_that_has_the_keys_knows_its_customers(tmp_path: Path) -> None:
    """The real verifier, with the key of the settings."""
    key = new_signing_key()
    settings = Settings(databases=Databases(f"sqlite:///{tmp_path}/"), auth=Auth(signing_keys=(key,)))
    token = Signer(LocalKeys([key]), settings.auth.issuer, Clock()).sign(BUYER, frozenset({"customer"}), BUYER)
    async with running(assemble([SAMPLE], settings)) as shop:
        assert (await shop.client.get("/api/v1/mine", headers=bearer(token))).json() == {"user": str(BUYER)}
