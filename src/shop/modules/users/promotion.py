"""What a special promotion is, and what may be done with it when."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from shop.kit.problems import Conflict, NotFound
from shop.kit.values import Body, Locale, Text

Markdown = Annotated[str, Meta(min_length=1, max_length=20_000)]
CouponCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$(?!\n)")]
MOST_VARIANTS = 20


class PromotionNotFound(NotFound):
    """There is no such promotion."""


class PromotionNotDraft(Conflict):
    """This promotion is being sent or was sent, and can no longer be changed."""


class PromotionNotSending(Conflict):
    """Only a promotion that is being sent can be paused or resumed."""


class PromotionStatus(StrEnum):
    """Where a promotion stands."""

    DRAFT = "draft"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"


class Content(Body, frozen=True):
    """What a promotion says in one language; the body is Markdown."""

    subject: Text
    body: Markdown


class Audience(Body, frozen=True):
    """To whom a promotion goes, of those who consented: everybody, or who reads this locale; `es` has `es-MX` in it."""

    locale: Locale | None = None


Variants = Annotated[dict[Locale, Content], Meta(max_length=MOST_VARIANTS)]


class NewPromotion(Body, frozen=True):
    """A promotion to be; whoever reads the locale of a variant gets that one, everybody else subject and body; `coupon` is a code to show."""

    subject: Text
    body: Markdown
    coupon: CouponCode | None = None
    audience: Audience = Audience()
    variants: Variants = msgspec.field(default_factory=dict)


class PromotionChanges(Body, frozen=True):
    """What is to change; the rest stays. Null takes the coupon out."""

    subject: Text | UnsetType = UNSET
    body: Markdown | UnsetType = UNSET
    coupon: CouponCode | UnsetType | None = UNSET
    audience: Audience | UnsetType = UNSET
    variants: Variants | UnsetType = UNSET

    @property
    def values(self) -> dict[str, Any]:
        """Give the fields that were sent."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not UNSET}


class Progress(Struct, frozen=True):
    """How far a promotion got; `recipients` are those found so far.

    `skipped` are those who may no longer be written to when their turn comes. `failed` are those of whom it is not known that the mail arrived;
    at `unknown` of them it may have: the connection broke at the last moment, and nobody is written to twice.
    """

    recipients: int = 0
    sent: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0

    @property
    def done(self) -> int:
        """Count those who are settled."""
        return self.sent + self.failed + self.skipped


class Promotion(Struct, frozen=True):
    """A mail to many, as staff wrote it."""

    id: UUID
    status: PromotionStatus
    subject: str
    body: str
    coupon: str | None
    audience: Audience
    variants: dict[str, Content]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    def content(self, locale: str) -> Content:
        """Choose what a reader of this locale gets: the variant of the locale, else of its language, else what everybody gets."""
        found = self.variants.get(locale) or self.variants.get(locale.partition("-")[0])
        return found or Content(self.subject, self.body)

    @property
    def facts(self) -> dict[str, Any]:
        """Say what the audit log keeps of it."""
        named = ("status", "subject", "body", "coupon", "audience", "variants")
        facts: dict[str, Any] = msgspec.to_builtins({name: getattr(self, name) for name in named})
        return facts
