"""A shop on SQLite, and a backup of it."""

from pathlib import Path

import pytest
from tests.process.backup.typed import data, shop

from shop.configuration.keys import KEYS
from shop.configuration.signing import kept_key


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Path:
    """Work in an empty folder, with the settings of a shop whose tables are up to date."""
    monkeypatch.chdir(tmp_path)
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.setenv("SHOP_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("SHOP_IMAGES_STORE", str(data(sqlite_url) / "images"))
    return tmp_path


@pytest.fixture
def file(here: Path, sqlite_url: str) -> Path:
    """Give a backup with a key and a picture."""
    kept_key(data(sqlite_url))
    picture = data(sqlite_url) / "images" / "ab" / "abcd-320.webp"
    picture.parent.mkdir(parents=True)
    picture.write_text("picture")
    (picture.parent / ".unfinished-x").write_text("half")
    assert shop("backup", "shop.tar.gz").exit_code == 0
    return here / "shop.tar.gz"
