"""A catalogue and its stock in memory, obeying the contract of the Products port."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec import Struct

from shop.kit.clock import Clock
from shop.kit.ids import derived_id
from shop.kit.money import Money
from shop.kit.problems import Conflict, Gone, Problem
from shop.kit.values import Line
from shop.ports.products import Held, HeldLine, OutOfStock, Products, ReservedDifferently, Variant


class Shelf(Struct):
    """What is sold under a SKU, and how many pieces there are."""

    title: str
    price: Money
    compare_at_price: Money | None
    categories: list[str]
    on_hand: int = 0
    reserved: int = 0
    archived: bool = False


class Reservation(Struct):
    """What an id holds or sold; `status` is held, committed or released."""

    status: str
    expires_at: datetime
    asked: Counter[str]
    held: Held
    restocked: Counter[str]


class FakeProducts(Products):
    """Products without a database. `stock`, `archive`, `shelf` and `fail_next` are for tests; `calls` names what was called."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Start empty; lifetimes are measured by the clock."""
        self.clock = clock or Clock()
        self.shelves: dict[str, Shelf] = {}
        self.reservations: dict[UUID, Reservation] = {}
        self.restocks: dict[UUID, tuple[UUID, Counter[str]]] = {}
        self.calls: list[str] = []
        self._failures: list[Problem] = []

    def stock(self, sku: str, on_hand: int, *, price: int = 1000, currency: str = "EUR", title: str | None = None,
              compare_at_price: int | None = None, categories: Sequence[str] = ()) -> None:  # fmt: skip
        """Sell a SKU under this price and count its pieces; calling it again changes both and keeps what is reserved."""
        before = Money(compare_at_price, currency) if compare_at_price is not None else None
        reserved = self.shelves[sku].reserved if sku in self.shelves else 0
        self.shelves[sku] = Shelf(title or sku.capitalize(), Money(price, currency), before, list(categories), on_hand, reserved)

    def archive(self, sku: str) -> None:
        """Stop selling a SKU."""
        self.shelves[sku].archived = True

    def shelf(self, sku: str) -> Shelf:
        """Show how a SKU stands."""
        return self.shelves[sku]

    def fail_next(self, problem: Problem, times: int = 1) -> None:
        """Let the next calls raise this instead of doing anything."""
        self._failures += [problem] * times

    async def variants(self, *, skus: list[str]) -> list[Variant]:
        """Give what is sold under these SKUs."""
        self._called("variants")
        return [self._variant(sku, self.shelves[sku]) for sku in sorted(set(skus)) if sku in self.shelves and not self.shelves[sku].archived]

    async def reserve(self, *, id: UUID, lines: list[Line], ttl: int) -> Held:
        """Hold stock under an order's id."""
        self._called("reserve")
        asked = _summed(lines)
        if (known := self._current(id)) is not None:
            if known.status == "released":
                raise Gone
            if known.asked != asked:
                raise ReservedDifferently
            return known.held
        short = sorted(sku for sku, quantity in asked.items() if self._available(sku) < quantity)
        if short:
            raise OutOfStock(skus=short)
        for sku, quantity in asked.items():
            self.shelves[sku].reserved += quantity
        held = Held([self._held(sku, asked[sku]) for sku in sorted(asked)])
        self.reservations[id] = Reservation("held", self.clock.now() + timedelta(seconds=ttl), asked, held, Counter())
        return held

    async def commit(self, *, id: UUID) -> None:
        """Turn what is held into sold."""
        self._called("commit")
        known = self._current(id) or self._tombstone(id)
        if known.status == "released":
            raise Gone
        if known.status == "held":
            known.status = "committed"
            for sku, quantity in known.asked.items():
                self.shelves[sku].on_hand -= quantity
                self.shelves[sku].reserved -= quantity

    async def release(self, *, id: UUID) -> None:
        """Give back what is held and leave a tombstone."""
        self._called("release")
        self._give_back(self._current(id) or self._tombstone(id))

    async def restock(self, *, restock_id: UUID, id: UUID, lines: list[Line]) -> None:
        """Take pieces of a committed reservation back into stock."""
        self._called("restock")
        asked = _summed(lines)
        if restock_id in self.restocks:
            if self.restocks[restock_id] != (id, asked):
                raise Conflict("this restock took back something else")
            return
        known = self.reservations.get(id)
        if known is None or known.status != "committed" or any(known.restocked[sku] + asked[sku] > known.asked[sku] for sku in asked):
            raise Conflict("more than was sold under this id")
        self.restocks[restock_id] = (id, asked)
        known.restocked += asked
        for sku, quantity in asked.items():
            self.shelves[sku].on_hand += quantity

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self._failures:
            raise self._failures.pop(0)

    def _available(self, sku: str) -> int:
        shelf = self.shelves.get(sku)
        return -1 if shelf is None or shelf.archived else shelf.on_hand - shelf.reserved

    def _variant(self, sku: str, shelf: Shelf) -> Variant:
        product_id = derived_id("product", sku)
        available = shelf.on_hand - shelf.reserved
        return Variant(sku, product_id, shelf.title, shelf.price, shelf.compare_at_price, available, list(shelf.categories))

    def _held(self, sku: str, quantity: int) -> HeldLine:
        shelf = self.shelves[sku]
        return HeldLine(sku, shelf.title, quantity, shelf.price, list(shelf.categories))

    def _current(self, id: UUID) -> Reservation | None:
        known = self.reservations.get(id)
        if known is not None and known.expires_at <= self.clock.now():
            self._give_back(known)
        return known

    def _tombstone(self, id: UUID) -> Reservation:
        return self.reservations.setdefault(id, Reservation("released", self.clock.now(), Counter(), Held([]), Counter()))

    def _give_back(self, known: Reservation) -> None:
        if known.status == "held":
            known.status = "released"
            for sku, quantity in known.asked.items():
                self.shelves[sku].reserved -= quantity


def _summed(lines: list[Line]) -> Counter[str]:
    asked: Counter[str] = Counter()
    for line in lines:
        asked[line.sku] += line.quantity
    return asked
