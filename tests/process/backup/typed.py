"""The commands as people type them, in this process."""

import tarfile
from io import BytesIO
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from shop.cli import cli
from shop.kit.database import sqlite_file


def data(url: str) -> Path:
    """Give the data folder."""
    return sqlite_file(url, "users").parent


def shop(*words: str | Path, **environ: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(cli, list(map(str, words)), env=environ, prog_name="shop")


def refused(done: Result) -> str:
    """Give the one line of a refusal."""
    assert done.exit_code == 1, done.output
    (line,) = done.stderr.splitlines()
    return line


def elsewhere(here: Path) -> dict[str, str]:
    """Give settings that lead to a folder in which nothing is."""
    return {"SHOP_DATABASE_URL": f"sqlite:///{here}/new/", "SHOP_IMAGES_STORE": f"{here}/new/images/"}


def rewritten(file: Path, **changes: object) -> Path:
    """Give a copy whose manifest says something else."""
    made = file.with_name("changed.tar.gz")
    with tarfile.open(file) as old, tarfile.open(made, "w:gz") as new:
        for member in old:
            content = old.extractfile(member)
            assert content is not None
            read = content.read()
            if member.name == "manifest.json":
                read = msgspec.json.encode(msgspec.json.decode(read) | changes)
                member.size = len(read)
            new.addfile(member, BytesIO(read))
    return made
