"""What products does for its neighbours: the Products port."""

from datetime import timedelta
from uuid import UUID

from shop.kit.database import Database
from shop.kit.ids import derived_id
from shop.kit.problems import Conflict, Gone
from shop.kit.values import Line
from shop.modules.products.holding import Reservation, ReservationStatus, fingerprint, short, summed
from shop.modules.products.store import ProductsStore
from shop.ports.products import Held, OutOfStock, Products, ReservedDifferently, Variant

BATCH = 50
FORGOTTEN_AT_ONCE = 500
RELEASED_KEPT = timedelta(days=30)  # after its time to live nobody asks for a released reservation any more


class OfferedProducts(Products):
    """Reserves, sells and takes back.

    Everybody locks in the same order: first the reservation, then the stock by SKU. A refusal that leaves a trace (a tombstone, stock given back)
    is raised after the transaction committed.
    """

    def __init__(self, database: Database[ProductsStore]) -> None:
        """Keep reservations beside the stock."""
        self._database = database

    async def variants(self, *, skus: list[str]) -> list[Variant]:
        """Give what is sold under these SKUs; one query."""
        if not skus:
            return []
        async with self._database.read() as store:
            return await store.variants_for_sale(set(skus))

    async def reserve(self, *, id: UUID, lines: list[Line], ttl: int) -> Held:
        """Hold stock under an order's id."""
        asked = summed(lines)
        print_of_asked = fingerprint(asked)
        async with self._database.write() as store:
            if await store.open_reservation(id, print_of_asked, ReservationStatus.HELD, timedelta(seconds=ttl)):
                return await _hold(store, id, asked)
            known = await _current(store, id)
            held = await store.held(id)
        if known.status is ReservationStatus.RELEASED:
            raise Gone
        if known.fingerprint != print_of_asked:
            raise ReservedDifferently
        return held

    async def commit(self, *, id: UUID) -> None:
        """Turn what is held into sold."""
        async with self._database.write() as store:
            known = await _current(store, id)
            if known.status is ReservationStatus.HELD:
                await _sell(store, id)
        if known.status is ReservationStatus.RELEASED:
            raise Gone

    async def release(self, *, id: UUID) -> None:
        """Give back what is held and leave a tombstone."""
        async with self._database.write() as store:
            known = await _current(store, id)
            if known.status is ReservationStatus.HELD:
                await _give_back(store, [id])

    async def restock(self, *, restock_id: UUID, id: UUID, lines: list[Line]) -> None:
        """Take pieces of a committed reservation back into stock."""
        asked = summed(lines)
        print_of_asked = fingerprint(asked, id)
        async with self._database.write() as store:
            known = await store.locked_reservation(id)
            if not await store.open_restock(restock_id, print_of_asked):
                if await store.restock_fingerprint(restock_id) != print_of_asked:
                    raise Conflict("this restock took back something else")
                return
            sold = known is not None and known.status is ReservationStatus.COMMITTED
            if not sold or not await store.take_back(id, asked):
                raise Conflict("more than was sold under this id")
            await store.put_in(asked)
            await _note(store, "restock", restock_id, id, asked)

    async def expire(self) -> bool:
        """Release some reservations whose hard limit passed; a job."""
        async with self._database.read() as store:
            if not await store.any_overdue(await store.now()):
                return False
        async with self._database.write() as store:
            ids = await store.overdue(await store.now(), BATCH)
            await _give_back(store, ids)
        return bool(ids)

    async def forget(self) -> bool:
        """Forget some reservations that were released long ago; a job."""
        async with self._database.write() as store:
            return await store.forget_released(await store.now() - RELEASED_KEPT, FORGOTTEN_AT_ONCE) > 0


async def _hold(store: ProductsStore, id: UUID, asked: dict[str, int]) -> Held:
    offers = await store.offers(asked) if asked else {}
    missing = short(asked, offers)
    if missing or not await store.take(asked):
        raise OutOfStock(skus=missing)
    held = Held([offers[sku].held(quantity) for sku, quantity in asked.items()])
    await store.add_lines(id, held.lines)
    return held


async def _current(store: ProductsStore, id: UUID) -> Reservation:
    """Lock a reservation, or leave a tombstone for an id never seen; one whose hard limit passed is given back first."""
    while (known := await store.locked_reservation(id)) is None:
        await store.open_reservation(id, "", ReservationStatus.RELEASED, timedelta())
    if not known.is_over(await store.now()):
        return known
    await _give_back(store, [id])
    return Reservation(known.id, ReservationStatus.RELEASED, known.fingerprint, known.expires_at)


async def _give_back(store: ProductsStore, ids: list[UUID]) -> None:
    await store.give_back(await store.quantities(ids))
    await store.finish(ids, ReservationStatus.RELEASED)


async def _sell(store: ProductsStore, id: UUID) -> None:
    quantities = await store.quantities([id])
    await store.take_out(quantities)
    await _note(store, "sale", id, id, {sku: -quantity for sku, quantity in quantities.items()})
    await store.finish([id], ReservationStatus.COMMITTED)


async def _note(store: ProductsStore, reason: str, operation: UUID, order_id: UUID, deltas: dict[str, int]) -> None:
    """Write a row per SKU; its id is derived, so that the ledger itself refuses to count an operation twice."""
    rows = [{"id": derived_id(reason, operation, sku), "sku": sku, "delta": delta, "reason": reason, "by": f"order:{order_id}"}
            for sku, delta in deltas.items()]  # fmt: skip
    if rows:
        await store.note(rows)
