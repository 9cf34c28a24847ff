"""Personal data: everything that the shop holds about somebody, to be read by them, and to be forgotten.

Forgetting is a saga along the dependency law, users -> sales -> cart. The account goes at once, together with the request, which is the saga's
durable row; rounds go on until nothing is left anywhere, and until no access token that was given out before can have made anything new.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from shop.kit.database import Database
from shop.kit.erasing import Receipt
from shop.kit.problems import Unauthenticated, Unavailable
from shop.kit.tokens import LIFETIME
from shop.modules.users.domain import SavedAddress, User
from shop.modules.users.erasure_store import Erasure
from shop.modules.users.store import UsersStore
from shop.ports.sales import PurchaseHistory

BATCH = 20
LONGEST_WAIT = timedelta(minutes=5)
TOKENS_ARE_OVER = LIFETIME + timedelta(minutes=1)
log = logging.getLogger("shop.users")


class AccountRecords(Struct, frozen=True):
    """What users holds: the account, the address book, and what was said, mailed and opened."""

    id: UUID
    email: str
    email_verified_at: datetime | None
    name: str
    locale: str
    roles: list[str]
    created_at: datetime
    addresses: list[SavedAddress]
    consents: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    mails: list[dict[str, Any]]
    promotions: list[dict[str, Any]]


class Export(Struct, frozen=True):
    """Everything, a section per module; products holds nothing about people."""

    users: AccountRecords
    sales: dict[str, Any]
    cart: dict[str, Any]


class PersonalData:
    """Tells and forgets what is held about a user."""

    def __init__(self, database: Database[UsersStore], history: PurchaseHistory) -> None:
        """Ask sales through its port; sales asks cart."""
        self._database, self._history = database, history

    async def export(self, user_id: UUID) -> Export:
        """Give all of it or nothing; raises Unauthenticated, Unavailable."""
        elsewhere = await self._history.records(customer_id=user_id)
        async with self._database.read() as store:
            user = await store.user(user_id)
            if user is None:
                raise Unauthenticated
            own = _records(user, list(await store.addresses(user_id)), await store.records_of(user))
        return Export(own, elsewhere.sales, elsewhere.cart)

    async def erase(self, user_id: UUID) -> None:
        """Delete the account now, and everything else as soon as it can be; repeating it is well. Raises Unauthenticated."""
        async with self._database.write() as store:
            user = await store.locked_user(user_id)
            if user is None:
                if await store.is_erased(user_id):
                    return
                raise Unauthenticated
            counts = await store.erase_user(user)
            await store.add_erasure(user_id, Receipt("users", await store.now(), counts, 0))
        await self._rounds(user_id)

    async def run(self) -> bool:
        """Make the rounds that are due; a job, safe with several workers."""
        async with self._database.read() as store:
            if not await store.is_erasure_due():
                return False
        return await self._rounds()

    async def _rounds(self, user_id: UUID | None = None) -> bool:
        async with self._database.write() as store:
            claimed = await store.claim_erasures(BATCH, user_id)
        for erasure in claimed:
            await self._round(erasure)
        return bool(claimed)

    async def _round(self, erasure: Erasure) -> None:
        receipts: list[Receipt] = []
        try:
            receipts = await self._history.erase(customer_id=erasure.user_id)
        except Unavailable as problem:
            log.warning("erasing user %s goes on later: %s", erasure.user_id, problem.detail)
        async with self._database.write() as store:
            await store.settle_erasure(erasure.user_id, receipts, _again(erasure, receipts, await store.now()))


def _again(erasure: Erasure, receipts: list[Receipt], now: datetime) -> timedelta | None:
    """Give the wait before the next round: doubling while something is under way or nobody answers, None when all is done."""
    if not receipts or any(receipt.waiting for receipt in receipts):
        return min(timedelta(seconds=2 ** min(erasure.tries, 10)), LONGEST_WAIT)
    left = erasure.requested_at + TOKENS_ARE_OVER - now
    return left if left > timedelta() else None


def _records(user: User, addresses: list[SavedAddress], kept: dict[str, list[dict[str, Any]]]) -> AccountRecords:
    return AccountRecords(
        id=user.id,
        email=user.email,
        email_verified_at=user.verified_at,
        name=user.name,
        locale=user.locale,
        roles=user.roles,
        created_at=user.created_at,
        addresses=addresses,
        **kept,
    )
