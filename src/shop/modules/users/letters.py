"""What users writes to the people who have an account, or ask for one."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from shop.kit.letters import Stationery, salutation
from shop.kit.outbox import Letter
from shop.ports.mail import Message

PAGES = {"verification": "/account/verify", "password_reset": "/account/reset-password"}


class AccountLetter(Struct, frozen=True):
    """Kinds `verification`, `already_registered` and `password_reset`; the token is derived when it is composed and lives `valid_hours`."""

    name: str
    valid_hours: int


class AccountLetters:
    """Composes the mails that the outbox of users owes."""

    def __init__(self, sender: str, locales: Sequence[str], public_url: str, token: Callable[[Letter], Awaitable[str]]) -> None:
        """`token` derives the secret of a verification or a reset; it stands in the link's query, for the page it opens needs no JavaScript."""
        self._stationery = Stationery(Path(__file__).parent / "templates", locales, sender)
        self._public_url = public_url.rstrip("/")
        self._token = token

    async def compose(self, letter: Letter) -> Message:
        """Write the mail of an outbox row; the same row always gives the same Message-ID."""
        account = msgspec.convert(letter.data, AccountLetter)
        secret = await self._secret(letter)
        written = self._stationery.write(letter.kind, letter.locale, name=salutation(account.name), valid_hours=account.valid_hours, **secret)
        headers = {"Auto-Submitted": "auto-generated", "Content-Language": written.language}
        return Message(self._stationery.message_id(letter.id), letter.recipient, written.subject, written.text, written.html, headers)

    async def _secret(self, letter: Letter) -> dict[str, str]:
        if letter.kind not in PAGES:
            return {}
        token = await self._token(letter)
        return {"token": token, "link": f"{self._public_url}{PAGES[letter.kind]}?token={token}"}
