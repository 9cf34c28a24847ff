"""A shop sells, is backed up meanwhile, and is restored elsewhere: it goes on as if nothing had happened, whatever it was doing."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.backup.branch import Branch
from tests.backup.selling import restored_books, sells, settled
from tests.sales.invariants import check
from tests.support.loopback import free_port
from tests.support.outside import outside
from tests.support.pictures import picture
from tests.support.shop import PASSWORD

from shop.modules.sales.states import State

SELLERS, BACKUPS, STARTED = 4, 5, 2


@pytest.fixture
async def branches(tmp_path: Path) -> AsyncGenerator[list[Branch]]:
    """Give branches that take turns at one address; the first one has a key that the test knows."""
    port = free_port()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(outside(tmp_path, f"http://127.0.0.1:{port}"))
        made = [Branch(tmp_path / f"branch{number}", port, world) for number in range(BACKUPS + 1)]
        made[0].makes_its_key()
        for branch in made:
            stack.push_async_callback(branch.stops)
        yield made


async def test_a_restored_shop_goes_on(branches: list[Branch], tmp_path: Path) -> None:
    """The old order is there, the old access token is good, the customer logs in, the picture is shown, and the shop sells."""
    old, new = branches[:2]
    shop = await old.starts()
    product = await shop.product("mug", stock=3)
    shown = await shop.call("POST", f"/products/{product['id']}/images", content=picture(), headers=shop.staff() | {"Content-Type": "image/png"})
    assert shown.status_code == 201, shown.text
    ana = await shop.customer("ana@example.com")
    order = await ana.buys(mug=1)

    made = await old.says("backup", tmp_path / "shop.tar.gz")
    assert (made["pictures"], made["signing_key"]) == (3, True)
    await ana.buys(mug=1)  # is not in it
    assert await old.refuses("restore", tmp_path / "shop.tar.gz") == f"a shop is running on {old.data}: stop it first"
    await old.stops()
    restored = await new.says("restore", tmp_path / "shop.tar.gz")
    assert (restored["at"], restored["pictures"], restored["aside"]) == (made["at"], 3, [])

    again = await new.starts()
    ana.shop = again
    assert [each["id"] for each in (await ana.call("GET", "/orders")).json()["items"]] == [order["id"]]
    assert await again.shelf("mug") == (2, 0, 2)
    address = (await again.call("GET", f"/products/{product['slug']}")).json()["images"][0]
    assert (await again.call("GET", address.partition("/api/v1")[2])).headers["content-type"] == "image/webp"
    await (await again.login("ana@example.com", PASSWORD)).buys(mug=2)
    assert await again.shelf("mug") == (0, 0, 0)


async def test_every_backup_of_a_selling_shop_is_one_moment(branches: list[Branch], tmp_path: Path) -> None:
    """Four people buy while backups are taken. In each of them the books of all modules agree; a shop that starts from it ends what was open.

    Then `shop payments reconcile` names what was paid later, and puts an order under review that was being placed and is paid.
    """
    selling, others = branches[0], branches[1:]
    shop, ended = await selling.starts(), asyncio.Event()
    await shop.product("mug", stock=5_000)
    people = [asyncio.create_task(sells(shop, seller, ended)) for seller in range(SELLERS)]
    for number in range(BACKUPS):
        await asyncio.sleep(random.uniform(0.05, 0.5))
        await selling.says("backup", tmp_path / f"{number}.tar.gz")
    ended.set()
    await asyncio.gather(*people)
    await shop.balances()
    await selling.stops()

    states: set[State] = set()
    for number, branch in enumerate(others):
        await branch.says("restore", tmp_path / f"{number}.tar.gz")
        read = await restored_books(branch.databases, branch.world)
        check(read, settled=False)
        states |= {order.state for order in read.orders}
    assert {State.CONFIRMED} < states, "no backup found a checkout under way"
    for branch in others[-STARTED:]:
        await branch.starts()
        await settled(branch.databases, branch.world)
        report = await branch.says("payments", "reconcile", "--since", "1h", "--repair", code=1)
        assert {finding["kind"] for finding in report["findings"] if not finding["repaired"]} == {"unknown_order"}
        check(await settled(branch.databases, branch.world), settled=True)
        await branch.stops()
