"""The law that nothing is called outside while a transaction is open."""

from contextvars import ContextVar

open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)


class TransactionOpen(AssertionError):
    """A port, Stripe or SMTP was called while a transaction was open."""


def assert_no_transaction(call: str) -> None:
    """Refuse a call that leaves the module while a transaction of it is open."""
    owner = open_transaction.get()
    if owner is not None:
        raise TransactionOpen(f"{call} was called while a transaction of {owner} was open")
