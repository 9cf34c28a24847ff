"""What sales offers, kept in memory."""

from datetime import UTC, datetime
from uuid import UUID

from msgspec.structs import replace

from shop.kit.erasing import Receipt
from shop.kit.paging import decode_cursor, page
from shop.kit.problems import Problem
from shop.ports.sales import CustomerRecords, Purchase, PurchaseHistory, Purchases


class FakePurchaseHistory(PurchaseHistory):
    """Purchases that a test put there with `bought`; `fail_next` makes the next call fail."""

    def __init__(self) -> None:
        """Nobody has bought anything yet."""
        self._purchases: dict[UUID, list[Purchase]] = {}
        self._failures: list[Problem] = []
        self.erased: dict[UUID, int] = {}

    def bought(self, customer_id: UUID, purchase: Purchase) -> None:
        """Let a customer have bought this, after all that was bought before."""
        self._purchases.setdefault(customer_id, []).append(purchase)

    def delivered(self, customer_id: UUID) -> None:
        """Let everything that a customer bought be with them."""
        self._purchases[customer_id] = [replace(purchase, status="shipped") for purchase in self._purchases[customer_id]]

    def fail_next(self, problem: Problem) -> None:
        """Let the next call fail with this problem."""
        self._failures.append(problem)

    async def purchases(self, *, customer_id: UUID, limit: int = 20, cursor: str | None = None) -> Purchases:
        """Give a page of a customer's purchases, newest first."""
        self._fail()
        place = decode_cursor(cursor, tuple[int])
        numbered = list(enumerate(self._purchases.get(customer_id, [])))[::-1]
        rows = [row for row in numbered if place is None or row[0] < place[0]]
        kept, following = page(rows[: limit + 1], limit, lambda row: (row[0],))
        return Purchases([purchase for _, purchase in kept], following)

    async def records(self, *, customer_id: UUID) -> CustomerRecords:
        """Give a customer's purchases as their orders."""
        self._fail()
        orders = [{"number": purchase.number, "status": purchase.status} for purchase in self._purchases.get(customer_id, [])]
        return CustomerRecords({"orders": orders, "mails": []}, {"carts": []})

    async def erase(self, *, customer_id: UUID) -> list[Receipt]:
        """Forget a customer."""
        self._fail()
        mine = self._purchases.get(customer_id, [])
        kept = [purchase for purchase in mine if purchase.status not in ("shipped", "refunded")]
        self.erased[customer_id] = self.erased.get(customer_id, 0) + len(mine) - len(kept)
        self._purchases[customer_id] = kept
        counts = {"orders": self.erased[customer_id], "kept_answers": 0}
        return [Receipt("sales", datetime.now(UTC), counts, len(kept)), Receipt("cart", datetime.now(UTC), {}, 0)]

    def _fail(self) -> None:
        if self._failures:
            raise self._failures.pop(0)
