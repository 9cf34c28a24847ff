"""The users' ports in memory."""

from uuid import UUID

from shop.kit.problems import Problem
from shop.ports.users import Customer, CustomerNotFound, Customers


class FakeCustomers(Customers):
    """Knows the customers that a test adds."""

    def __init__(self, *customers: Customer) -> None:
        """Start with these."""
        self.known = {customer.id: customer for customer in customers}
        self._failures: list[Problem] = []

    def add(self, customer: Customer) -> Customer:
        """Let a customer be known, or be known differently."""
        self.known[customer.id] = customer
        return customer

    def fail_next(self, *problems: Problem) -> None:
        """Answer the next calls with these problems."""
        self._failures.extend(problems)

    async def customer(self, *, id: UUID) -> Customer:
        """Give the customer of this id."""
        if self._failures:
            raise self._failures.pop(0)
        if id not in self.known:
            raise CustomerNotFound
        return self.known[id]
