"""Which revision a module's tables have and which they should have, read without loading Alembic: every probe and every start asks."""

import re
from functools import cache
from pathlib import Path

import sqlalchemy as sa

import shop
from shop.kit.database import Database, S

REVISION = re.compile(r'^revision(?::[^=]*)? = "([^"]+)"', re.MULTILINE)
PREDECESSOR = re.compile(r'^down_revision(?::[^=]*)? = "([^"]+)"', re.MULTILINE)
VERSION = sa.table("alembic_version", sa.column("version_num"))
FOUND_ON_SQLITE = sa.text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
FOUND_ON_POSTGRESQL = sa.text("SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL")


def folder() -> Path:
    """Give the folder of all histories: inside the installed package, or beside `src` in a checkout."""
    package = Path(shop.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"


def known(module: str) -> frozenset[str]:
    """Give every revision of a module's history."""
    return frozenset(name for text in _texts(module) for name in REVISION.findall(text))


@cache
def newest(module: str) -> str | None:
    """Give the newest revision of a module's history: the one that no other follows."""
    heads = known(module) - {name for text in _texts(module) for name in PREDECESSOR.findall(text)}
    if len(heads) > 1:
        raise RuntimeError(f"the history of {module} has several ends: {', '.join(sorted(heads))}")
    return next(iter(heads), None)


def _texts(module: str) -> list[str]:
    return [file.read_text() for file in (folder() / module).glob("*.py")]


async def applied(database: Database[S]) -> str | None:
    """Give the revision that a module's tables have, None before the first migration; raises Unavailable."""
    async with database.read() as store:
        if await store.scalar(FOUND_ON_POSTGRESQL if store.on_postgresql else FOUND_ON_SQLITE) is None:
            return None
        version: str | None = await store.scalar(sa.select(VERSION.c.version_num))
        return version
