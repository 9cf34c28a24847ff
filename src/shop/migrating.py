"""Brings the databases of the hosted modules up to date, and says which are not."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from shop.kit import revisions
from shop.kit.clock import Clock
from shop.kit.database import Database, Store, sqlite_file
from shop.kit.problems import Unavailable
from shop.kit.redaction import redacted
from shop.settings import Settings


class CannotMigrate(RuntimeError):
    """A database does not answer or refuses; the message is one line for people."""


class State(Struct, frozen=True):
    """The revision that a module's tables have, and the newest one."""

    module: str
    applied: str | None
    newest: str | None

    @property
    def is_current(self) -> bool:
        """Tell whether nothing has to be done."""
        return self.applied == self.newest


async def states(settings: Settings, modules: Sequence[str]) -> list[State]:
    """Compare the tables of these modules with their histories; raises CannotMigrate."""
    found = []
    for module in modules:
        url = settings.databases.of(module)
        if url.startswith("sqlite") and not sqlite_file(url, module).exists():
            found.append(State(module, None, revisions.newest(module)))
            continue
        async with _opened(settings, module) as database:
            found.append(State(module, await revisions.applied(database), revisions.newest(module)))
    return found


async def migrate(settings: Settings, modules: Sequence[str]) -> list[State]:
    """Bring the tables of these modules to their newest revision; gives the states before that had to change. Raises CannotMigrate."""
    changed = []
    for state in await states(settings, modules):
        if not state.is_current:
            async with _opened(settings, state.module) as database:
                await _upgrade(database)
            changed.append(state)
    return changed


async def _upgrade(database: Database[Any]) -> None:
    from shop.kit import migrations  # loads Alembic, which most starts do not need

    await migrations.upgrade(database)


@asynccontextmanager
async def _opened(settings: Settings, module: str) -> AsyncGenerator[Database[Any]]:
    try:
        database = Database(settings.databases.of(module), module, Store, Clock())
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise CannotMigrate(_reason(module, error)) from error
    try:
        yield database
    except (Unavailable, SQLAlchemyError, OSError) as error:
        raise CannotMigrate(_reason(module, error)) from error
    finally:
        await database.dispose()


def _reason(module: str, error: BaseException) -> str:
    cause: BaseException = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    said = redacted(str(cause)).strip().partition("\n")[0] or type(cause).__name__
    return f"the database of {module} cannot be used: {said}; see SHOP_DATABASE_URL"
