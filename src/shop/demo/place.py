"""Where a demo lives: its ports, its folder, and what it remembers there from one start to the next."""

import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct
from msgspec.structs import replace

STAFF = "staff@shop.example"
MEMORY = "demo.json"
LOCK = "demo.lock"


class InUse(RuntimeError):
    """Another demo works in this folder."""


class Memory(Struct, frozen=True):
    """The keys between the shop and its twin, and whether the catalogue is there; the staff password is not kept."""

    secret_key: str
    publishable_key: str
    webhook_secret: str
    stocked: bool = False


class Place(Struct, frozen=True):
    """The addresses of a demo and its folder; everything follows the shop's port."""

    host: str
    port: int
    folder: Path

    @property
    def ports(self) -> dict[str, int]:
        """Give every port and what listens there."""
        return {"the shop": self.port, "the Stripe twin": self.port + 1, "the mailbox": self.port + 2, "the mail server": self.port + 3}

    def url(self, name: str) -> str:
        """Give the address of a part as a browser on this machine finds it."""
        return f"http://localhost:{self.ports[name]}"

    def take(self) -> IO[str]:
        """Make the folder ours as long as the file that is given stays open; raises InUse."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / LOCK).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise InUse(f"another demo is running in {self.folder}: stop that one, or choose another port with SHOP_PORT") from None
        return lock

    def empty(self) -> None:
        """Start over: forget everything that is kept here."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()

    def memory(self) -> Memory:
        """Read what is remembered; the first time, choose keys and remember them."""
        path = self.folder / MEMORY
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=Memory)
        chosen = Memory(f"sk_test_{secrets.token_hex(12)}", f"pk_test_{secrets.token_hex(12)}", f"whsec_{secrets.token_hex(12)}")
        self.remember(chosen)
        return chosen

    def remember(self, memory: Memory) -> None:
        """Write what is to be remembered, readable by its owner only, all of it or nothing."""
        path = self.folder / MEMORY
        beside = path.with_suffix(".new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(memory))
        beside.replace(path)

    def remember_stocked(self) -> None:
        """The catalogue is there; it is never filled again."""
        self.remember(replace(self.memory(), stocked=True))
