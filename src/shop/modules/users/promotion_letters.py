"""Writes promotions as mails, one for each reader."""

import re
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec
from msgspec import Struct

from shop.kit.letters import Stationery, Written, salutation
from shop.kit.outbox import Letter
from shop.modules.users.domain import User
from shop.modules.users.links import Links
from shop.modules.users.markdown import prose
from shop.modules.users.promotion import Content
from shop.ports.mail import Message

TEST = "promotion_test"
RULE = re.compile(r"[=-]{3,}")
PREVIEW = 140


class TrialMail(Struct, frozen=True):
    """Kind `promotion_test`: a promotion as its author wants to see it before anybody else does."""

    user_id: UUID
    name: str
    content: Content
    coupon: str | None


class PromotionLetters:
    """Composes the mails of promotions: the shop's look, a way out in every one."""

    def __init__(self, sender: str, locales: Sequence[str], links: Links) -> None:
        """Write in the name of the sender."""
        self._stationery = Stationery(Path(__file__).parent / "templates", locales, sender)
        self._links = links

    async def written(self, content: Content, coupon: str | None, locale: str, reader: UUID, name: str = "") -> Written:
        """Write a promotion for a reader, as it will be seen."""
        passage = prose(content.body)
        return self._stationery.write(
            "promotion",
            locale,
            subject=content.subject,
            name=salutation(name),
            passage=passage,
            preview=RULE.sub("", passage.text)[:PREVIEW],
            coupon=coupon,
            unsubscribe=await self._links.unsubscribe(reader),
        )

    async def compose(self, mail_id: UUID, content: Content, coupon: str | None, reader: User) -> Message:
        """Write one reader's mail; the same mail always has the same Message-ID."""
        return await self._message(mail_id, reader.email, reader.id, await self.written(content, coupon, reader.locale, reader.id, reader.name), True)

    async def compose_test(self, letter: Letter) -> Message:
        """Write the mail of an outbox row of kind `promotion_test`."""
        test = msgspec.convert(letter.data, TrialMail)
        written = await self.written(test.content, test.coupon, letter.locale, test.user_id, test.name)
        return await self._message(letter.id, letter.recipient, test.user_id, written, False)

    async def _message(self, id: UUID, recipient: str, reader: UUID, written: Written, bulk: bool) -> Message:
        headers = {
            "List-Unsubscribe": f"<{await self._links.unsubscribe(reader)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"<promotions.{self._stationery.domain}>",
            "Precedence": "bulk",
            "Auto-Submitted": "auto-generated",
            "Content-Language": written.language,
        }
        return Message(self._stationery.message_id(id), recipient, written.subject, written.text, written.html, headers, bulk)
