"""How many wrong guesses of a password are allowed: few for an account, more from an address."""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from shop.kit.http.clients import client_network
from shop.kit.problems import TooManyRequests
from shop.kit.values import normal_email

WINDOW = timedelta(minutes=15)
PER_ACCOUNT = 10
PER_ADDRESS = 60


class TooManyGuesses(TooManyRequests):
    """Too many wrong guesses; wait a little."""


class Guess(Struct, frozen=True):
    """Where a guess is counted: at the account, whether or not there is one, and at the address it came from. Both are keyed hashes."""

    account: bytes
    address: bytes

    @classmethod
    def of(cls, key: bytes, email: str, address: str) -> "Guess":
        """Name the counters of a guess without keeping whose they are."""
        account, place = f"account:{normal_email(email)}", f"address:{client_network(address)}"
        return cls(hmac.digest(key, account.encode(), "sha256"), hmac.digest(key, place.encode(), "sha256"))

    def admit(self, wrong: Mapping[bytes, list[float]], now: datetime) -> None:
        """Let the guess pass if neither counter is full; raises TooManyGuesses, for the right password too."""
        waits = (wait(wrong.get(self.account, []), PER_ACCOUNT, now), wait(wrong.get(self.address, []), PER_ADDRESS, now))
        if any(waits):
            raise TooManyGuesses(retry_after=max(waits))

    def counted(self, wrong: Mapping[bytes, list[float]], now: datetime) -> dict[bytes, list[float]]:
        """Give both counters with this guess added, as long as they need to be."""
        return {
            self.account: [*wrong.get(self.account, []), now.timestamp()][-PER_ACCOUNT:],
            self.address: [*wrong.get(self.address, []), now.timestamp()][-PER_ADDRESS:],
        }


def wait(wrong: list[float], limit: int, now: datetime) -> float:
    """Give the seconds until one more guess is allowed, 0 if it is now; `wrong` are the times of wrong guesses, oldest first."""
    if len(wrong) < limit:
        return 0.0
    return max(0.0, wrong[-limit] + WINDOW.total_seconds() - now.timestamp())
