"""How much memory a promotion to 100,000 readers needs, and how fast it leaves: on SQLite, every mail written in full, taken at once.

Run it as `python benchmarks/promotions.py`; needs nothing that is not installed already, and leaves nothing behind.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from shop.adapters.mime import address, envelope
from shop.kit.clock import Clock
from shop.kit.database import Database
from shop.kit.idempotency import Once
from shop.kit.ids import uuid7
from shop.kit.migrations import upgrade
from shop.kit.secrets import Keyring
from shop.modules.users import tables
from shop.modules.users.links import Links
from shop.modules.users.mailing import Mailing
from shop.modules.users.promotion import NewPromotion
from shop.modules.users.promotion_letters import PromotionLetters
from shop.modules.users.promotions import Promotions
from shop.modules.users.store import UsersStore
from shop.ports.mail import Delivery, Message, Outcome

MEMORY_LIMIT = 100.0
NO_RATE = 1_000_000
CHUNK = 1000
SENDER = address("shop@example.com")
BODY = "Winter is long, and a **warm mug** makes it shorter.\n\n[Choose yours](https://shop.example/mugs)\n\n- enamel\n- espresso\n"


@asynccontextmanager
async def opened(folder: str) -> AsyncGenerator[Database[UsersStore]]:
    """Open the database of users."""
    database = Database(f"sqlite:///{folder}/", "users", UsersStore, Clock())
    try:
        yield database
    finally:
        await database.dispose()


async def fill(folder: str, number: int) -> None:
    """Make so many readers who agreed."""
    async with opened(folder) as database:
        await upgrade(database)
        for start in range(0, number, CHUNK):
            ids = [uuid7() for _ in range(min(CHUNK, number - start))]
            async with database.write() as store:
                now = await store.now()
                about = {"name": "Ana Gil", "locale": "en", "roles": ["customer"], "created_at": now, "version": 1}
                emails = [f"{id}@example.com" for id in ids]
                await store.change(
                    tables.users.insert(), [{"id": id, "email": e, "email_key": e, **about} for id, e in zip(ids, emails, strict=True)]
                )
                said = {"purpose": "marketing", "granted": True, "wording": "x", "source": "registration", "at": now}
                await store.change(tables.consents.insert(), [{"user_id": id, **said} for id in ids])


async def take(message: Message) -> Delivery:
    """Write a mail as the mail server gets it, and forget it."""
    assert envelope(message, SENDER).content
    return Delivery(Outcome.ACCEPTED, "250 ok")


def resident() -> float:
    """Give the memory that this process holds, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def send(folder: str) -> tuple[int, float, float]:
    """Send one promotion to everybody; give how many mails left, the seconds and the growth of memory at its peak, in MiB."""
    async with opened(folder) as database:
        letters = PromotionLetters("Shop <shop@example.com>", ("en", "es"), Links(Keyring(database, tables.secrets), "https://shop.example"))
        promotions, mailing = Promotions(database, letters, ("en", "es")), Mailing(database, letters, take, NO_RATE)
        promotion, _ = await promotions.create(NewPromotion("A quarter off every mug", BODY, "WINTER-25"), Once())
        await promotions.send(promotion.id)
        before, began = resident(), time.perf_counter()
        while (await promotions.show(promotion.id))[0].status != "sent":
            for _ in range(1000):
                await mailing.run()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        _, progress = await promotions.show(promotion.id)
        return progress.sent, time.perf_counter() - began, peak - before


def main() -> int:
    """Fill a database in a process of its own, send, and compare with the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--fill", metavar="FOLDER", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fill:
        asyncio.run(fill(asked.fill, asked.readers))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--fill", folder, "--readers", str(asked.readers)], check=True)  # noqa: S603 this file
        sent, seconds, growth = asyncio.run(send(folder))
    print(f"{sent} mails in {seconds:.0f} s, {sent / seconds:.0f} a second; memory grew by {growth:.1f} MiB at most (limit {MEMORY_LIMIT:g})")
    return 0 if sent == asked.readers and growth <= MEMORY_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
