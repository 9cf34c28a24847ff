"""What every adapter of the customers port promises."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from argon2 import PasswordHasher
from msgspec import Struct
from tests.fakes.users import FakeCustomers
from tests.ports.adapters import KINDS, adapted
from tests.users.world import World

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.problems import Unavailable
from shop.modules.users.domain import Registration
from shop.ports.users import Customer, CustomerNotFound, Customers


class Subject(Struct, frozen=True):
    """The port under test, and a way to let somebody register."""

    customers: Customers
    register: Callable[[str, str, str], Awaitable[Customer]]


@pytest.fixture(params=KINDS)
async def subject(request: pytest.FixtureRequest, database_url: str, clock: Clock) -> AsyncIterator[Subject]:
    """Give the port behind each kind of adapter in turn."""
    world = World(database_url, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    fake = FakeCustomers()

    async def register(email: str, name: str, locale: str) -> Customer:
        await world.accounts.register(Registration(email, name, locale), "correct horse battery")
        return fake.add(Customer(await world.id_of(email), email, name, locale))

    @asynccontextmanager
    async def scope() -> AsyncIterator[Customers]:
        yield world.customers

    async with adapted(request.param, Customers, fake, scope) as customers:
        yield Subject(customers, register)
    await world.close()


async def test_a_customer_is_known_by_their_id(subject: Subject) -> None:
    """Name, locale and the address as it was typed come back, of this customer and nobody else."""
    ada = await subject.register("Ada@Example.com", "Ada Lovelace", "es")
    ben = await subject.register("ben@example.com", "Ben", "en")
    assert await subject.customers.customer(id=ada.id) == Customer(ada.id, "Ada@Example.com", "Ada Lovelace", "es")
    assert await subject.customers.customer(id=ben.id) == ben


async def test_an_unknown_customer_is_not_found(subject: Subject) -> None:
    """An id of nobody is CustomerNotFound, whoever else there is."""
    await subject.register("ada@example.com", "Ada", "en")
    with pytest.raises(CustomerNotFound):
        await subject.customers.customer(id=uuid7())


async def test_staff_are_not_customers(sqlite_url: str, clock: Clock) -> None:
    """Somebody who only works here buys nothing."""
    world = World(sqlite_url, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    made = await world.accounts.create_staff("staff@example.com", None)
    with pytest.raises(CustomerNotFound):
        await world.customers.customer(id=made.id)
    await world.close()


async def test_the_fake_fails_when_it_is_told_to() -> None:
    """A test of a neighbour can let users be down for one call."""
    fake = FakeCustomers(ada := Customer(uuid7(), "ada@example.com", "Ada", "en"))
    fake.fail_next(Unavailable())
    with pytest.raises(Unavailable):
        await fake.customer(id=ada.id)
    assert await fake.customer(id=ada.id) == ada
