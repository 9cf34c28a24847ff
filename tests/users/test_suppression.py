"""When promotions are sent again to an address that bounced for good: when a mail that was written to it later was read."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from tests.users.world import PASSWORD, World, token_in

from shop.modules.users.domain import Purpose

ADA = "ada@example.com"


async def verifies(world: World) -> None:
    """Open the link of the newest mail that asks for it."""
    await world.accounts.verify(await world.mailed_token("verification"))


async def chooses_a_password(world: World) -> None:
    """Open the link of the newest mail to reset the password."""
    await world.accounts.reset(await world.mailed_token("password_reset"), PASSWORD)


async def bounces(world: World, email: str = ADA) -> None:
    """Let the mail server refuse an address for good."""
    async with world.database.write() as store:
        await store.suppress(email, "550 no such mailbox")
    world.clock.advance(timedelta(seconds=1))


async def is_written_to(world: World, user_id: UUID) -> bool:
    """Tell whether a promotion would be sent to somebody now."""
    async with world.database.read() as store:
        return await store.willing_reader(user_id) is not None


@pytest.mark.parametrize("proves", [verifies, chooses_a_password])
async def test_an_address_whose_mail_was_read_again_gets_promotions_again(world: World, proves: Callable[[World], Awaitable[None]]) -> None:
    """Whoever opens the link of a mail has got it; other addresses stay as they are."""
    ada, bob = await world.ada(consents=True), await world.ada("bob@example.com", consents=True)
    await bounces(world, "ADA@example.com")
    await bounces(world, "bob@example.com")
    assert not await is_written_to(world, ada)
    await world.ada()
    await world.accounts.request_reset(ADA)
    assert not await is_written_to(world, ada)
    await proves(world)
    assert await is_written_to(world, ada)
    assert not await is_written_to(world, bob)


@pytest.mark.parametrize("proves", [verifies, chooses_a_password])
async def test_a_mail_from_before_the_bounce_proves_nothing(world: World, proves: Callable[[World], Awaitable[None]]) -> None:
    """The mailbox was there when it came."""
    ada = await world.ada(consents=True)
    await world.accounts.request_reset(ADA)
    world.clock.advance(timedelta(seconds=1))
    await bounces(world)
    await proves(world)
    assert not await is_written_to(world, ada)


async def test_a_link_that_was_not_mailed_proves_nothing(world: World) -> None:
    """Whoever makes somebody staff hands them their link; it says nothing about the mailbox."""
    ada = await world.ada(consents=True)
    await bounces(world)
    link = (await world.accounts.create_staff(ADA, None)).link
    assert link is not None
    assert await world.accounts.works(token_in(link), Purpose.RESET)
    await world.accounts.reset(token_in(link), PASSWORD)
    assert not await is_written_to(world, ada)


async def test_agreeing_again_proves_nothing(world: World) -> None:
    """It says what somebody wants, not that mail reaches them."""
    ada = await world.ada(consents=True)
    await bounces(world)
    for granted in (False, True):
        await world.profiles.consent_to_marketing(ada, granted)
    assert not await is_written_to(world, ada)
