"""Instances of products come and go under constant load."""

import asyncio
import time
from collections import Counter

import httpx
from tests.live.four import PATIENCE, Four, Member
from tests.live.load import Load, load
from tests.support.shop import Shop, eventually

RECOVERY = 6.0  # seconds
TOLERATED = 0.01


def reading(shop: Shop) -> httpx.Request:
    """Give a request that every instance of products answers, and no cache."""
    return shop.client.build_request("GET", "/api/v1/products")


async def shares(members: list[Member], seconds: float = 3.0) -> list[float]:
    """Look for some seconds which part of the requests each instance answers."""
    before = [await member.served() for member in members]
    await asyncio.sleep(seconds)
    answered = [await member.served() - earlier for member, earlier in zip(members, before, strict=True)]
    assert sum(answered) > 50, "that is no load"
    return [part / sum(answered) for part in answered]


async def gets_requests(member: Member) -> None:
    """Wait until the gateway sends requests to an instance."""
    before = await member.served()

    async def look() -> bool:
        return await member.served() >= before + 10

    await eventually(look, PATIENCE)


def outcomes(seen: Load) -> Counter[str]:
    """Count the answers by what they were."""
    return Counter(answer.outcome for answer in seen.answers)


async def test_instances_share_the_load_and_leave_without_a_failed_request(four: Four, shop: Shop) -> None:
    """Two take half each, a third gets its third, one drains, and nobody notices any of it."""
    first, began_at = four.only("products"), time.monotonic()
    async with load(lambda: shop.client.send(reading(shop))) as seen:
        second = await four.join("products")
        await gets_requests(second)
        assert min(await shares([first, second])) > 0.4
        third = await four.join("products")
        await gets_requests(third)
        assert min(await shares([first, second, third])) > 0.25
        assert await four.leave(second) == 0
        assert min(await shares([first, third])) > 0.4
        assert await four.leave(third) == 0
    assert seen.failures == [], (began_at, outcomes(seen))


async def test_a_killed_instance_is_missed_for_six_seconds_at_most(four: Four, shop: Shop) -> None:
    """At most one request in a hundred fails meanwhile, and none later, although the registry still names the dead one."""
    doomed = await four.join("products")
    async with load(lambda: shop.client.send(reading(shop))) as seen:
        await gets_requests(doomed)
        doomed.kill()
        killed_at = time.monotonic()
        await asyncio.sleep(RECOVERY + 4)
        assert doomed.url in [instance.url for instance in (await four.instances())["products"]]
    await four.lose(doomed)
    assert all(killed_at - 1 <= failure.at <= killed_at + RECOVERY for failure in seen.failures), seen.failures
    answered = [answer for answer in seen.answers if answer.at >= killed_at]
    assert len(seen.failures) <= TOLERATED * len(answered), outcomes(seen)
