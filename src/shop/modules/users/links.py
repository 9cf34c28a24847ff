"""The links in mails: their tokens are derived when they are needed and stored nowhere."""

from uuid import UUID

from shop.kit.secrets import Keyring
from shop.modules.users.domain import Purpose, link_token, linked

PATHS = {Purpose.VERIFY: "/account/verify", Purpose.RESET: "/account/reset-password"}
UNSUBSCRIBE = "/api/v1/unsubscribe"


class Links:
    """Makes and reads the links that let somebody in once."""

    def __init__(self, keyring: Keyring, public_url: str) -> None:
        """`public_url` is where people reach the shop."""
        self._keyring = keyring
        self._public_url = public_url.rstrip("/")

    async def token(self, id: UUID) -> str:
        """Give the token of a link; a letter's `subject_id` is the id of its link."""
        return link_token(await self._key(), id)

    async def to(self, purpose: Purpose, id: UUID) -> str:
        """Give the address of the page that uses a link up."""
        return f"{self._public_url}{PATHS[purpose]}?token={await self.token(id)}"

    async def opened_by(self, token: str) -> UUID | None:
        """Give the id of the link that a token opens, None if it is forged."""
        return linked(await self._key(), token)

    async def unsubscribe(self, user_id: UUID) -> str:
        """Give the address with which somebody takes their consent to marketing back, also without an account to log in to."""
        return f"{self._public_url}{UNSUBSCRIBE}/{link_token(await self._keyring.key('unsubscribe'), user_id)}"

    async def unsubscribed_by(self, token: str) -> UUID | None:
        """Give the id of the user whose address of that kind has this token, None if it is forged."""
        return linked(await self._keyring.key("unsubscribe"), token)

    async def _key(self) -> bytes:
        return await self._keyring.key("links")
