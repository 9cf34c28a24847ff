"""What must hold below HTTP: an effect happens once, and the books say who did what when."""

import sqlalchemy as sa
from tests.promotions.office import MINUTE, Office

from shop.kit.idempotency import IdempotencyKeys, Once
from shop.modules.users import tables
from shop.modules.users.promotion import NewPromotion, Progress


async def test_a_repeated_request_whose_answer_was_lost_writes_no_second_promotion(office: Office) -> None:
    """The first one is found again by its key."""
    keys = IdempotencyKeys(office.database, tables.idempotency_keys)
    first = await keys.begin("POST /api/v1/promotions", "k", "x")
    assert isinstance(first, Once)
    (made, _), (again, _) = [await office.promotions.create(NewPromotion("Mugs", "Now."), first) for _ in range(2)]
    assert made == again
    assert len(await office.rows(sa.select(tables.promotions))) == 1


async def test_unsubscribing_leaves_one_row_with_its_source_and_time(office: Office) -> None:
    """Again and again changes nothing; who is erased can still click; a new yes can be taken back again."""
    ana = await office.reader()
    token = (await office.links.unsubscribe(ana)).rpartition("/")[2]
    for _ in range(3):
        await office.unsubscribing.unsubscribe(token)
    consents = sa.select(tables.consents).order_by(tables.consents.c.number)
    rows = await office.rows(consents)
    assert [(row.granted, row.source, row.purpose) for row in rows] == [(True, "registration", "marketing"), (False, "unsubscribe", "marketing")]
    assert rows[0].at <= rows[1].at
    await office.says(ana, True)
    await office.unsubscribing.unsubscribe(token)
    assert [row.granted for row in await office.rows(consents)] == [True, False, True, False]
    async with office.database.write() as store:
        await store.change(tables.users.delete().where(tables.users.c.id == ana))
    await office.unsubscribing.unsubscribe(token)


async def test_an_address_that_is_gone_stays_gone_for_a_new_account(office: Office) -> None:
    """However it is written; transactional mail is another matter."""
    async with office.database.write() as store:
        await store.suppress("Gone@Example.com", "550 no such mailbox")
    await office.reader("gone@example.COM")
    id = await office.sending()
    await office.work()
    assert await office.progress(id) == Progress(1, 0, 0, 1)


async def test_the_counts_of_a_promotion_outlive_its_rows(office: Office) -> None:
    """A month after its last mail the rows of its recipients are forgotten, and it is never sent again."""
    await office.readers(2)
    id = await office.sending()
    await office.work()
    for days in (29, 1):
        office.clock.advance(days * 24 * 60 * MINUTE)
        async with office.database.write() as store:
            await store.purge(await store.now())
        assert len(await office.rows(sa.select(tables.promotion_mails))) == (2 if days == 29 else 0)
    assert await office.progress(id) == Progress(2, 2)
    await office.promotions.send(id)
    await office.work()
    assert len(office.written_to) == 2
