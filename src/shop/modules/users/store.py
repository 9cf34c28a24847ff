"""Queries about accounts and what belongs to them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from shop.kit.address import Address
from shop.kit.ids import uuid7
from shop.kit.outbox import enqueue
from shop.kit.values import normal_email
from shop.modules.users import tables
from shop.modules.users.domain import MAILS_PER_HOUR, WORDING, Consent, LetterKind, Purpose, SavedAddress, User
from shop.modules.users.erasure_store import ErasureStore
from shop.modules.users.mailing_store import MailingStore
from shop.modules.users.promotion_store import PromotionStore
from shop.modules.users.purge_store import PurgeStore

USER = tuple(tables.users.c[name] for name in User.__struct_fields__)


class UsersStore(PurgeStore, PromotionStore, MailingStore, ErasureStore):
    """The tables of users within one unit of work."""

    async def user(self, id: UUID) -> User | None:
        """Find a user."""
        return await self._user(tables.users.c.id == id)

    async def locked_user(self, id: UUID) -> User | None:
        """Find a user and keep others from changing them until the transaction ends."""
        return await self._user(tables.users.c.id == id, lock=True)

    async def user_of(self, email: str, *, lock: bool = False) -> User | None:
        """Find the user of an address; addresses ignore case. `lock` keeps the account from being erased until the transaction ends."""
        return await self._user(tables.users.c.email_key == normal_email(email), lock=lock)

    async def _user(self, condition: sa.ColumnElement[bool], *, lock: bool = False) -> User | None:
        statement = sa.select(*USER).where(condition)
        row = await self.row(statement.with_for_update() if lock else statement)
        return User(*row) if row else None

    async def add_user(self, user: User) -> bool:
        """Add a user; False when the address has one already."""
        return bool(await self.change(self.insert_once(tables.users).values(email_key=normal_email(user.email), **msgspec.structs.asdict(user))))

    async def change_user(self, id: UUID, **values: Any) -> None:
        """Change a user's columns."""
        table = tables.users
        await self.change(table.update().where(table.c.id == id).values(version=table.c.version + 1, **values))

    async def consent(self, user_id: UUID, purpose: str) -> Consent | None:
        """Give the last thing a user said about a purpose."""
        table = tables.consents
        said = sa.select(table.c.granted, table.c.at, table.c.source).where(table.c.user_id == user_id, table.c.purpose == purpose)
        row = await self.row(said.order_by(table.c.number.desc()).limit(1))
        return Consent(*row) if row else None

    async def add_consent(self, user_id: UUID, purpose: str, consent: Consent) -> None:
        """Note what a user said, under the wording of today; what they said before stays on record."""
        row = {"user_id": user_id, "purpose": purpose, "wording": WORDING, **msgspec.structs.asdict(consent)}
        await self.change(tables.consents.insert().values(row))

    async def add_link(self, user_id: UUID | None, purpose: Purpose, now: datetime, lifetime: timedelta | None = None) -> UUID:
        """Make a link that works once; one of nobody is made for the time that it takes."""
        id = uuid7()
        row = {"id": id, "user_id": user_id, "purpose": purpose, "created_at": now, "expires_at": now + (lifetime or purpose.lifetime)}
        await self.change(tables.links.insert().values(row))
        return id

    async def usable_link(self, id: UUID, purpose: Purpose, now: datetime) -> UUID | None:
        """Give whose link this is, while it works."""
        found: UUID | None = await self.scalar(sa.select(tables.links.c.user_id).where(_usable(id, purpose, now)))
        return found

    async def use_link(self, id: UUID, purpose: Purpose, now: datetime) -> UUID | None:
        """Use a link up and give whose it is; None when it does not work, or no longer. The account is locked first, as everybody does."""
        owner = await self.usable_link(id, purpose, now)
        if owner is None or await self.locked_user(owner) is None:
            return None
        used = tables.links.update().where(_usable(id, purpose, now)).values(used_at=now)
        found: UUID | None = await self.scalar(used.returning(tables.links.c.user_id))
        return found

    async def drop_links(self, user_id: UUID, purpose: Purpose) -> None:
        """Let no earlier link of this purpose work any more."""
        table = tables.links
        await self.change(table.delete().where(table.c.user_id == user_id, table.c.purpose == purpose))

    async def owe_letter(self, user: User, kind: LetterKind, data: Struct) -> None:
        """Owe a user a mail with a link, unless the last hour brought too many of them."""
        now = await self.now()
        id = await self.add_link(user.id, kind.purpose, now)
        table = tables.links
        lately = sa.select(sa.func.count()).where(table.c.user_id == user.id, table.c.created_at > now - timedelta(hours=1))
        if await self.scalar(lately) <= MAILS_PER_HOUR:
            await enqueue(self, tables.outbox, subject_id=id, kind=kind, recipient=user.email, locale=user.locale, data=data)

    async def addresses(self, user_id: UUID) -> list[SavedAddress]:
        """Give a user's address book, oldest entry first."""
        table = tables.addresses
        found = await self.rows(sa.select(table).where(table.c.user_id == user_id).order_by(table.c.id))
        return [SavedAddress(id=row.id, **row.address) for row in found]

    async def add_address(self, user_id: UUID, address: Address) -> SavedAddress:
        """Add an entry to a user's address book."""
        id = uuid7()
        await self.change(tables.addresses.insert().values(id=id, user_id=user_id, address=address))
        return _saved(id, address)

    async def change_address(self, user_id: UUID, id: UUID, address: Address) -> SavedAddress | None:
        """Replace an entry of a user's address book; None when there is no such entry."""
        changed = await self.change(tables.addresses.update().where(_mine(user_id, id)).values(address=address))
        return _saved(id, address) if changed else None

    async def remove_address(self, user_id: UUID, id: UUID) -> bool:
        """Remove an entry of a user's address book."""
        return bool(await self.change(tables.addresses.delete().where(_mine(user_id, id))))


def _usable(id: UUID, purpose: Purpose, now: datetime) -> sa.ColumnElement[bool]:
    link = tables.links.c
    return sa.and_(link.id == id, link.purpose == purpose, link.used_at.is_(None), link.expires_at > now, link.user_id.is_not(None))


def _mine(user_id: UUID, id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(tables.addresses.c.id == id, tables.addresses.c.user_id == user_id)


def _saved(id: UUID, address: Address) -> SavedAddress:
    return SavedAddress(id=id, **msgspec.structs.asdict(address))
