"""Background work of users."""

from collections.abc import Sequence

from dishka import AsyncContainer

from shop.kit.database import Database
from shop.kit.idempotency import IdempotencyKeys
from shop.kit.jobs import Job
from shop.kit.outbox import Letter, Relay
from shop.kit.tokens import LocalKeys
from shop.modules.users import tables
from shop.modules.users.letters import AccountLetters
from shop.modules.users.mailing import Mailing
from shop.modules.users.personal import PersonalData
from shop.modules.users.promotion_letters import TEST, PromotionLetters
from shop.modules.users.store import UsersStore
from shop.ports.mail import Mail, Message


async def jobs(container: AsyncContainer) -> Sequence[Job]:
    """Deliver mails and forget what is over; safe with several workers. A process without a signing key does not start."""
    await container.get(LocalKeys, component="users")
    database = await container.get(Database[UsersStore], component="users")
    keys = await container.get(IdempotencyKeys, component="users")
    letters = await container.get(AccountLetters, component="users")
    promotions = await container.get(PromotionLetters, component="users")
    mailing = await container.get(Mailing, component="users")
    personal = await container.get(PersonalData, component="users")
    mail = await container.get(Mail)

    async def compose(letter: Letter) -> Message:
        return await (promotions.compose_test(letter) if letter.kind == TEST else letters.compose(letter))

    relay = Relay(database, tables.outbox, compose, lambda message: mail.send(message=message))

    async def purge() -> bool:
        async with database.write() as store:
            return await store.purge(await store.now())

    return [
        Job("users: send mails", 1.0, relay.run),
        Job("users: send promotions", 1.0, mailing.run),
        Job("users: erase", 2.0, personal.run),
        Job("users: purge what is over", 600.0, purge),
        Job("users: purge idempotency keys", 3600.0, keys.purge),
    ]
