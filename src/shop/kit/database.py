"""A module's database: SQLite (a file per module) or PostgreSQL (a schema per module) under the same SQLAlchemy Core code."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shop.kit import statements, tracing
from shop.kit.clock import Clock
from shop.kit.problems import Unavailable
from shop.kit.transactions import open_transaction

BUSY_SECONDS = 10


class Moment(sa.TypeDecorator[datetime]):
    """A point in time, always in UTC, on both databases."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Store SQLite's naive text in UTC, so that it sorts."""
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give an aware datetime back."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Store:
    """The tables of a module within one unit of work; modules derive theirs and add queries."""

    def __init__(self, connection: AsyncConnection, clock: Clock) -> None:
        """Speak to the tables over this connection."""
        self.connection = connection
        self.clock = clock

    @property
    def on_postgresql(self) -> bool:
        """Tell which dialect a query must speak where the two differ."""
        return self.connection.dialect.name == "postgresql"

    async def now(self) -> datetime:
        """Give the database's time, by which every lease and lifetime is measured."""
        if not self.on_postgresql:
            return self.clock.now()
        moment: datetime = (await self.connection.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
        return moment.astimezone(UTC) + self.clock.offset

    async def rows(self, statement: sa.Executable) -> Sequence[sa.Row[*tuple[Any, ...]]]:
        """Give all rows of a query."""
        return (await self.connection.execute(statement)).all()

    async def row(self, statement: sa.Executable) -> sa.Row[*tuple[Any, ...]] | None:
        """Give the only row of a query, or None."""
        return (await self.connection.execute(statement)).one_or_none()

    async def scalar(self, statement: sa.Executable) -> Any:
        """Give the first column of the only row of a query, or None."""
        return (await self.connection.execute(statement)).scalar_one_or_none()

    async def change(self, statement: sa.Executable, parameters: Sequence[dict[str, Any]] | None = None) -> int:
        """Execute a write and give the number of rows it touched; with parameters, once for each of them."""
        result = await self.connection.execute(statement, parameters) if parameters else await self.connection.execute(statement)
        return result.rowcount

    def insert_once(self, table: sa.Table) -> Any:
        """Begin an INSERT that does nothing when the row exists already (ON CONFLICT DO NOTHING); add `.values(...)`."""
        dialect = postgresql if self.on_postgresql else sqlite
        return dialect.insert(table).on_conflict_do_nothing()


S = TypeVar("S", bound=Store)


class Database(Generic[S]):
    """Opens units of work. `read` runs in autocommit, `write` is one transaction that commits at the end of the block."""

    def __init__(self, url: str, schema: str, store: type[S], clock: Clock) -> None:
        """`url` is `sqlite:///folder/` or `postgresql://...`; `schema` names the module's file or schema."""
        self.schema = schema
        self.clock = clock
        self._store = store
        self._is_sqlite = url.startswith("sqlite")
        self.writer = _engine(url, schema, pool_size=1 if self._is_sqlite else 8)
        self.reader = _engine(url, schema, pool_size=4 if self._is_sqlite else 8, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
        if tracing.is_on():
            for engine in (self.writer, self.reader):
                statements.trace(engine.sync_engine, schema)
        self._turn = asyncio.Lock()
        if self._is_sqlite:
            event.listen(self.writer.sync_engine, "begin", _begin_immediate)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[S]:
        """Open a unit of work that only reads; raises Unavailable when the database does not answer."""
        async with _translated(self.schema), self.reader.connect() as connection:
            yield self._store(connection, self.clock)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[S]:
        """Open a transaction, commit it at the end, roll it back on any exception; raises Unavailable."""
        if open_transaction.get() is not None:
            raise AssertionError(f"a transaction of {open_transaction.get()} is open already")
        async with AsyncExitStack() as stack:
            if self._is_sqlite:
                await stack.enter_async_context(self._turn)
            await stack.enter_async_context(_translated(self.schema))
            connection = await stack.enter_async_context(self.writer.begin())
            token = open_transaction.set(self.schema)
            try:
                yield self._store(connection, self.clock)
            finally:
                open_transaction.reset(token)

    async def dispose(self) -> None:
        """Close every connection; without it the process would not end."""
        await self.writer.dispose()
        await self.reader.dispose()


@asynccontextmanager
async def _translated(schema: str) -> AsyncGenerator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, OSError, PoolTimeout) as error:
        raise Unavailable(f"the database of {schema} does not answer") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(f"the database of {schema} does not answer") from error
        raise


def sqlite_file(url: str, schema: str) -> Path:
    """Give the file of a module below a `sqlite:///folder/` URL."""
    return Path(url.removeprefix("sqlite:///")) / f"{schema}.db"


def driver_url(url: str, schema: str) -> str:
    """Name the async driver in a database URL of the settings."""
    if url.startswith("sqlite"):
        return f"sqlite+aiosqlite:///{sqlite_file(url, schema)}"
    return "postgresql+asyncpg://" + url.partition("://")[2]


def _engine(url: str, schema: str, **options: Any) -> AsyncEngine:
    json: dict[str, Any] = {"hide_parameters": True, "json_serializer": _json, "json_deserializer": msgspec.json.decode}
    if url.startswith("sqlite"):
        sqlite_file(url, schema).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            driver_url(url, schema), poolclass=sa.AsyncAdaptedQueuePool, max_overflow=0, pool_timeout=BUSY_SECONDS, **json, **options
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return engine
    settings = {"search_path": f"{schema},public", "application_name": f"shop-{schema}", "timezone": "UTC"}
    return create_async_engine(driver_url(url, schema), max_overflow=8, pool_timeout=BUSY_SECONDS, pool_pre_ping=False,
                               connect_args={"server_settings": settings, "timeout": 5, "command_timeout": 30}, **json, **options)  # fmt: skip


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}", "recursive_triggers=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
