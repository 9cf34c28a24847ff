"""The rules of reservations, without a database."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import Struct

from shop.kit.money import Money
from shop.kit.problems import Conflict
from shop.kit.values import Line
from shop.ports.products import HeldLine

MOST_ON_HAND = 1_000_000_000


class StockReserved(Conflict):
    """Fewer pieces would remain than are reserved."""


class StockTooLarge(Conflict):
    """More pieces than can be counted."""


class ReservationStatus(StrEnum):
    """Where a reservation stands; committed and released are final."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"


class Reservation(Struct, frozen=True):
    """A reservation without its lines."""

    id: UUID
    status: ReservationStatus
    fingerprint: str
    expires_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Tell whether it still holds stock although its hard limit passed."""
        return self.status is ReservationStatus.HELD and self.expires_at <= now


class Offer(Struct, frozen=True):
    """What a SKU can be had for at this moment."""

    sku: str
    title: str
    unit_price: Money
    categories: list[str]
    available: int

    def held(self, quantity: int) -> HeldLine:
        """Give the line that a reservation of so many pieces has."""
        return HeldLine(self.sku, self.title, quantity, self.unit_price, self.categories)


class StockLevel(Struct, frozen=True):
    """How many pieces of a SKU there are."""

    sku: str
    on_hand: int
    reserved: int
    available: int


class OpenReservation(Struct, frozen=True):
    """Pieces that an order holds."""

    order_id: UUID
    quantity: int
    expires_at: datetime


class Movement(Struct, frozen=True):
    """A row of the ledger; `by` is a user's id, or the order it was for."""

    at: datetime
    delta: int
    reason: str
    by: str


class StockReport(Struct, frozen=True):
    """How many pieces of a SKU there are, who holds them and how they came and went, the newest first."""

    sku: str
    on_hand: int
    reserved: int
    available: int
    reservations: list[OpenReservation]
    movements: list[Movement]


def summed(lines: Iterable[Line]) -> dict[str, int]:
    """Add up the lines of each SKU and sort by SKU: whoever locks in this order cannot deadlock."""
    quantities: Counter[str] = Counter()
    for line in lines:
        quantities[line.sku] += line.quantity
    return dict(sorted(quantities.items()))


def fingerprint(quantities: dict[str, int], *parts: object) -> str:
    """Give what tells two commands with the same id apart."""
    return hashlib.sha256(msgspec.json.encode([[str(part) for part in parts], list(quantities.items())])).hexdigest()


def short(quantities: dict[str, int], offers: dict[str, Offer]) -> list[str]:
    """Name the SKUs of which fewer can be had than are asked for; unknown ones too."""
    return [sku for sku, quantity in quantities.items() if sku not in offers or offers[sku].available < quantity]
