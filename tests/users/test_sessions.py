"""Logging in, refreshing, and what ends a session."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Literal

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from tests.users.world import PASSWORD, World

from shop.kit.problems import Unauthenticated
from shop.modules.users import tables
from shop.modules.users.domain import GRACE, REFRESH_LIFETIME, InvalidCredentials, SessionEnded, fingerprint, successor
from shop.modules.users.passwords import Passwords


async def test_a_refresh_token_is_rotated_at_every_use(world: World) -> None:
    """Each refresh gives a new access token and the refresh token for the next one."""
    ada = await world.ada()
    tokens = [await world.login()]
    for _ in range(3):
        tokens.append(await world.sessions.refresh(tokens[-1].refresh_token))
    assert len({token.refresh_token for token in tokens}) == 4
    assert {await world.verifier.verify(token.access_token) for token in tokens} == {(ada, frozenset({"customer"}))}
    assert len({(await world.verifier.claims(token.access_token)).session_id for token in tokens}) == 1


async def test_ten_uses_of_one_token_at_once_give_one_successor(world: World) -> None:
    """A client that asks twice, or whose answer was lost, is not thrown out."""
    await world.ada()
    first = await world.login()
    answers = await asyncio.gather(*(world.sessions.refresh(first.refresh_token) for _ in range(10)))
    assert len({answer.refresh_token for answer in answers}) == 1
    assert len(await world.rows(sa.select(tables.refresh_tokens))) == 2


async def test_a_reuse_within_the_grace_gives_the_same_successor(world: World) -> None:
    """Also when that successor was used already."""
    await world.ada()
    first = await world.login()
    second = await world.sessions.refresh(first.refresh_token)
    third = await world.sessions.refresh(second.refresh_token)
    world.clock.advance(GRACE - timedelta(seconds=2))
    assert (await world.sessions.refresh(first.refresh_token)).refresh_token == second.refresh_token
    assert (await world.sessions.refresh(second.refresh_token)).refresh_token == third.refresh_token
    await world.sessions.refresh(third.refresh_token)


async def test_a_late_reuse_ends_this_session_and_no_other(world: World) -> None:
    """Somebody has a copy of the token: whoever holds this family is out."""
    await world.ada()
    first, elsewhere = await world.login(), await world.login()
    second = await world.sessions.refresh(first.refresh_token)
    world.clock.advance(GRACE + timedelta(seconds=1))
    with pytest.raises(SessionEnded):
        await world.sessions.refresh(first.refresh_token)
    with pytest.raises(SessionEnded):
        await world.sessions.refresh(second.refresh_token)
    await world.sessions.refresh(elsewhere.refresh_token)


async def test_a_refresh_token_lives_thirty_days_from_its_making(world: World) -> None:
    """Each rotation begins them anew."""
    await world.ada()
    token = await world.login()
    for _ in range(2):
        world.clock.advance(REFRESH_LIFETIME - timedelta(minutes=1))
        token = await world.sessions.refresh(token.refresh_token)
    world.clock.advance(REFRESH_LIFETIME)
    with pytest.raises(SessionEnded):
        await world.sessions.refresh(token.refresh_token)


async def test_logging_out_ends_one_session(world: World) -> None:
    """The others go on; logging out again is well."""
    await world.ada()
    here, elsewhere = await world.login(), await world.login()
    session = (await world.verifier.claims(here.access_token)).session_id
    for _ in range(2):
        await world.sessions.end(session)
    with pytest.raises(SessionEnded):
        await world.sessions.refresh(here.refresh_token)
    await world.sessions.refresh(elsewhere.refresh_token)


async def test_refreshing_while_logging_out_never_fails_otherwise(world: World) -> None:
    """Whichever comes first wins, and nothing of the session is left."""
    await world.ada()
    for _ in range(5):
        token = await world.login()
        session = (await world.verifier.claims(token.access_token)).session_id
        calls = (world.sessions.refresh(token.refresh_token), world.sessions.end(session), world.sessions.refresh(token.refresh_token))
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert not isinstance(result, BaseException) or isinstance(result, SessionEnded)
        assert await world.rows(sa.select(tables.refresh_tokens)) == []


async def test_no_refresh_token_is_stored_readable(world: World) -> None:
    """Only hashes are; what is in the database gives no token back."""
    await world.ada()
    first = await world.login()
    second = await world.sessions.refresh(first.refresh_token)
    hashes = {row.hash for row in await world.rows(sa.select(tables.refresh_tokens))}
    assert hashes == {fingerprint(first.refresh_token), fingerprint(second.refresh_token)}


@pytest.mark.parametrize("foreign", ["", "x", "é\ud7ff", "A" * 200])
async def test_a_foreign_refresh_token_is_refused(small_world: World, foreign: str) -> None:
    """Whatever it looks like."""
    with pytest.raises(SessionEnded):
        await small_world.sessions.refresh(foreign)


async def test_a_refresh_token_is_no_access_token(small_world: World) -> None:
    """Nor the other way round."""
    await small_world.ada()
    tokens = await small_world.login()
    with pytest.raises(Unauthenticated):
        await small_world.verifier.verify(tokens.refresh_token)
    with pytest.raises(SessionEnded):
        await small_world.sessions.refresh(tokens.access_token)


async def test_an_outdated_hash_is_renewed_at_login(world: World) -> None:
    """When the parameters of the hash change, the next login brings the account up to date."""
    ada = await world.ada()
    await world.login()
    world.hash_with(Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)))
    await world.login()
    user, _ = await world.profiles.profile(ada)
    assert user.password_hash is not None
    assert "m=16,t=2,p=1" in user.password_hash
    await world.login()


async def test_a_password_is_the_same_however_its_characters_are_composed(small_world: World) -> None:
    """Keyboards differ in how they write é: composed or decomposed, full width or not."""
    await small_world.ada(password="caf\u00e9 con leche")
    await small_world.login(password="cafe\u0301 con leche")
    await small_world.ada("ben@example.com", "ｐａｓｓｗｏｒｄ one")
    await small_world.login("ben@example.com", "password one")


async def test_unknown_address_and_wrong_password_are_refused_alike(small_world: World) -> None:
    """Not a word differs, so that nobody learns who has an account."""
    await small_world.ada()
    answers = []
    for email in ("ada@example.com", "nobody@example.com"):
        with pytest.raises(InvalidCredentials) as refused:
            await small_world.login(email, "wrong password")
        answers.append(refused.value.members())
    assert answers[0] == answers[1]


async def test_an_unknown_address_costs_a_hash_too() -> None:
    """The time that a hash takes is spent for every address: the same hasher is asked, against a hash of nobody's."""
    asked: list[str] = []
    made: list[int] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            asked.append(str(hash))
            return super().verify(hash, password)

        def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
            made.append(1)
            return super().hash(password, salt=salt)

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    stored = await passwords.hashed(PASSWORD)
    made.clear()
    assert await passwords.check(PASSWORD, stored)
    assert not await passwords.check("wrong password", stored)
    assert not await passwords.check(PASSWORD, None)
    assert Counter(hash == stored for hash in asked) == {True: 2, False: 1}
    assert "m=8,t=1,p=1" in asked[2]
    assert made == [], "nothing more is hashed for an unknown address"
    passwords.close()


async def test_the_hash_is_owasps_minimum() -> None:
    """argon2id with 19 MiB, two passes and one lane."""
    passwords = Passwords()
    assert (await passwords.hashed(PASSWORD)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    passwords.close()


@given(st.text(max_size=300), st.binary(min_size=32, max_size=32))
def test_a_successor_is_the_keys_and_the_tokens(token: str, key: bytes) -> None:
    """The same token gives the same successor, another key or token another one."""
    assert successor(key, token) == successor(key, token)
    assert successor(key, token) not in {token, successor(key, token + "x"), successor(bytes(32) if any(key) else b"\1" * 32, token)}


async def test_a_login_that_overlaps_a_reset_begins_no_session(world: World) -> None:
    """The old password was right when it was looked at, and no longer when the session would begin."""

    class Slow(Passwords):
        async def check(self, password: str, stored: str | None) -> bool:
            right = await super().check(password, stored)
            await world.accounts.request_reset("ada@example.com")
            await world.accounts.reset(await world.mailed_token("password_reset"), "another good password")
            return right

    await world.ada()
    world.hash_with(Slow(world.hasher))
    with pytest.raises(InvalidCredentials):
        await world.login()
    assert await world.rows(sa.select(tables.sessions)) == []
