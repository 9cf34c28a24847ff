"""Queries about sessions, their refresh tokens and wrong guesses."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite

from shop.kit.database import Store
from shop.kit.ids import uuid7
from shop.modules.users import tables
from shop.modules.users.domain import REFRESH_LIFETIME


class RefreshToken(Struct, frozen=True):
    """What is known of a refresh token, and whose session it goes on with."""

    session_id: UUID
    user_id: UUID
    expires_at: datetime
    used_at: datetime | None


class SessionStore(Store):
    """The tables about logging in."""

    async def open_session(self, user_id: UUID, first: bytes, now: datetime) -> UUID:
        """Begin a session with the fingerprint of its first refresh token."""
        id = uuid7()
        await self.change(tables.sessions.insert().values(id=id, user_id=user_id, created_at=now, expires_at=now + REFRESH_LIFETIME))
        await self._add_token(id, first, now)
        return id

    async def locked_token(self, hash: bytes) -> RefreshToken | None:
        """Find a refresh token and keep its session from being continued or ended by others until the transaction ends."""
        sessions, tokens = tables.sessions.c, tables.refresh_tokens.c
        of_token = sa.select(tokens.session_id).where(tokens.hash == hash).scalar_subquery()
        session = await self.row(sa.select(sessions.id, sessions.user_id).where(sessions.id == of_token).with_for_update())
        token = await self.row(sa.select(tokens.expires_at, tokens.used_at).where(tokens.hash == hash)) if session else None
        return RefreshToken(*session, *token) if session and token else None

    async def rotate(self, session_id: UUID, used: bytes, next: bytes, now: datetime) -> None:
        """Note that a refresh token was used and which one follows it; the session lives on from now."""
        tokens, sessions = tables.refresh_tokens, tables.sessions
        await self.change(tokens.update().where(tokens.c.hash == used).values(used_at=now))
        await self.change(sessions.update().where(sessions.c.id == session_id).values(expires_at=now + REFRESH_LIFETIME))
        await self._add_token(session_id, next, now)

    async def _add_token(self, session_id: UUID, hash: bytes, now: datetime) -> None:
        await self.change(tables.refresh_tokens.insert().values(hash=hash, session_id=session_id, expires_at=now + REFRESH_LIFETIME))

    async def end_session(self, id: UUID) -> None:
        """End one session with all its refresh tokens."""
        await self.change(tables.sessions.delete().where(tables.sessions.c.id == id))

    async def end_sessions(self, user_id: UUID) -> None:
        """End every session of a user."""
        await self.change(tables.sessions.delete().where(tables.sessions.c.user_id == user_id))

    async def wrong_guesses(self, keys: tuple[bytes, ...]) -> dict[bytes, list[float]]:
        """Give the times of wrong guesses by counter."""
        table = tables.throttles
        return {row.key: row.wrong for row in await self.rows(sa.select(table).where(table.c.key.in_(keys)))}

    async def locked_guesses(self, keys: tuple[bytes, ...], now: datetime) -> dict[bytes, list[float]]:
        """Give the same and keep others from counting until the transaction ends."""
        insert = postgresql.insert if self.on_postgresql else sqlite.insert
        fresh = insert(tables.throttles).on_conflict_do_update(index_elements=["key"], set_={"changed_at": now}).returning(tables.throttles.c.wrong)
        in_order = sorted(keys)  # one order everywhere, or two logins could wait for each other
        return {key: await self.scalar(fresh.values(key=key, wrong=[], changed_at=now)) for key in in_order}

    async def keep_guesses(self, wrong: dict[bytes, list[float]]) -> None:
        """Keep the times of wrong guesses by counter; an empty list begins it anew."""
        table = tables.throttles
        for key, times in wrong.items():
            await self.change(table.update().where(table.c.key == key).values(wrong=times))

    async def forget_guesses(self, key: bytes) -> None:
        """Begin a counter anew."""
        await self.keep_guesses({key: []})
