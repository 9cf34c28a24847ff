"""What an operator sees of the checkouts under way."""

from datetime import timedelta

from tests.sales.world import World

from shop.modules.sales.gauges import CheckoutGauges


async def test_orders_are_counted_by_the_state_that_they_stand_in(world: World) -> None:
    """Two wait for their payment, the older for a minute; a confirmed one is counted no more."""
    world.stock("mug", 9)
    for _ in range(2):
        await world.guest({"mug": 1}).buys(key="first")
        world.clock.advance(timedelta(minutes=1))
    await world.confirmed()
    numbers, ages = await CheckoutGauges(world.database).read()
    assert {sample.labels["state"]: sample.value for sample in numbers.samples if sample.value} == {"paying": 2}
    assert {"new", "paid", "review"} <= {sample.labels["state"] for sample in numbers.samples}
    (age,) = (sample.value for sample in ages.samples if sample.value)
    assert 120 <= age < 150
