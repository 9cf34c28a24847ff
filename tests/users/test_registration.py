"""Registering, verifying the address, choosing a new password."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.users.world import PASSWORD, World, token_in

from shop.kit.identity import Role
from shop.kit.ids import uuid7
from shop.kit.problems import Invalid
from shop.modules.users import tables
from shop.modules.users.domain import MAILS_PER_HOUR, WORDING, InvalidCredentials, LinkNotFound, Purpose, SessionEnded

OTHER = "another good password"


async def kinds(world: World) -> list[str]:
    """Give the kinds of the mails that are owed."""
    return [kind for kind, _, _ in await world.letters()]


async def test_whoever_registers_gets_a_mail_and_can_log_in_at_once(world: World) -> None:
    """The account works before its address is verified, and verifying it takes the token of the mail."""
    ada = await world.ada("Ada@Example.com")
    assert [(kind, recipient) for kind, recipient, _ in await world.letters()] == [("verification", "Ada@Example.com")]
    tokens = await world.login("ada@example.COM")
    assert await world.verifier.verify(tokens.access_token) == (ada, frozenset({"customer"}))
    assert (await world.profiles.profile(ada))[0].verified_at is None
    await world.accounts.verify(await world.mailed_token("verification"))
    assert (await world.profiles.profile(ada))[0].verified_at is not None


async def test_the_password_is_stored_as_argon2id_only(world: World) -> None:
    """No column of any table holds the password or the token of a link."""
    await world.ada()
    token = await world.mailed_token("verification")
    stored = [str(list(row)) for table in tables.METADATA.sorted_tables for row in await world.rows(sa.select(table))]
    assert any("$argon2id$" in text for text in stored)
    assert not any(PASSWORD in text or token in text for text in stored)


async def test_a_verified_account_stays_as_it_is_when_somebody_registers_it_again(world: World) -> None:
    """The owner is told by mail; the password and the name of the second try go nowhere."""
    ada = await world.ada()
    await world.accounts.verify(await world.mailed_token("verification"))
    await world.ada("ADA@example.com", OTHER)
    assert await kinds(world) == ["verification", "already_registered"]
    assert await world.id_of("ada@example.com") == ada
    await world.login(password=PASSWORD)
    with pytest.raises(InvalidCredentials):
        await world.login(password=OTHER)


async def test_a_stranger_cannot_lie_in_wait_in_an_account_that_nobody_verified(world: World) -> None:
    """Registering again neither replaces a password nor trusts it: the owner of the mailbox gets in by a reset, and the stranger is out."""
    await world.ada(password="the password of a stranger")
    stranger = await world.login(password="the password of a stranger")
    await world.ada(password=PASSWORD)
    assert await kinds(world) == ["verification", "verification"]
    await world.accounts.verify(await world.mailed_token("verification"))
    with pytest.raises(InvalidCredentials):
        await world.login(password=PASSWORD)
    await world.accounts.request_reset("ada@example.com")
    await world.accounts.reset(await world.mailed_token("password_reset"), PASSWORD)
    with pytest.raises(SessionEnded):
        await world.sessions.refresh(stranger.refresh_token)
    with pytest.raises(InvalidCredentials):
        await world.login(password="the password of a stranger")
    await world.login(password=PASSWORD)


async def test_ten_registrations_of_one_address_at_once_make_one_account(world: World) -> None:
    """Nobody sees an error, and each of them leads to a mail."""
    await asyncio.gather(*(world.ada() for _ in range(10)))
    assert len(await world.rows(sa.select(tables.users))) == 1
    assert len(await world.rows(sa.select(tables.consents))) == 1
    assert Counter(await kinds(world)) == {"verification": 10}


async def test_nobody_can_flood_a_mailbox(small_world: World) -> None:
    """The mails about an account are limited by the hour, whatever causes them."""
    await small_world.ada()
    for _ in range(MAILS_PER_HOUR + 5):
        await small_world.accounts.request_reset("ada@example.com")
    assert len(await kinds(small_world)) == MAILS_PER_HOUR
    small_world.clock.advance(timedelta(minutes=61))
    await small_world.accounts.request_reset("ada@example.com")
    assert len(await kinds(small_world)) == MAILS_PER_HOUR + 1


async def test_a_verification_link_works_once_and_not_for_ever(world: World) -> None:
    """A used, an old and a forged token are refused alike."""
    ada = await world.ada()
    token = await world.mailed_token("verification")
    await world.accounts.verify(token)
    for bad in (token, token[:-1] + ("A" if token[-1] != "A" else "B"), "", "é" * 64, await world.links.token(uuid7())):
        with pytest.raises(Invalid):
            await world.accounts.verify(bad)
    async with world.database.write() as store:
        late = await store.add_link(ada, Purpose.VERIFY, await store.now())
    world.clock.advance(Purpose.VERIFY.lifetime)
    with pytest.raises(Invalid):
        await world.accounts.verify(await world.links.token(late))


async def test_a_reset_ends_every_session_and_every_other_reset(world: World) -> None:
    """Whoever had the old password, a refresh token or an older link is out."""
    await world.ada()
    sessions = [await world.login() for _ in range(3)]
    for _ in range(2):
        await world.accounts.request_reset("Ada@example.com")
    links = [await world.links.token(subject) for kind, _, subject in await world.letters() if kind == "password_reset"]
    await world.accounts.reset(links[0], OTHER)
    for session in sessions:
        with pytest.raises(SessionEnded):
            await world.sessions.refresh(session.refresh_token)
    for link in links:
        with pytest.raises(LinkNotFound):
            await world.accounts.reset(link, PASSWORD)
    with pytest.raises(InvalidCredentials):
        await world.login(password=PASSWORD)
    await world.login(password=OTHER)


async def test_a_reset_link_is_refused_when_it_is_old_forged_or_of_another_kind(world: World) -> None:
    """What verifies an address sets no password, and the other way round."""
    await world.ada()
    await world.accounts.request_reset("ada@example.com")
    reset, verification = await world.mailed_token("password_reset"), await world.mailed_token("verification")
    for bad in (verification, "x", reset + "A"):
        with pytest.raises(LinkNotFound):
            await world.accounts.reset(bad, OTHER)
    with pytest.raises(Invalid):
        await world.accounts.verify(reset)
    world.clock.advance(Purpose.RESET.lifetime)
    with pytest.raises(LinkNotFound):
        await world.accounts.reset(reset, OTHER)


async def test_a_reset_used_by_two_at_once_counts_once(world: World) -> None:
    """One of them sets the password, the other is refused."""
    await world.ada()
    await world.accounts.request_reset("ada@example.com")
    token = await world.mailed_token("password_reset")
    results = await asyncio.gather(*(world.accounts.reset(token, f"{OTHER} {number}") for number in range(5)), return_exceptions=True)
    assert Counter(type(result) for result in results) == {type(None): 1, LinkNotFound: 4}


async def test_a_reset_for_nobody_sends_nothing(world: World) -> None:
    """An address without an account gets no mail and leaves no trace of itself."""
    await world.accounts.request_reset("nobody@example.com")
    assert await world.letters() == []
    stored = [str(list(row)) for table in tables.METADATA.sorted_tables for row in await world.rows(sa.select(table))]
    assert not any("nobody" in text for text in stored)


async def test_consent_is_recorded_with_its_wording_whether_given_or_not(world: World) -> None:
    """What was said at registration is on record, and what is said later does not overwrite it."""
    ada, ben = await world.ada(consents=True), await world.ada("ben@example.com")
    assert (await world.profiles.profile(ada))[1].granted
    assert not (await world.profiles.profile(ben))[1].granted
    taken_back = await world.profiles.consent_to_marketing(ada, False)
    assert (await world.profiles.profile(ada))[1] == taken_back
    assert await world.profiles.consent_to_marketing(ada, False) == taken_back
    row = tables.consents.c
    said = await world.rows(sa.select(row.granted, row.source, row.wording).where(row.user_id == ada).order_by(row.number))
    assert [tuple(each) for each in said] == [(True, "registration", WORDING), (False, "profile", WORDING)]


async def test_staff_choose_their_password_by_a_link(world: World) -> None:
    """There is no default password: without one, the account waits for its link to be used."""
    made = await world.accounts.create_staff("staff@example.com", None)
    assert made.created
    assert made.link is not None
    with pytest.raises(InvalidCredentials):
        await world.login("staff@example.com", "")
    await world.accounts.reset(token_in(made.link), OTHER)
    tokens = await world.login("staff@example.com", OTHER)
    assert await world.verifier.verify(tokens.access_token) == (made.id, frozenset({Role.STAFF}))
    with pytest.raises(LinkNotFound):
        await world.accounts.reset(token_in(made.link), PASSWORD)


async def test_a_customer_becomes_staff_with_their_next_access_token(world: World) -> None:
    """A verified customer keeps password and sessions; the roles are read again at every refresh."""
    ada = await world.ada()
    await world.accounts.verify(await world.mailed_token("verification"))
    before = await world.login()
    made = await world.accounts.create_staff("ADA@example.com", None)
    assert (made.id, made.created) == (ada, False)
    after = await world.sessions.refresh(before.refresh_token)
    assert await world.verifier.verify(after.access_token) == (ada, frozenset({Role.CUSTOMER, Role.STAFF}))


async def test_a_stranger_who_registered_the_address_of_future_staff_gets_nothing(world: World) -> None:
    """Making an unverified account staff shuts out whoever chose its password."""
    await world.ada("boss@example.com", "the password of a stranger")
    stranger = await world.login("boss@example.com", "the password of a stranger")
    made = await world.accounts.create_staff("boss@example.com", None)
    with pytest.raises(SessionEnded):
        await world.sessions.refresh(stranger.refresh_token)
    with pytest.raises(InvalidCredentials):
        await world.login("boss@example.com", "the password of a stranger")
    assert made.link is not None
    await world.accounts.reset(token_in(made.link), OTHER)
    await world.login("boss@example.com", OTHER)
