"""Pictures in a folder of this machine."""

import asyncio
import os
import tempfile
from pathlib import Path

from shop.kit.files import sync
from shop.kit.problems import NotFound, Unavailable
from shop.kit.transactions import assert_no_transaction
from shop.ports.images import ImageStore, StoredImage
from shop.settings import Images


class ImageFolder(ImageStore):
    """A folder with a folder for each first two characters of a name; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before the first picture."""
        self._folder = folder

    async def keep(self, *, name: str, content: bytes) -> None:
        """See ImageStore."""
        assert_no_transaction("ImageStore.keep")
        try:
            await asyncio.to_thread(_keep, self._path(name), content)
        except OSError as error:
            raise Unavailable(f"pictures cannot be kept: {error.strerror}") from error

    async def image(self, *, name: str) -> StoredImage:
        """See ImageStore."""
        assert_no_transaction("ImageStore.image")
        try:
            return StoredImage(await asyncio.to_thread(self._path(name).read_bytes))
        except FileNotFoundError as error:
            raise NotFound from error
        except OSError as error:
            raise Unavailable(f"pictures cannot be read: {error.strerror}") from error

    async def check(self) -> list[str]:
        """See ImageStore; nothing is left behind, and a folder that no picture has made yet is not made."""
        assert_no_transaction("ImageStore.check")
        try:
            await asyncio.to_thread(_try, self._folder)
        except OSError as error:
            return [f"Pictures cannot be kept in {self._folder}: {error.strerror}."]
        return []

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


def _keep(path: Path, content: bytes) -> None:
    """Write beside the place, then link into it, which fails where another one is: nobody ever reads half a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".unfinished-", delete=True) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
    for folder in (path.parent, path.parent.parent):
        sync(folder)


def _try(folder: Path) -> None:
    """Keep something where the folder is or would be made."""
    place = next(path for path in (folder, *folder.parents) if path.exists())
    with tempfile.TemporaryDirectory(dir=place, prefix=".unfinished-") as made:
        _keep(Path(made) / "check", b"")


def adapter(settings: Images) -> ImageFolder:
    """Keep pictures in the folder of the settings."""
    return ImageFolder(Path(settings.store))
