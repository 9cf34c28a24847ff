"""Files and folders that must survive a power cut, and belong to the one that the shop runs as."""

import os
from pathlib import Path


def sync(folder: Path) -> None:
    """Let the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make(root: Path, path: Path = Path()) -> Path:
    """Give a folder below the root, made where it is not there."""
    if not root.exists():
        root.mkdir(parents=True)
        give(root, root.parent)
    folder = root
    for part in path.parts:
        folder /= part
        if not folder.exists():
            folder.mkdir()
            give(folder, root)
    return folder


def give(path: Path, folder: Path) -> None:
    """Let what root has made belong to the owner of the folder: the shop seldom runs as root."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
