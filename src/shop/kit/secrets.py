"""Random keys that a module keeps in its own database, so that every instance of it has the same ones."""

import secrets

import sqlalchemy as sa

from shop.kit.database import Database, S

KEY_BYTES = 32


def secrets_table(metadata: sa.MetaData) -> sa.Table:
    """Give a module its table of keys."""
    return sa.Table("secrets", metadata, sa.Column("name", sa.String(40), primary_key=True), sa.Column("key", sa.LargeBinary, nullable=False))


class Keyring:
    """Gives a module's keys by name; the first one who asks makes the key."""

    def __init__(self, database: Database[S], table: sa.Table) -> None:
        """Read from this module's table."""
        self._database = database
        self._table = table
        self._known: dict[str, bytes] = {}

    async def key(self, name: str) -> bytes:
        """Give the 32 bytes of a key, the same ones for every process that shares the database."""
        if name not in self._known:
            self._known[name] = await self._stored(name) or await self._created(name)
        return self._known[name]

    async def _stored(self, name: str) -> bytes | None:
        async with self._database.read() as store:
            found: bytes | None = await store.scalar(sa.select(self._table.c.key).where(self._table.c.name == name))
            return found

    async def _created(self, name: str) -> bytes:
        async with self._database.write() as store:
            found = await store.scalar(sa.select(self._table.c.key).where(self._table.c.name == name))
            if found is None:
                await store.change(store.insert_once(self._table).values(name=name, key=secrets.token_bytes(KEY_BYTES)))
                found = await store.scalar(sa.select(self._table.c.key).where(self._table.c.name == name))
            key: bytes = found
            return key
