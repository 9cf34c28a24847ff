"""A backup as one file: a .tar.gz, and the last thing in it is the manifest, without which it is not whole."""

import gzip
import hashlib
import os
import tarfile
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

import shop
from shop.backup import CannotRestore
from shop.backup.places import DATABASES, KEY, NAME, PICTURES, database_name

FORMAT = 1
MANIFEST = "manifest.json"
LEVEL = 1  # of gzip: a third of the size at most, for little of the processor that the shop needs too
CHUNK = 1 << 20

Receive = Callable[[str], IO[bytes]]


class File(Struct, frozen=True):
    """A file of a backup."""

    name: str
    size: int
    sha256: str


class Manifest(Struct, frozen=True):
    """What a backup holds: by which Shop, of which moment, the revision of each module's tables, every file."""

    format: int
    shop: str
    at: datetime
    modules: dict[str, str]
    files: tuple[File, ...]

    @property
    def pictures(self) -> int:
        """Count the files of pictures."""
        return sum(file.name.startswith(f"{PICTURES}/") for file in self.files)

    @property
    def signing_key(self) -> bool:
        """Tell whether the key that signs access tokens is in it."""
        return any(file.name == KEY for file in self.files)


class _Maker(Struct, frozen=True):
    format: int
    shop: str


def write(path: Path, files: Mapping[str, Path], *, at: datetime, modules: dict[str, str]) -> Manifest:
    """Write a new archive of these files, for its owner's eyes only, safe on the disk when this returns."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
        with gzip.GzipFile("", "wb", LEVEL, raw) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
            manifest = Manifest(FORMAT, shop.__version__, at, modules, tuple(_added(tar, name, file) for name, file in files.items()))
            _add(tar, MANIFEST, BytesIO(content := msgspec.json.encode(manifest)), len(content))
        raw.flush()
        os.fsync(raw.fileno())
    return manifest


def _added(tar: tarfile.TarFile, name: str, path: Path) -> File:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        file.seek(0)
        _add(tar, name, file, size)
    return File(name, size, digest)


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    tar.addfile(info, content)


def read(path: Path, receive: Receive | None = None) -> Manifest:
    """Read an archive to its end and compare every byte with the manifest; `receive` opens what a file's content goes to. Raises CannotRestore."""
    try:
        with gzip.open(path) as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                manifest = _read(tar, receive)
            while packed.read(CHUNK):  # gzip's own checksum comes last
                pass
    except (gzip.BadGzipFile, EOFError, zlib.error, tarfile.TarError, msgspec.DecodeError, _Odd) as error:
        raise CannotRestore(f"{path} is not a whole backup: {error}") from error
    except OSError as error:
        raise CannotRestore(f"{path} cannot be restored: {error.strerror or error}") from error
    return manifest


class _Odd(ValueError):
    """Something in an archive is not as it must be."""


def _read(tar: tarfile.TarFile, receive: Receive | None) -> Manifest:
    found: list[File] = []
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is not None and member.name == MANIFEST:
            return _compared(_manifest(content.read()), found)
        if content is None or not NAME.fullmatch(member.name):
            raise _Odd(f"{member.name!r} does not belong there")
        found.append(_received(member.name, content, receive))
    raise _Odd("its end is missing")


def _manifest(content: bytes) -> Manifest:
    maker = msgspec.json.decode(content, type=_Maker)
    if maker.format != FORMAT:
        raise _Odd(f"Shop {maker.shop} has written it in a form that this Shop ({shop.__version__}) does not know")
    return msgspec.json.decode(content, type=Manifest)


def _compared(manifest: Manifest, found: list[File]) -> Manifest:
    databases = {file.name for file in found if file.name.startswith(DATABASES)} ^ {database_name(module) for module in manifest.modules}
    differing = sorted({file.name for file in {*manifest.files} ^ {*found}} | databases)
    if differing or len(manifest.files) != len(found):
        raise _Odd(f"{differing[0] if differing else MANIFEST} is not what the manifest says")
    return manifest


def _received(name: str, content: IO[bytes], receive: Receive | None) -> File:
    digest, size = hashlib.sha256(), 0
    with receive(name) if receive else open(os.devnull, "wb") as target:
        while part := content.read(CHUNK):
            digest.update(part)
            size += target.write(part)
        target.flush()
        if receive:
            os.fsync(target.fileno())
    return File(name, size, digest.hexdigest())
