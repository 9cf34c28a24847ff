"""What sales refuses."""

from typing import Any

from shop.kit.problems import Conflict, NotFound, Problem
from shop.ports.cart import CartEmpty, CartNotFound, CartOrdered, CheckoutInProgress, InsufficientStock
from shop.ports.payments import PaymentRefused


class OrderNotFound(NotFound):
    """There is no such order, or it is not yours."""


class PriceChanged(Conflict):
    """The order would be charged differently from what was expected; `total` says what it would come to."""


class TotalTooLarge(Conflict):
    """The order comes to more than can be charged at once."""


class OrderConfirmed(Conflict):
    """The order is confirmed and can no longer be cancelled."""


class OrderShipped(Conflict):
    """Some of the order is shipped already, so it cannot be cancelled."""


class OrderNotConfirmed(Conflict):
    """Only a confirmed order can be shipped or have pieces restocked."""


class RefundExceedsPayment(Conflict):
    """More would be refunded than is left of the payment; `left` says how much that is."""


class RestockExceedsOrder(Conflict):
    """More would be restocked than is left of the order; `sku` says of what."""


class ShipmentExceedsOrder(Conflict):
    """More would be shipped than is left to ship; `sku` says of what."""


REFUSALS: tuple[type[Problem], ...] = (
    CartNotFound, CartEmpty, CartOrdered, CheckoutInProgress, InsufficientStock, PriceChanged, TotalTooLarge, PaymentRefused, Conflict,
)  # fmt: skip


def refusal(members: dict[str, Any]) -> Problem:
    """Give the problem that an order was refused with, from what was stored of it."""
    kind = next((kind for kind in REFUSALS if kind.code == members["code"]), Conflict)
    return kind.from_members(members)
