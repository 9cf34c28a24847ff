"""What an operator should see of the checkouts under way."""

from shop.kit.database import Database
from shop.kit.exposition import Gauge, Sample
from shop.modules.sales.states import LIVE, State
from shop.modules.sales.store import SalesStore


class CheckoutGauges:
    """How many orders stand in which state of their saga, and since when."""

    def __init__(self, database: Database[SalesStore]) -> None:
        """Look at this database."""
        self._database = database

    async def read(self) -> list[Gauge]:
        """Give a sample for every state that must not last, and for those that a person must look at."""
        async with self._database.read() as store:
            now = await store.now()
            found = {row.state: row for row in await store.standing()}
        numbers, ages = [], []
        for state in sorted(LIVE | {State.REVIEW}):
            row = found.get(state)
            numbers.append(Sample(row.number if row else 0, {"state": state}))
            ages.append(Sample((now - row.oldest).total_seconds() if row else 0.0, {"state": state}))
        return [
            Gauge("shop_checkouts", "Orders by the state of their saga, ended ones aside", numbers),
            Gauge("shop_checkouts_oldest_seconds", "How long ago the oldest of them was placed", ages),
        ]
