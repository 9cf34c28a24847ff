"""What a neighbour may ask of users."""

from typing import Protocol
from uuid import UUID

from msgspec import Struct

from shop.kit.port import Port, get
from shop.kit.problems import NotFound
from shop.kit.values import Email, Locale


class CustomerNotFound(NotFound):
    """There is no such customer."""


class Customer(Struct, frozen=True):
    """Who buys."""

    id: UUID
    email: Email
    name: str
    locale: Locale


class Customers(Port, Protocol):
    """Who a customer is."""

    @get("/customers/{id}", raises=(CustomerNotFound,), timeout=2.0)
    async def customer(self, *, id: UUID) -> Customer:
        """Give the customer of this id."""
        ...
