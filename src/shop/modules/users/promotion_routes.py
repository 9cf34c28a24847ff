"""Staff write promotions, try them out and let them go."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Struct

from shop.kit.http.openapi import problems
from shop.kit.idempotency import Once
from shop.kit.identity import Caller, staff
from shop.kit.paging import Cursor, Limit, Page
from shop.kit.problems import Invalid, Unauthenticated
from shop.kit.values import Body, Locale
from shop.modules.users.promotion import (
    Audience,
    Content,
    NewPromotion,
    Progress,
    Promotion,
    PromotionChanges,
    PromotionNotDraft,
    PromotionNotFound,
    PromotionNotSending,
    PromotionStatus,
)
from shop.modules.users.promotions import Promotions

Here = Annotated[Promotions, FromComponent("users")]
PATH = "/api/v1/promotions"
ONE = f"{PATH}/{{promotion_id:uuid}}"
PreviewLocale = Annotated[str | None, QueryParameter(name="locale", pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description="whose mail to show")]


class PromotionView(Struct, frozen=True):
    """A promotion and how far it got; `failed` has those in it whose outcome is `unknown`."""

    id: UUID
    status: PromotionStatus
    subject: str
    body: str
    coupon: str | None
    audience: Audience
    variants: dict[str, Content]
    recipients: int
    sent: int
    failed: int
    skipped: int
    unknown: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Preview(Struct, frozen=True):
    """A promotion's mail as a reader sees it."""

    subject: str
    text: str
    html: str


class Trial(Body, frozen=True):
    """In which language to try it out; by default the caller's own."""

    locale: Locale | None = None


class TrialSent(Struct, frozen=True):
    """The mail is on its way."""

    message: str


def _view(shown: tuple[Promotion, Progress]) -> PromotionView:
    promotion, progress = shown
    return PromotionView(**msgspec.structs.asdict(promotion), **msgspec.structs.asdict(progress))


def _me(caller: Caller) -> UUID:
    if caller.user_id is None:
        raise Unauthenticated
    return caller.user_id


@post(PATH, policy=staff, idempotency="honoured")
@inject
async def create_promotion(data: JSONBody[NewPromotion], once: NamedDependency[Once], promotions: Here) -> PromotionView:
    """Write a promotion; nobody gets it yet."""
    return _view(await promotions.create(data, once))


@get(PATH, policy=staff, responses=problems(Invalid))
@inject
async def list_promotions(promotions: Here, limit: Limit = 20, cursor: Cursor = None) -> Page[PromotionView]:
    """Show all promotions, newest first."""
    found, next_cursor = await promotions.listed(limit, cursor)
    return Page([_view(shown) for shown in found], next_cursor)


@get(ONE, policy=staff, responses=problems(PromotionNotFound))
@inject
async def show_promotion(promotion_id: FromPath[UUID], promotions: Here) -> PromotionView:
    """Show a promotion and how far it got."""
    return _view(await promotions.show(promotion_id))


@patch(ONE, policy=staff, responses=problems(PromotionNotFound, PromotionNotDraft))
@inject
async def change_promotion(promotion_id: FromPath[UUID], data: JSONBody[PromotionChanges], promotions: Here) -> PromotionView:
    """Change a draft; null takes the coupon out."""
    return _view(await promotions.change(promotion_id, data))


@get(f"{ONE}/preview", policy=staff, responses=problems(PromotionNotFound))
@inject
async def preview_promotion(promotion_id: FromPath[UUID], caller: NamedDependency[Caller], promotions: Here, locale: PreviewLocale = None) -> Preview:
    """Show the mail as a reader of this locale will get it."""
    written = await promotions.preview(promotion_id, locale, _me(caller))
    return Preview(written.subject, written.text, written.html)


@post(f"{ONE}/test", status_code=202, policy=staff, responses=problems(PromotionNotFound))
@inject
async def try_promotion(promotion_id: FromPath[UUID], data: JSONBody[Trial], caller: NamedDependency[Caller], promotions: Here) -> TrialSent:
    """Send the mail to the caller alone."""
    await promotions.send_test(promotion_id, data.locale, _me(caller))
    return TrialSent("We have sent it to your own address.")


@post(f"{ONE}/send", status_code=202, policy=staff, responses=problems(PromotionNotFound))
@inject
async def send_promotion(promotion_id: FromPath[UUID], promotions: Here) -> PromotionView:
    """Let a draft go; once more changes nothing."""
    return _view(await promotions.send(promotion_id))


@post(f"{ONE}/pause", status_code=200, policy=staff, responses=problems(PromotionNotFound, PromotionNotSending))
@inject
async def pause_promotion(promotion_id: FromPath[UUID], promotions: Here) -> PromotionView:
    """Stop before the next mail."""
    return _view(await promotions.pause(promotion_id))


@post(f"{ONE}/resume", status_code=200, policy=staff, responses=problems(PromotionNotFound, PromotionNotSending))
@inject
async def resume_promotion(promotion_id: FromPath[UUID], promotions: Here) -> PromotionView:
    """Go on with a promotion that was paused."""
    return _view(await promotions.resume(promotion_id))


PROMOTION_ROUTES: list[HTTPRouteHandler] = [
    create_promotion, list_promotions, show_promotion, change_promotion, preview_promotion, try_promotion, send_promotion, pause_promotion,
    resume_promotion,
]  # fmt: skip
