"""Files and folders that belong to the one that the shop runs as, whoever makes them."""

import os
from pathlib import Path


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
