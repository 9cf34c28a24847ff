"""Everything at once: people order, pay, cancel and refund while calls get lost, workers die and time jumps. Then the sea is calm again."""

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct
from tests.sales.books import world_books
from tests.sales.invariants import check
from tests.sales.shaky import Killed
from tests.sales.world import STAFF, Buyer, World, open_world

from shop.kit.clock import Clock
from shop.kit.problems import Problem
from shop.modules.sales.domain import Order
from shop.modules.sales.states import LIVE, MONEY_IN, State
from shop.modules.sales.tables import METADATA

FATES = ("ok", "ok", "ok", "before", "after", "kill", "kill_after")
CALLS = (
    "carts.begin", "carts.commit", "carts.release", "carts.restock",
    "payments.create", "payments.payment", "payments.cancel", "payments.refund", "payments.refunds",
)  # fmt: skip
# What a buyer, and the world around them, does one after the other; `+` is at the same time, `submit2` is under another key.
STORIES = (
    "submit submit pay refund work refund staff_cancel",
    "submit submit pay event refund+refund staff_cancel+refund work",
    "submit submit pay_silently work minute",
    "submit+submit2 submit pay+staff_cancel work staff_cancel",
    "submit submit lease work submit2 pay",
    "submit cancel submit2 submit2 pay",
    "submit lease work",
    "submit day work",
    "submit submit pay_silently lease work",
    "submit submit hard_limit_and_pay work minute",
    "submit submit processing lease work minute pay_silently minute",
    "submit submit processing cancel minute decline work minute",
    "submit submit pay+cancel work cancel",
    "submit submit decline pay+lease work",
    "submit submit pay_silently sweep restart work",
)
NOISE = ("event", "work", "minute", "restart", "sweep", "cancel", "submit2")
JUMPS = {"minute": timedelta(seconds=65), "lease": timedelta(minutes=16), "day": timedelta(hours=25)}


class Step(Struct, frozen=True):
    """What one of the buyers, the staff, the provider or the world does."""

    action: str
    buyer: int


class Plan(Struct, frozen=True):
    """Groups of steps, those of a group at the same time, and what happens to the first calls of each name; later ones arrive."""

    groups: list[list[Step]]
    fates: dict[str, list[str]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Weave the stories of two buyers, put some noise in between, and lose calls."""
    groups: list[list[Step]] = []
    stories = [draw(st.sampled_from(STORIES)).split() for _ in range(2)]
    for now in itertools.zip_longest(*stories):
        told = [[Step(action, buyer) for action in actions.split("+")] for buyer, actions in enumerate(now) if actions]
        groups += [list(itertools.chain(*told))] if draw(st.booleans()) else told
    for place, action, buyer in draw(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(NOISE), st.integers(0, 1)), max_size=3)):
        groups.insert(place, [Step(action, buyer)])
    return Plan(groups, {name: draw(st.lists(st.sampled_from(FATES), max_size=2)) for name in CALLS})


async def weather(url: str, plan: Plan) -> None:
    """Carry out a plan on an empty database, and check the invariants on the way and after it."""
    clock = Clock()
    async with open_world(url, clock) as world:
        async with world.database.write() as store:
            for table in reversed(METADATA.sorted_tables):
                await store.change(table.delete())
        world.stock("mug", 7)
        world.stock("pen", 1, 0)
        buyers = [world.guest({"mug": 2, "pen": 1}), world.customer({"mug": 4})]
        await Storm(world, buyers, plan).rage()
        await calm(world)


class Storm:
    """Carries out a plan."""

    def __init__(self, world: World, buyers: list[Buyer], plan: Plan) -> None:
        """Take the fates of the calls of a name one after the other; when there are none left, they arrive."""
        self.world, self.buyers, self.plan = world, buyers, plan
        fates = {name: iter(listed) for name, listed in plan.fates.items()}
        world.network.choose = lambda name: next(fates.get(name, iter(())), "ok")

    async def rage(self) -> None:
        """Do one group after the other."""
        for group in self.plan.groups:
            await asyncio.gather(*(self._survive(self._do(step)) for step in group))
            await others()
            check(await world_books(self.world), settled=False)

    async def _survive(self, step: Coroutine[Any, Any, None]) -> None:
        try:
            await step
        except Problem:
            pass
        except Killed:
            self.world.start()

    async def _do(self, step: Step) -> None:
        world, buyer = self.world, self.buyers[step.buyer]
        if step.action in JUMPS:
            world.clock.advance(JUMPS[step.action])
        elif step.action.startswith("submit"):
            await buyer.buys(key=step.action)
        elif step.action == "work":
            await world.advance.run()
            await world.refunds.run()
        elif step.action == "sweep":
            await world.reconciliation.reconcile(timedelta(hours=72), repair=True)
        elif step.action == "restart":
            world.start()
            await world.advance.resume()
        else:
            for order in await world.all_orders():
                if order.cart_id == buyer.cart.id:
                    await self._to(order, step)

    async def _to(self, order: Order, step: Step) -> None:
        world = self.world
        if step.action == "cancel":
            await world.cancelling.cancel(order, self.buyers[step.buyer].caller)
        elif step.action == "staff_cancel":
            await world.cancelling.cancel(order, STAFF)
        elif step.action == "refund":
            await world.refund(order.id, 100)
        elif step.action.startswith("hard_limit"):
            if order.id in world.carts.checkouts and world.carts.checkouts[order.id].holds:
                world.carts.expire(order.id)
                world.hard_limits.add(order.id)
            if step.action.endswith("pay"):
                await self._provider(order, "pay")
        else:
            await self._provider(order, step.action)

    async def _provider(self, order: Order, action: str) -> None:
        world = self.world
        for payment in world.payments.of(order.id):
            if payment.status != "canceled" and payment.status != "succeeded" and order.payment_id == payment.id:
                if action in ("pay", "pay_silently"):
                    world.payments.succeed(order.id)
                elif action == "decline":
                    world.payments.decline(order.id)
                elif action == "processing":
                    world.payments.processing(order.id)
            if action in ("pay", "event"):
                await world.tell(payment.id, id=None if action == "pay" else f"evt_{payment.id}")


async def others() -> None:
    """Wait for what a killed caller left running."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.gather(*tasks, return_exceptions=True)


async def calm(world: World) -> None:
    """Nothing is lost any more: within a minute what was paid is confirmed, within lease and minute what was not is cancelled."""
    world.network.choose = lambda name: "ok"
    paid = [order.id for order in await world.all_orders() if world.payments.paid(order.id) and order.state in LIVE]
    await world.passes(timedelta(seconds=60), timedelta(seconds=5))
    for id in paid:
        assert (await world.order(id)).state in MONEY_IN - LIVE, f"7: paid, and not confirmed after a minute: {await world.order(id)}"
    await world.passes(timedelta(minutes=17), timedelta(seconds=60))
    check(await world_books(world), settled=True)
    for order in await world.all_orders():
        if order.state in LIVE:
            assert order.state is State.CANCELLING, f"stuck: {order}"
            assert world.payments.live(order.id).status == "processing", f"stuck: {order}"
