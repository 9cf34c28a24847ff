"""Guessing passwords is limited, exactly, also in parallel."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from tests.users.world import ADDRESS, PASSWORD, World

from shop.modules.users import tables
from shop.modules.users.domain import InvalidCredentials
from shop.modules.users.sessions import Tokens
from shop.modules.users.throttling import PER_ACCOUNT, PER_ADDRESS, WINDOW, Guess, TooManyGuesses, wait

WRONG = "wrong password"


async def guess(world: World, times: int, email: str = "ada@example.com", address: str = ADDRESS) -> None:
    """Guess wrong so many times."""
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            await world.login(email, WRONG, address)


async def test_after_ten_wrong_guesses_the_right_password_waits_too(world: World) -> None:
    """The eleventh try is refused whatever it is, until the oldest guess is fifteen minutes old."""
    await world.ada()
    await guess(world, PER_ACCOUNT)
    for password in (WRONG, PASSWORD):
        with pytest.raises(TooManyGuesses) as refused:
            await world.login(password=password, address="198.51.100.1")
        assert refused.value.retry_after is not None
        assert WINDOW.total_seconds() - 10 < refused.value.retry_after <= WINDOW.total_seconds()
    world.clock.advance(WINDOW)
    await world.login()


async def test_twenty_guesses_at_once_are_ten_guesses(world: World) -> None:
    """Whoever guesses in parallel gets ten answers, not more."""
    await world.ada()
    results = await asyncio.gather(*(world.login(password=WRONG) for _ in range(20)), return_exceptions=True)
    assert Counter(type(result) for result in results) == {InvalidCredentials: 10, TooManyGuesses: 10}


async def test_many_logins_at_once_are_all_let_in(world: World) -> None:
    """Right passwords are not counted, not even while they are being checked."""
    await world.ada()
    results = await asyncio.gather(*(world.login() for _ in range(70)), return_exceptions=True)
    assert Counter(type(result) for result in results) == {Tokens: 70}


async def test_an_address_without_an_account_is_throttled_alike(world: World) -> None:
    """The limit tells nobody who has an account, and nothing is kept of the address."""
    await guess(world, PER_ACCOUNT, "nobody@example.com")
    with pytest.raises(TooManyGuesses):
        await world.login("NOBODY@example.com", WRONG)
    kept = [str(list(row)) for row in await world.rows(sa.select(tables.throttles))]
    assert len(kept) == 2
    assert not any("nobody" in text or ADDRESS in text for text in kept)


async def test_a_login_resets_the_counter_of_the_account_only(world: World) -> None:
    """Nine wrong guesses, a login, nine more: fine for the account; the address remembers them all."""
    await world.ada()
    for _ in range(6):
        await guess(world, PER_ACCOUNT - 1)
        await world.login()
    await guess(world, 6)
    with pytest.raises(TooManyGuesses):
        await world.login()
    await world.login(address="198.51.100.1")


async def test_an_address_gets_sixty_wrong_guesses_over_all_accounts(world: World) -> None:
    """Also when they come from all over its /64."""
    await world.ada()
    for number in range(PER_ADDRESS):
        await guess(world, 1, f"somebody{number}@example.com", f"2001:db8:1:2::{number:x}")
    with pytest.raises(TooManyGuesses):
        await world.login(address="2001:db8:1:2:ffff::1")
    await world.login(address="2001:db8:1:3::1")


async def test_whoever_is_refused_is_not_counted(world: World) -> None:
    """Trying again too soon does not make the wait longer."""
    await guess(world, PER_ACCOUNT)
    world.clock.advance(WINDOW - timedelta(seconds=5))
    for _ in range(3):
        with pytest.raises(TooManyGuesses):
            await world.login(password=WRONG)
    world.clock.advance(timedelta(seconds=5))
    await guess(world, 1)


NOW = datetime(2026, 11, 24, tzinfo=UTC)
AGES = st.lists(st.floats(0, 2000), max_size=30).map(lambda ages: [NOW.timestamp() - age for age in sorted(ages, reverse=True)])


@given(AGES, st.integers(1, 12))
def test_there_is_a_wait_exactly_while_the_window_is_full(wrong: list[float], limit: int) -> None:
    """So many guesses within the last fifteen minutes; after the wait one fewer."""
    recent = [time for time in wrong if time + WINDOW.total_seconds() > NOW.timestamp()]
    seconds = wait(wrong, limit, NOW)
    assert (seconds > 0) == (len(recent) >= limit)
    assert wait(wrong, limit, NOW + timedelta(seconds=seconds + 0.001)) == 0


@given(st.text(), st.ip_addresses().map(str))
def test_a_counter_keeps_no_more_times_than_it_needs(email: str, address: str) -> None:
    """However often somebody guesses, a row stays small."""
    made = Guess.of(b"key", email, address)
    kept = made.counted({made.account: [1.0] * 500, made.address: [1.0] * 500}, NOW)
    assert [len(times) for times in kept.values()] == [PER_ACCOUNT, PER_ADDRESS]
