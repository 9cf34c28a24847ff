"""What an operator sees of those who asked to be forgotten."""

from datetime import timedelta

from tests.users.site import open_site

from shop.kit.clock import Clock
from shop.kit.problems import Unavailable
from shop.modules.users.personal import TOKENS_ARE_OVER


async def test_who_is_not_forgotten_yet_is_counted(database_url: str, clock: Clock) -> None:
    """From the request until nothing is left anywhere; the age is that of the oldest request."""
    async with open_site(database_url, clock) as site:

        async def told() -> list[str]:
            text = (await site.client.get("/actuator/prometheus")).text
            return [line for line in text.splitlines() if line.startswith("shop_erasures")]

        assert await told() == ["shop_erasures 0", "shop_erasures_oldest_seconds 0"]
        for email in ("ada@example.com", "ben@example.com"):
            site.history.fail_next(Unavailable())
            assert (await site.client.delete("/api/v1/users/me", headers=await site.as_ada(email))).status_code == 204
            clock.advance(timedelta(hours=1))
        number, age = await told()
        assert number == "shop_erasures 2"
        assert 7200 <= float(age.rpartition(" ")[2]) < 7300
        for _ in range(2):
            clock.advance(TOKENS_ARE_OVER)
            await site.app.state.jobs.now("users: erase")
        assert await told() == ["shop_erasures 0", "shop_erasures_oldest_seconds 0"]


async def test_a_scrape_does_without_a_database_that_does_not_answer(clock: Clock) -> None:
    """Whoever looks for what is wrong still sees requests and circuits, and that nothing should be sent here."""
    async with open_site("postgresql://shop:secret@127.0.0.1:1/none", clock) as site:
        answer = await site.client.get("/actuator/prometheus")
    assert answer.status_code == 200
    assert {"shop_ready 0", "shop_requests_under_way 1"} <= set(answer.text.splitlines())
    assert "shop_outbox" not in answer.text
