"""The routes about the user who calls."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType

from shop.kit.address import Address
from shop.kit.http.openapi import problems
from shop.kit.identity import Caller, customer, signed_in
from shop.kit.paging import Cursor, Limit
from shop.kit.problems import Invalid, Unauthenticated, Unavailable
from shop.kit.values import Body, Locale, Text
from shop.modules.users.domain import MARKETING, AddressBookFull, AddressNotFound, Consent, SavedAddress, User
from shop.modules.users.personal import Export, PersonalData
from shop.modules.users.profiles import Profiles
from shop.ports.sales import Purchases

FromPersonal = Annotated[PersonalData, FromComponent("users")]
ProfilesHere = Annotated[Profiles, FromComponent("users")]
CallerHere = NamedDependency[Caller]


class Profile(Struct, frozen=True):
    """What the shop knows of a user; `consents` by what they are about."""

    id: UUID
    email: str
    email_verified: bool
    name: str
    locale: str
    roles: list[str]
    consents: dict[str, Consent]
    created_at: datetime


class ProfileChange(Body, frozen=True):
    """What is to change; the rest stays."""

    name: Text | UnsetType = UNSET
    locale: Locale | UnsetType = UNSET


class Decision(Body, frozen=True):
    """Whether a consent is given or taken back."""

    granted: bool


class AddressBook(Struct, frozen=True):
    """All addresses, the oldest first."""

    items: list[SavedAddress]


def _me(caller: Caller) -> UUID:
    if caller.user_id is None:
        raise Unauthenticated
    return caller.user_id


def _view(user: User, marketing: Consent) -> Profile:
    consents = {MARKETING: marketing}
    return Profile(user.id, user.email, user.verified_at is not None, user.name, user.locale, user.roles, consents, user.created_at)


@get("/api/v1/users/me", policy=signed_in)
@inject
async def show_profile(caller: CallerHere, profiles: ProfilesHere) -> Profile:
    """Show the caller's profile."""
    return _view(*await profiles.profile(_me(caller)))


@patch("/api/v1/users/me", policy=signed_in)
@inject
async def change_profile(data: JSONBody[ProfileChange], caller: CallerHere, profiles: ProfilesHere) -> Profile:
    """Change the caller's name or locale."""
    changes = {name: value for name in ("name", "locale") if (value := getattr(data, name)) is not UNSET}
    return _view(*await profiles.change(_me(caller), changes))


@put("/api/v1/users/me/consents/marketing", policy=customer)
@inject
async def decide_on_marketing(data: JSONBody[Decision], caller: CallerHere, profiles: ProfilesHere) -> Consent:
    """Give or take back the consent to marketing mail."""
    return await profiles.consent_to_marketing(_me(caller), data.granted)


@get("/api/v1/users/me/addresses", policy=customer)
@inject
async def list_addresses(caller: CallerHere, profiles: ProfilesHere) -> AddressBook:
    """Show the caller's address book."""
    return AddressBook(await profiles.addresses(_me(caller)))


@post("/api/v1/users/me/addresses", policy=customer, responses=problems(AddressBookFull))
@inject
async def add_address(data: JSONBody[Address], caller: CallerHere, profiles: ProfilesHere) -> SavedAddress:
    """Add an address to the caller's address book."""
    return await profiles.add_address(_me(caller), data)


@put("/api/v1/users/me/addresses/{address_id:uuid}", policy=customer, responses=problems(AddressNotFound))
@inject
async def change_address(address_id: FromPath[UUID], data: JSONBody[Address], caller: CallerHere, profiles: ProfilesHere) -> SavedAddress:
    """Replace an address in the caller's address book."""
    return await profiles.change_address(_me(caller), address_id, data)


@delete("/api/v1/users/me/addresses/{address_id:uuid}", status_code=204, policy=customer, responses=problems(AddressNotFound))
@inject
async def remove_address(address_id: FromPath[UUID], caller: CallerHere, profiles: ProfilesHere) -> None:
    """Remove an address from the caller's address book."""
    await profiles.remove_address(_me(caller), address_id)


@get("/api/v1/users/me/purchases", policy=customer, responses=problems(Invalid, Unavailable))
@inject
async def list_purchases(caller: CallerHere, profiles: ProfilesHere, limit: Limit = 20, cursor: Cursor = None) -> Purchases:
    """Show what the caller bought, newest first; 503 while sales does not answer."""
    return await profiles.purchases(_me(caller), limit, cursor)


@get("/api/v1/users/me/export", policy=customer, responses=problems(Unavailable))
@inject
async def export_personal_data(caller: CallerHere, personal: FromPersonal) -> Export:
    """Give all that the shop holds about the caller, a section per module; 503 while a part of it cannot be had."""
    return await personal.export(_me(caller))


@delete("/api/v1/users/me", status_code=204, policy=customer)
@inject
async def erase_account(caller: CallerHere, personal: FromPersonal) -> None:
    """Delete the caller's account and forget them everywhere; orders stay in the books without their name. What is paid is still delivered first."""
    await personal.erase(_me(caller))


PROFILE_ROUTES: list[HTTPRouteHandler] = [
    show_profile, change_profile, decide_on_marketing, list_addresses, add_address, change_address, remove_address, list_purchases,
    export_personal_data, erase_account,
]  # fmt: skip
