"""The customers, as staff see them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct

from shop.kit.database import Database
from shop.kit.identity import Role
from shop.kit.paging import Page, decode_cursor, page
from shop.kit.values import normal_email
from shop.modules.users.domain import Consent
from shop.modules.users.store import USER, UsersStore
from shop.modules.users.tables import consents, users
from shop.ports.users import CustomerNotFound

IS_CUSTOMER = sa.cast(users.c.roles, sa.Text).contains(f'"{Role.CUSTOMER}"')


class CustomerView(Struct, frozen=True):
    """A customer; `consents` has the last word about each purpose."""

    id: UUID
    email: str
    name: str
    verified: bool
    roles: list[str]
    consents: dict[str, Consent]
    created_at: datetime


class CustomerList:
    """Finds customers."""

    def __init__(self, database: Database[UsersStore]) -> None:
        """Read from this database."""
        self._database = database

    async def found(self, q: str | None, limit: int, cursor: str | None) -> Page[CustomerView]:
        """Give a page of customers, the newest first; `q` is the beginning of an e-mail address, or a part of a name."""
        place = decode_cursor(cursor, tuple[UUID])
        query = sa.select(*USER).where(IS_CUSTOMER).order_by(users.c.id.desc()).limit(limit + 1)
        if q:
            in_name = sa.func.lower(users.c.name).contains(q.strip().lower(), autoescape=True)
            query = query.where(users.c.email_key.startswith(normal_email(q), autoescape=True) | in_name)
        if place is not None:
            query = query.where(users.c.id < place[0])
        async with self._database.read() as store:
            rows, following = page(await store.rows(query), limit, lambda row: (row.id,))
            said = await _said(store, [row.id for row in rows])
        return Page([_view(row, said.get(row.id, {})) for row in rows], following)

    async def customer(self, id: UUID) -> CustomerView:
        """Give a customer; raises CustomerNotFound."""
        async with self._database.read() as store:
            row = await store.row(sa.select(*USER).where(users.c.id == id, IS_CUSTOMER))
            said = await _said(store, [id])
        if row is None:
            raise CustomerNotFound
        return _view(row, said.get(id, {}))


async def _said(store: UsersStore, ids: Sequence[UUID]) -> dict[UUID, dict[str, Consent]]:
    found: dict[UUID, dict[str, Consent]] = {}
    for row in await store.rows(sa.select(consents).where(consents.c.user_id.in_(ids)).order_by(consents.c.number)):
        found.setdefault(row.user_id, {})[row.purpose] = Consent(row.granted, row.at, row.source)
    return found


def _view(row: "sa.Row[*tuple[object, ...]]", said: dict[str, Consent]) -> CustomerView:
    return CustomerView(row.id, row.email, row.name, row.verified_at is not None, row.roles, said, row.created_at)
