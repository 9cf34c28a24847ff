"""The states of an order's saga, what may follow what, and the status that people see.

NEW -> RESERVED -> PAYING -> PAID -> CONFIRMED
NEW, RESERVED, CANCELLING -> RELEASING -> CANCELLED
PAYING -> CANCELLING -> PAID, when the payment won the race
PAID -> REFUNDING -> UNLOCKING -> REFUNDED, when the stock was gone
whatever does not add up -> REVIEW
"""

from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """Where an order's saga stands; stored, and never shown."""

    NEW = "new"
    RESERVED = "reserved"
    PAYING = "paying"
    PAID = "paid"
    CONFIRMED = "confirmed"
    RELEASING = "releasing"
    CANCELLED = "cancelled"
    CANCELLING = "cancelling"
    REFUNDING = "refunding"
    UNLOCKING = "unlocking"
    REFUNDED = "refunded"
    REVIEW = "review"


MOVES: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.RESERVED, State.RELEASING}),
    State.RESERVED: frozenset({State.PAYING, State.PAID, State.RELEASING}),
    State.PAYING: frozenset({State.PAID, State.CANCELLING, State.REVIEW}),
    State.CANCELLING: frozenset({State.RELEASING, State.PAID, State.REVIEW}),
    State.PAID: frozenset({State.CONFIRMED, State.REFUNDING}),
    State.CONFIRMED: frozenset(),
    State.RELEASING: frozenset({State.CANCELLED, State.REVIEW}),
    State.CANCELLED: frozenset({State.REVIEW}),
    State.REFUNDING: frozenset({State.UNLOCKING, State.REVIEW}),
    State.UNLOCKING: frozenset({State.REFUNDED, State.REVIEW}),
    State.REFUNDED: frozenset({State.REVIEW}),
    State.REVIEW: frozenset({State.CANCELLING, State.REFUNDING}),
}
ENDED = frozenset({State.CONFIRMED, State.CANCELLED, State.REFUNDED, State.REVIEW})
LIVE = frozenset(State) - ENDED
MONEY_IN = frozenset({State.PAID, State.CONFIRMED, State.REFUNDING, State.UNLOCKING, State.REFUNDED, State.REVIEW})


class Status(StrEnum):
    """What people are told about an order."""

    PENDING = "pending"
    AWAITING_PAYMENT = "awaiting_payment"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    UNDER_REVIEW = "under_review"


class Facts(Struct, frozen=True):
    """All that the status depends on; `withdrawn`: staff cancelled it after it was confirmed."""

    state: State
    captured: int
    refunded: int
    withdrawn: bool
    shipped: bool


OF_STATE = {
    State.NEW: Status.PENDING,
    State.RESERVED: Status.PENDING,
    State.PAYING: Status.AWAITING_PAYMENT,
    State.PAID: Status.PENDING,
    State.RELEASING: Status.CANCELLING,
    State.CANCELLED: Status.CANCELLED,
    State.CANCELLING: Status.CANCELLING,
    State.REFUNDING: Status.CANCELLING,
    State.UNLOCKING: Status.CANCELLING,
    State.REFUNDED: Status.REFUNDED,
    State.REVIEW: Status.UNDER_REVIEW,
}


def status_of(facts: Facts) -> Status:
    """Compute the status from the stored facts; the only function that does."""
    if facts.state is not State.CONFIRMED:
        return OF_STATE[facts.state]
    if facts.refunded and facts.refunded < facts.captured:
        return Status.PARTIALLY_REFUNDED
    if facts.refunded or (facts.withdrawn and facts.captured == 0):
        return Status.REFUNDED
    return Status.SHIPPED if facts.shipped else Status.CONFIRMED
