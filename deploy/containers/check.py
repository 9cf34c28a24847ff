"""The proof of the containers: buys in the profile that is up, breaks it, scales it and looks inside. `.ci/containers` runs it.

usage: python -m deploy.containers.check, with SHOP_URL, COMPOSE_PROFILES, COMPOSE_FILE and docker-compose.test.yml in effect
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from deploy.containers import documented, looking, single
from deploy.containers.engine import compose, containers, inspected, published, run, running
from deploy.containers.traffic import Traffic, served
from tests.support.outside import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, Outside
from tests.support.pictures import picture
from tests.support.shop import Buyer, Shop, eventually

from shop.kit.secret import Secret
from shop.settings import Smtp, Stripe

STAFF, PASSWORD = "staff@shop.example", "a long password for staff"
REQUESTS = 1000
NO_PICTURES = Path("/nonexistent")  # this check uploads none


class Containers(Shop):
    """The shop in containers; who works here is logged in."""

    headers: dict[str, str]

    def staff(self) -> dict[str, str]:
        """Give the headers of the staff user that `shop admin create` made."""
        return self.headers


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Containers]:
    """Open the shop at this URL, once it sells, with its twin and its mailbox."""
    twin = published("stripe-of-one" if os.environ["COMPOSE_PROFILES"] == "one" else "stripe-of-four", 8001)
    stripe, smtp = Stripe(Secret(SECRET_KEY), PUBLISHABLE_KEY, Secret(WEBHOOK_SECRET), twin), Smtp("mailbox", 8003, "shop@shop.example")
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client, httpx.AsyncClient(base_url=twin, trust_env=False) as bank:
        shop = Containers(client, Outside(stripe, smtp, bank, published("mailbox", 8002), NO_PICTURES), "")

        await eventually(lambda: sells(shop), 120)
        yield shop


async def sells(shop: Shop) -> bool:
    """Tell whether every module answers."""
    addresses = ("/products", "/shipping-methods", "/carts/mine", "/users/me")
    with suppress(httpx.TransportError):
        return {(await shop.client.get(f"/api/v1{address}")).status_code for address in addresses} <= {200, 401}
    return False


async def hires(shop: Containers, service: str) -> None:
    """Make a staff user where users is, and log in."""
    compose("exec", "-T", service, "shop", "admin", "create", STAFF, given=f"{PASSWORD}\n")

    async def logged_in() -> Buyer | None:
        answer = await shop.call("POST", "/sessions", json={"email": STAFF, "password": PASSWORD})
        return await shop.login(STAFF, PASSWORD) if answer.status_code == 200 else None

    staff: Buyer = await eventually(logged_in, 60)
    shop.headers = staff.headers


async def buys(shop: Shop, email: str, halfway: Callable[[], Awaitable[None]] | None = None) -> Buyer:
    """Buy one piece and wait for the confirmation and its mail; `halfway` is between the order and the payment."""
    buyer = await shop.guest(email).fills(**{"mug-1": 1})
    await buyer.orders()
    if halfway:
        await halfway()
    paid = await buyer.pays()
    assert paid.json()["status"] == "succeeded", paid.text
    if halfway:
        await _without_sales(shop, buyer)
    await buyer.sees("confirmed", seconds=90)
    number = (await buyer.looks())["number"]
    assert await shop.outside.mails(email, number, seconds=30), "the confirmation was not mailed"
    print(f"   bought: order {number} is confirmed, its mail has arrived")
    return buyer


async def _without_sales(shop: Shop, buyer: Buyer) -> None:
    """See that only sales is gone, then bring it back."""
    gone = await shop.client.get(f"/api/v1/orders/{buyer.order['id']}", headers=buyer.headers)
    assert gone.status_code == 503, f"{gone.status_code}: sales is not gone"
    assert int(gone.headers["Retry-After"]) > 0, "nobody says when to come back"
    assert (await shop.client.get("/api/v1/products")).status_code == 200, "the catalogue went with sales"
    compose("start", "sales")


async def one(shop: Containers) -> None:
    """Buy, replace the container as an upgrade does, and find everything again."""
    await hires(shop, "shop")
    await shop.product("mug-1", stock=1000)
    buyer = await buys(shop, "one@example.com")
    (before,) = containers("shop")
    began = time.monotonic()
    compose("stop", "shop")
    ended = inspected(before)["State"]["ExitCode"]
    assert ended == 0, f"the first process ended with {ended} after SIGTERM"
    print(f"   stopped in {time.monotonic() - began:.1f} s with exit code 0")
    compose("up", "--detach", "--no-build", "--wait", "--force-recreate", "--no-deps", "shop")
    assert containers("shop") != [before], "the container was not replaced"
    assert (await buyer.looks())["status"] == "confirmed", "the order was lost with its container"
    await buys(shop, "again@example.com")
    async with Traffic(shop.client, "/api/v1/products") as traffic:
        await traffic.reaches(REQUESTS)


async def four(shop: Containers) -> None:
    """Buy, kill sales in the middle of a purchase, let products be two and one again under load."""
    await hires(shop, "users")
    mug = await shop.product("mug-1", stock=1000)
    added = await shop.call("POST", f"/products/{mug['id']}/images", content=picture(), headers=shop.staff())
    assert added.status_code == 201, added.text
    await buys(shop, "four@example.com")

    async def kill() -> None:
        compose("kill", "sales")

    await buys(shop, "killed@example.com", kill)
    async with Traffic(shop.client, "/api/v1/products") as traffic:
        await _scaled(2)
        both = containers("products")
        before = [served(container) for container in both]
        await eventually(lambda: _took(both, before), 60)
        taken = [served(container) - known for container, known in zip(both, before, strict=True)]
        print(f"   products twice: they took {taken[0]} and {taken[1]} requests")
        await _scaled(1)
        await traffic.reaches(REQUESTS)
    await buys(shop, "after@example.com")


async def returns(shop: Shop, backup: str, restore: str) -> None:
    """Back up and restore as the document says: what was bought before is there, what was bought since is not, and the shop sells."""
    known = await buys(shop, "known@example.com")
    with TemporaryDirectory() as folder:
        documented.typed(folder, backup)
        forgotten = await buys(shop, "forgotten@example.com")
        documented.typed(folder, restore)
    await eventually(lambda: sells(shop), 120)
    assert (await known.looks())["status"] == "confirmed", "the order from before the backup was lost"
    answer = await forgotten.call("GET", f"/orders/{forgotten.order['id']}")
    assert answer.status_code == 404, f"{answer.status_code}: the shop did not go back to the backup"
    await buys(shop, "restored@example.com")
    print("   backed up while it sold, and restored")


async def moves(shop: Shop, backup: str, restore: str, keep: str, anew: str) -> None:
    """Lose all containers and volumes of `four` and set it up anew as the document says: orders, pictures and keys are the same, and it sells."""
    known = await buys(shop, "moved@example.com")
    seen = await _seen(shop)
    with TemporaryDirectory() as folder:
        documented.typed(folder, backup)
        documented.typed(folder, keep)
        await asyncio.to_thread(_lost)
        documented.typed(folder, anew)
        documented.typed(folder, restore)
    await eventually(lambda: sells(shop), 120)
    assert (await known.looks())["status"] == "confirmed", "the order did not come along"
    assert await _seen(shop) == seen, "not the same keys and pictures"
    await buys(shop, "anew@example.com")
    print("   lost with all volumes, and set up anew from what was kept")


async def _seen(shop: Shop) -> list[bytes]:
    """Give the keys that tokens are verified with, and the picture of the mug."""
    (mug,) = (await shop.client.get("/api/v1/products")).json()["items"]
    answers = [await shop.client.get(address) for address in ("/.well-known/jwks.json", mug["image_url"])]
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    return [answer.content for answer in answers]


def _lost() -> None:
    """Take everything away but the stand-ins for the world outside, as when a machine burns down."""
    services = [service for service in compose("config", "--services").split() if service not in ("mailbox", "stripe-of-four")]
    compose("kill", *(service for service in running().values() if service in services))
    compose("rm", "--force", *services)
    run("docker", "volume", "rm", *(f"{os.environ['COMPOSE_PROJECT_NAME']}_{name}" for name in ("databases", "images", "secrets")))


async def _scaled(number: int) -> None:
    options = ("--detach", "--no-build", "--no-recreate", "--no-deps", "--wait", "--scale", f"products={number}")
    await asyncio.to_thread(compose, "up", *options, "products")


async def _took(both: list[str], before: list[int]) -> bool:
    return len(both) == 2 and all(served(container) >= known + 20 for container, known in zip(both, before, strict=True))


async def main() -> None:
    """Check the profile that is up."""
    profile = os.environ["COMPOSE_PROFILES"]
    looking.compose_file()
    async with opened(os.environ["SHOP_URL"]) as shop:
        await (one if profile == "one" else four)(shop)
        looking.hardening()
        looking.secrets()
        looking.footprint(profile, REQUESTS)
        if profile == "one":
            looking.refusal()
            single.serves_alone()
        else:
            looking.databases()
        commands = documented.backups()
        await returns(shop, *commands[slice(2) if profile == "one" else slice(2, 4)])
        if profile == "four":
            await moves(shop, *commands[2:])


if __name__ == "__main__":
    asyncio.run(main())
