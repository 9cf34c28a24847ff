"""What an operator should see of those who asked to be forgotten."""

from shop.kit.database import Database
from shop.kit.exposition import Gauge, Sample
from shop.modules.users.store import UsersStore


class ErasureGauges:
    """How many are not forgotten everywhere yet, and since when."""

    def __init__(self, database: Database[UsersStore]) -> None:
        """Look at this database."""
        self._database = database

    async def read(self) -> list[Gauge]:
        """Give number and age, zero when everybody is forgotten."""
        async with self._database.read() as store:
            number, oldest = await store.unfinished_erasures()
            age = (await store.now() - oldest).total_seconds() if oldest else 0.0
        return [
            Gauge("shop_erasures", "Requests to be forgotten that are not finished", [Sample(number)]),
            Gauge("shop_erasures_oldest_seconds", "How long ago the oldest of them was made", [Sample(age)]),
        ]
