"""Values of the real config server, while the services run."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.live.four import Four, Member
from tests.support.remote import SECRET
from tests.support.shop import Shop, eventually

from shop.configuration.refreshing import EVERY
from shop.kit.identity import OPERATIONS
from shop.kit.service_tokens import ServiceTokens

CHEAP, DEAR = '"price": 495', '"price": 595'
NOW, LATER = "log.level changed and takes effect now", "shipping_methods changed and takes effect with the next start"


@pytest.fixture
def files(four: Four) -> Iterator[Path]:
    """Give the folder of the config server; at the end it is as it was."""
    folder = four.servers.config_folder
    before = {file: file.read_text("utf-8") for file in folder.iterdir()}
    yield folder
    for file, text in before.items():
        file.write_text(text, "utf-8")


async def refresh(member: Member) -> list[str]:
    """Ask a service to read its settings again, as one process of the shop asks another."""
    headers = {"Authorization": f"Bearer {ServiceTokens(SECRET).issue(OPERATIONS)}"}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        assert (await client.post(f"{member.url}/actuator/refresh")).status_code == 401
        answer = await client.post(f"{member.url}/actuator/refresh", headers=headers)
    assert answer.status_code == 200, answer.text
    changed: list[str] = answer.json()
    return changed


async def shipping(member: Member) -> int:
    """Give the price of standard shipping as a service says it."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.get(f"{member.url}/api/v1/shipping-methods")
    (method,) = answer.json()["items"]
    price: int = method["price"]["amount"]
    return price


async def test_a_change_arrives_when_it_may(four: Four, shop: Shop, files: Path) -> None:
    """A refresh names what changed; the log falls silent at once; the price of shipping, which may not change under a buyer, with the next start."""
    sales = four.only("sales")
    assert await shipping(sales) == 495
    common = files / "application.yml"
    common.write_text(common.read_text("utf-8").replace(CHEAP, DEAR).replace("level: info", "level: warning"), "utf-8")
    changed = await refresh(sales)
    assert sorted(changed) == ["log.level", "shipping_methods"]
    assert await refresh(sales) == []
    length = len(sales.log())
    assert await shipping(sales) == 495
    assert len(sales.log()) == length
    sales.kill()
    await sales.start()
    assert await shipping(sales) == 595
    common.write_text(common.read_text("utf-8").replace(DEAR, CHEAP), "utf-8")
    sales.kill()
    await sales.start()
    assert await shipping(sales) == 495
    await shop.product("mug", stock=1)
    await shop.guest().buys(mug=1)


async def test_a_service_follows_the_config_server_by_itself(four: Four, files: Path) -> None:
    """Nobody asks: within two looks it has taken over what it may, and says what waits for the next start."""
    users = four.only("users")
    await refresh(users)
    length = len(users.log())
    common = files / "application.yml"
    common.write_text(common.read_text("utf-8").replace(CHEAP, DEAR).replace("level: info", "level: debug"), "utf-8")

    async def look() -> bool:
        said = users.log()[length:]
        return NOW in said and LATER in said

    await eventually(look, 3 * EVERY)
    assert await refresh(users) == []
