"""What is left in cart of a customer who is forgotten."""

from uuid import UUID

import sqlalchemy as sa
from tests.cart.world import TTL, World, customer, owner

from shop.kit.idempotency import IdempotencyKeys, Once
from shop.kit.identity import Caller
from shop.kit.ids import uuid7
from shop.modules.cart.tables import ERASURE_RECEIPTS, IDEMPOTENCY_KEYS, METADATA


async def everything(world: World) -> str:
    """Write out every row of cart but the receipts."""
    async with world.database.read() as store:
        tables = [table for table in METADATA.sorted_tables if table is not ERASURE_RECEIPTS]
        return str([[row._asdict() for row in await store.rows(sa.select(table))] for table in tables])


async def ordered(world: World, caller: Caller, coupon: str) -> UUID:
    """Let a customer order a mug with a coupon, and give the id of the order."""
    opened = await world.service.open(None, caller)
    await world.service.set_quantity(opened.id, "mug", 1, caller)
    await world.service.put_coupon(opened.id, coupon, caller)
    order = uuid7()
    await world.checkouts.begin(id=order, cart_id=opened.id, owner=owner(caller), ttl=TTL)
    await world.checkouts.commit(id=order)
    return order


async def test_no_row_names_who_is_forgotten(world: World) -> None:
    """Carts, quotes, redemptions and kept answers: of an order, of a checkout that was given up, and of the cart that is open."""
    world.products.stock("mug", 9)
    ana, ben = customer(), customer()
    await world.coupon("TENTH", max_per_customer=5)
    order = await ordered(world, ana, "TENTH")
    opened = await world.service.open(None, ana)
    await world.service.set_quantity(opened.id, "mug", 2, ana)
    given_up = uuid7()
    await world.checkouts.begin(id=given_up, cart_id=opened.id, owner=owner(ana), ttl=TTL)
    await world.checkouts.release(id=given_up)
    await ordered(world, ben, "TENTH")
    keys = IdempotencyKeys(world.database, IDEMPOTENCY_KEYS)
    begun = await keys.begin(f"POST /x {ana.scope}", "key", "f")
    assert isinstance(begun, Once)
    await keys.keep(begun, 200, b"{}")
    written = await everything(world)
    assert ana.customer_id is not None
    assert (written.count(str(ana.customer_id)) + written.count(repr(ana.customer_id))) >= 6
    receipt = await world.checkouts.erase(customer_id=ana.customer_id)
    assert receipt.erased == {"open_carts": 1, "ordered_carts": 1, "redemptions": 1, "kept_answers": 1}
    assert await world.redeemed("TENTH") == 2
    written = await everything(world)
    assert str(ana.customer_id) not in written
    assert str(ben.customer_id) in written
    assert str(order) in written
    await world.checkouts.commit(id=order)


async def test_a_quote_that_may_still_be_asked_for_stays_as_it_is(world: World) -> None:
    """Of a checkout under way: sales gets the same answer again."""
    world.products.stock("mug", 9)
    cart_id, ana = await world.customer({"mug": 1})
    order = uuid7()
    first = await world.checkouts.begin(id=order, cart_id=cart_id, owner=owner(ana), ttl=TTL)
    assert ana.customer_id is not None
    assert (await world.checkouts.erase(customer_id=ana.customer_id)).waiting == 1
    assert await world.checkouts.begin(id=order, cart_id=cart_id, owner=owner(ana), ttl=TTL) == first
