"""The catalogue as a file: taken in by batches, given out by pages."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import closing

from msgspec import Struct

from shop.kit.audit import record
from shop.kit.database import Database
from shop.kit.problems import Invalid, Unavailable
from shop.modules.products.file_format import COLUMNS, CatalogueFile, Line, guarded, written
from shop.modules.products.file_lines import Prices, Wanted, cell, wanted
from shop.modules.products.file_plan import Outcome, Plan, Verdict
from shop.modules.products.file_seen import Seen
from shop.modules.products.file_store import ChangedMeanwhile
from shop.modules.products.store import ProductsStore
from shop.modules.products.tables import audit_log
from shop.settings import Commerce

BATCH, LARGEST_BATCH = 200, 400  # lines; between the two it ends where the product does
TRIES = 5


class Read(Struct, frozen=True):
    """A line and what it asks for, or why it cannot be read."""

    line: Line
    wanted: Wanted | None = None
    reason: str | None = None


class CatalogueFiles:
    """Takes catalogue files in and gives them out. Taking in the same file again changes nothing."""

    def __init__(self, database: Database[ProductsStore], commerce: Commerce) -> None:
        """Sell in the currency of the shop."""
        self._database = database
        self._currency = commerce.currency
        self._prices = Prices(commerce.currency)

    async def take_in(self, file: CatalogueFile, *, dry_run: bool = False) -> AsyncGenerator[list[tuple[Line, Outcome]]]:
        """Take a file in, and give what became of the lines, batch by batch; each batch is one transaction. A dry run writes nothing."""
        with closing(Seen()) as seen:
            for batch in _batches(file, seen, self._prices):
                outcomes = await self._batch([(read.line.number, read.wanted) for read in batch if read.wanted], dry_run=dry_run)
                yield [(read.line, outcomes.get(read.line.number) or _unread(read)) for read in batch]

    async def _batch(self, lines: Sequence[tuple[int, Wanted]], *, dry_run: bool) -> dict[int, Outcome]:
        if dry_run:
            async with self._database.read() as store:
                return (await self._planned(store, lines, lock=False))[1]
        for _ in range(TRIES):
            try:
                async with self._database.write() as store:
                    plan, outcomes = await self._planned(store, lines, lock=True)
                    await store.carry_out(plan)
                    for product in plan.touched:
                        await record(store, audit_log, "product.import", product.id, *plan.facts(product.slug))
                return outcomes
            except ChangedMeanwhile:
                continue
        raise Unavailable("somebody else is making the same products; repeat the import, it goes on from there")

    async def _planned(self, store: ProductsStore, lines: Sequence[tuple[int, Wanted]], *, lock: bool) -> tuple[Plan, dict[int, Outcome]]:
        asked = [wanted for _, wanted in lines]
        slugs, skus = {each.product for each in asked}, {each.sku for each in asked}
        named = {each.category for each in asked if isinstance(each.category, str)}
        plan = Plan(await store.as_it_stands(slugs, skus, named, self._currency, lock=lock), self._prices)
        return plan, {number: plan.decide(number, wanted) for number, wanted in lines}

    async def give_out(self) -> AsyncGenerator[str]:
        """Write all that is sold, a page at a time; what changes meanwhile may be in it or not."""
        yield written(COLUMNS)
        last = 0
        while True:
            async with self._database.read() as store:
                rows = await store.exported(last)
            if not rows:
                return
            last = rows[-1].number
            names = {"product": "slug"}
            yield "".join(
                written([guarded(cell(name, getattr(row, names.get(name, name)), self._prices)) for name in COLUMNS]) for row in rows if row.sku
            )


def _batches(file: CatalogueFile, seen: Seen, prices: Prices) -> Iterator[list[Read]]:
    batch: list[Read] = []
    for line in file.lines():
        belongs = batch and line.values.get("product") == batch[-1].line.values.get("product")
        if len(batch) >= LARGEST_BATCH or (len(batch) >= BATCH and not belongs):
            yield batch
            batch = []
        batch.append(_read(line, file, seen, prices))
    if batch:
        yield batch


def _read(line: Line, file: CatalogueFile, seen: Seen, prices: Prices) -> Read:
    try:
        found = wanted(line, file.heading, prices)
        seen.check(line.number, found)
    except Invalid as problem:
        return Read(line, reason=problem.detail)
    return Read(line, found)


def _unread(read: Read) -> Outcome:
    return Outcome(read.line.number, read.line.values.get("sku", "")[:64], Verdict.REFUSED, reason=read.reason)
