"""Hashes passwords with argon2id in a few threads, so that the event loop stays free and memory bounded."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from shop.kit.problems import Unavailable
from shop.kit.transactions import assert_no_transaction

T = TypeVar("T")
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1  # OWASP's minimum for argon2id
THREADS = 2
QUEUE = 200


class Passwords:
    """Makes and checks password hashes; composed and decomposed characters are the same password (NFKC)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Prepare the hash against which passwords of unknown accounts are checked, so that they take as long."""
        self._hasher = hasher or PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())
        self._queued = 0

    async def hashed(self, password: str) -> str:
        """Give the hash of a new password; raises Unavailable when too many wait."""
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def check(self, password: str, stored: str | None) -> bool:
        """Tell whether a password has this hash; without one it takes as long and is wrong; raises Unavailable when too many wait."""
        return await self._run(lambda: self._matches(password, stored or self._nobodys)) and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, _normal(password))
        except VerifyMismatchError:
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        assert_no_transaction("argon2")
        if self._queued >= QUEUE:
            raise Unavailable("too many people log in at once")
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._queued -= 1


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
