"""The mails of a mailbox: one .eml file each, written atomically, never changed."""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from shop.demo.mailbox.messages import Message, read


class MailFolder:
    """A folder of .eml files, newest first; files that another process puts there are found too."""

    def __init__(self, path: Path) -> None:
        """Open a folder, and make it if it is missing."""
        self.path = path
        self.arrived = asyncio.Event()
        self._read: dict[str, Message] = {}
        path.mkdir(parents=True, exist_ok=True)

    def keep(self, content: bytes) -> str:
        """Write a mail so that it is there in full or not at all, whatever dies; give its id."""
        id = f"{time.time_ns():020d}-{uuid4().hex[:8]}"
        part = self.path / f".{id}.part"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file(id))
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return id

    def ids(self) -> list[str]:
        """Give the ids of all mails, newest first."""
        return sorted((file.name.removesuffix(".eml") for file in self.path.glob("[0-9]*.eml")), reverse=True)

    def messages(self) -> list[Message]:
        """Give all mails, newest first."""
        found = (self.get(id) for id in self.ids())
        return [message for message in found if message]

    def get(self, id: str) -> Message | None:
        """Give a mail by its id."""
        if id not in self._read:
            content = self.raw(id)
            if content is None:
                return None
            arrived = datetime.fromtimestamp(int(id.partition("-")[0]) / 1e9, UTC)
            self._read[id] = read(id, content, arrived.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        return self._read[id]

    def raw(self, id: str) -> bytes | None:
        """Give the content of a mail's file; ids are looked up, never turned into paths unseen."""
        if not id.replace("-", "").isalnum() or not id.partition("-")[0].isdigit():
            return None
        try:
            return self._file(id).read_bytes()
        except FileNotFoundError:
            return None

    def find(self, *, to: str = "", subject: str = "", words: str = "") -> list[Message]:
        """Give the mails for an address, with this in the subject, with all of these words anywhere; newest first."""
        wanted = words.casefold().split()
        return [
            message
            for message in self.messages()
            if (not to or to.casefold() in (address.casefold() for address in message.to))
            and subject.casefold() in message.subject.casefold()
            and all(word in _all_of(message) for word in wanted)
        ]

    async def wait_for(self, *, to: str, subject: str, seconds: float) -> list[Message]:
        """Give what `find` finds as soon as that is something, or nothing when the time is over."""
        until = time.monotonic() + seconds
        while not (found := self.find(to=to, subject=subject)) and (left := until - time.monotonic()) > 0:
            self.arrived.clear()
            try:
                async with asyncio.timeout(min(left, 0.2)):
                    await self.arrived.wait()
            except TimeoutError:
                continue
        return found

    def empty(self) -> None:
        """Delete all mails."""
        for id in self.ids():
            self._file(id).unlink(missing_ok=True)
        self._read.clear()

    def _file(self, id: str) -> Path:
        return self.path / f"{id}.eml"


def _all_of(message: Message) -> str:
    return " ".join([message.sender, *message.to, message.subject, message.text or message.html]).casefold()
