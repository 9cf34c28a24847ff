"""What a user sees and changes of their account, and what neighbours may know of it."""

from typing import Any
from uuid import UUID

from shop.kit.address import Address
from shop.kit.database import Database
from shop.kit.problems import Unauthenticated
from shop.modules.users.domain import (
    ADDRESSES,
    MARKETING,
    AddressBookFull,
    AddressNotFound,
    Consent,
    SavedAddress,
    Source,
    User,
)
from shop.modules.users.store import UsersStore
from shop.ports.sales import PurchaseHistory, Purchases
from shop.ports.users import Customer, CustomerNotFound, Customers


class Profiles:
    """The profile, the consents, the address book and the purchases of a user."""

    def __init__(self, database: Database[UsersStore], history: PurchaseHistory) -> None:
        """Read purchases through this port."""
        self._database = database
        self._history = history

    async def profile(self, user_id: UUID) -> tuple[User, Consent]:
        """Give a user and their consent to marketing; raises Unauthenticated when the account is gone."""
        async with self._database.read() as store:
            return await _present(store, user_id)

    async def change(self, user_id: UUID, changes: dict[str, Any]) -> tuple[User, Consent]:
        """Change name or locale."""
        async with self._database.write() as store:
            if changes:
                await store.change_user(user_id, **changes)
            return await _present(store, user_id)

    async def consent_to_marketing(self, user_id: UUID, granted: bool) -> Consent:
        """Give or take back the consent to marketing mail; saying the same again changes nothing."""
        async with self._database.write() as store:
            await _owner(store, user_id)
            said = await store.consent(user_id, MARKETING)
            if said is None or said.granted != granted:
                said = Consent(granted, await store.now(), Source.PROFILE)
                await store.add_consent(user_id, MARKETING, said)
            return said

    async def addresses(self, user_id: UUID) -> list[SavedAddress]:
        """Give the address book."""
        async with self._database.read() as store:
            return await store.addresses(user_id)

    async def add_address(self, user_id: UUID, address: Address) -> SavedAddress:
        """Add an address; raises AddressBookFull."""
        async with self._database.write() as store:
            await _owner(store, user_id)
            if len(await store.addresses(user_id)) >= ADDRESSES:
                raise AddressBookFull(f"an address book holds {ADDRESSES} addresses")
            return await store.add_address(user_id, address)

    async def change_address(self, user_id: UUID, id: UUID, address: Address) -> SavedAddress:
        """Replace an address; raises AddressNotFound."""
        async with self._database.write() as store:
            changed = await store.change_address(user_id, id, address)
        if changed is None:
            raise AddressNotFound
        return changed

    async def remove_address(self, user_id: UUID, id: UUID) -> None:
        """Remove an address; raises AddressNotFound."""
        async with self._database.write() as store:
            if not await store.remove_address(user_id, id):
                raise AddressNotFound

    async def purchases(self, user_id: UUID, limit: int, cursor: str | None) -> Purchases:
        """Give a page of what the user bought; raises Invalid, Unavailable, for an empty history would be a lie."""
        return await self._history.purchases(customer_id=user_id, limit=limit, cursor=cursor)


async def _present(store: UsersStore, user_id: UUID) -> tuple[User, Consent]:
    user = await store.user(user_id)
    if user is None:
        raise Unauthenticated
    consent = await store.consent(user_id, MARKETING)
    return user, consent or Consent(False, user.created_at, Source.REGISTRATION)


async def _owner(store: UsersStore, user_id: UUID) -> User:
    user = await store.locked_user(user_id)
    if user is None:
        raise Unauthenticated
    return user


class CustomerDirectory(Customers):
    """Tells neighbours who a customer is."""

    def __init__(self, database: Database[UsersStore]) -> None:
        """Read from this database."""
        self._database = database

    async def customer(self, *, id: UUID) -> Customer:
        """Give the customer of this id; raises CustomerNotFound."""
        async with self._database.read() as store:
            user = await store.user(id)
        if user is None or not user.is_customer:
            raise CustomerNotFound
        return Customer(user.id, user.email, user.name, user.locale)
