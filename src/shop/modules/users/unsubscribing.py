"""The way out of marketing mail, for whoever reads it."""

from uuid import UUID

from shop.kit.database import Database
from shop.kit.problems import NotFound
from shop.modules.users.domain import MARKETING, Consent, Source
from shop.modules.users.links import Links
from shop.modules.users.store import UsersStore


class UnsubscribeNotFound(NotFound):
    """This is no link to unsubscribe with."""


class Unsubscribing:
    """Takes consents back by the links of mails; such a link always works, again and again."""

    def __init__(self, database: Database[UsersStore], links: Links) -> None:
        """Read the links' tokens with these."""
        self._database = database
        self._links = links

    async def reader(self, token: str) -> UUID:
        """Give whose link this is; nothing is changed. Raises UnsubscribeNotFound."""
        user_id = await self._links.unsubscribed_by(token)
        if user_id is None:
            raise UnsubscribeNotFound
        return user_id

    async def unsubscribe(self, token: str) -> None:
        """Take the consent to marketing back, if there is one; raises UnsubscribeNotFound."""
        user_id = await self.reader(token)
        async with self._database.write() as store:
            user = await store.locked_user(user_id)
            said = await store.consent(user_id, MARKETING) if user else None
            if said is not None and said.granted:
                await store.add_consent(user_id, MARKETING, Consent(False, await store.now(), Source.UNSUBSCRIBE))
