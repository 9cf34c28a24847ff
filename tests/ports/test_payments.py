"""What every payment provider promises: the fake, through JSON, and Stripe's own library over HTTP against the twin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.fakes.payments import FakePayments
from tests.ports.adapters import LOCAL, adapted
from tests.support.outside import Outside, outside

from shop.adapters import stripe
from shop.kit.money import Money
from shop.kit.problems import Problem, Unavailable
from shop.kit.transactions import TransactionOpen, open_transaction
from shop.ports.payments import Payment, PaymentFinal, PaymentNotFound, PaymentRefused, Payments

EUR_20 = Money(2000, "EUR")
NOWHERE = "http://127.0.0.1:9"


class FakeBank:
    """Plays the customer, his bank and the network before the fake."""

    def __init__(self, fake: FakePayments) -> None:
        """Play before this fake."""
        self.fake = fake

    async def pays(self, payment: Payment) -> None:
        """Let the customer pay."""
        assert payment.order_id
        self.fake.succeed(payment.order_id)

    async def processes(self, payment: Payment) -> None:
        """Let the customer pay by a method that takes days."""
        assert payment.order_id
        self.fake.processing(payment.order_id)

    async def bounces(self, payment: Payment) -> None:
        """Let that method fail in the end."""
        assert payment.order_id
        self.fake.decline(payment.order_id)

    async def loses(self, call: str) -> None:
        """Lose the answer of the next call, and of its retry."""
        self.fake.fail_next(Unavailable(), "after", call)

    async def breaks(self, order_id: Any, call: str) -> None:
        """Let the provider fail in the next call, keep that under its key, and make nothing."""
        spoil = {"create": lambda: self.fake.spoil(order_id, 1), "refund": lambda: self.fake.spoil_refund(order_id)}
        spoil[call]()

    async def slows_refunds(self) -> None:
        """Let refunds stay pending."""
        self.fake.refunds_stay_pending = True

    async def fails_refund(self, refund: Any) -> None:
        """Let a pending refund fail."""
        self.fake.settle_refund(refund.refund_id, "failed")


class TwinBank:
    """Plays the same before the Stripe twin."""

    def __init__(self, world: Outside) -> None:
        """Play in this world."""
        self.world = world

    async def pays(self, payment: Payment) -> None:
        """Let the customer pay."""
        assert (await self.world.pays(payment.client_secret)).status_code == 200

    async def processes(self, payment: Payment) -> None:
        """Let the customer pay by a method that takes days."""
        await self.world.breaks(settle_after=None)
        assert (await self.world.pays(payment.client_secret, "pm_sepaDebit")).json()["status"] == "processing"

    async def bounces(self, payment: Payment) -> None:
        """Let that method fail in the end."""
        await self.world.control("POST", f"/payment_intents/{payment.id}/settle", json={"outcome": "failed"})

    async def loses(self, call: str) -> None:
        """Lose the answer of the next call, and of its retry."""
        assert call
        await self.world.breaks(lose_answers=2)

    async def breaks(self, order_id: Any, call: str) -> None:
        """Let Stripe fail in the next call, keep that under its key, and make nothing."""
        assert order_id
        assert call
        await self.world.breaks(fail_requests=1, fail_status=500)

    async def slows_refunds(self) -> None:
        """Let refunds stay pending."""
        await self.world.breaks(refunds="pending")

    async def fails_refund(self, refund: Any) -> None:
        """Let a pending refund fail."""
        await self.world.control("POST", f"/refunds/{refund.id}/settle", json={"outcome": "failed"})


class Case:
    """A provider and who plays before it."""

    def __init__(self, payments: Payments, bank: FakeBank | TwinBank) -> None:
        """Hold both."""
        self.payments = payments
        self.bank = bank

    async def paid(self, amount: Money = EUR_20) -> Payment:
        """Give a payment of a new order that succeeded."""
        payment = await self.payments.create(order_id=uuid4(), attempt=1, amount=amount, number="A-1001")
        await self.bank.pays(payment)
        return payment


@pytest.fixture(params=[*LOCAL, "stripe"])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    """Give a provider of each kind in turn."""
    async with AsyncExitStack() as stack:
        if request.param == "stripe":
            world = await stack.enter_async_context(outside(tmp_path, NOWHERE))
            payments = stripe.adapter(world.stripe)
            stack.push_async_callback(payments.aclose)
            yield Case(payments, TwinBank(world))
            return
        fake = FakePayments()

        @asynccontextmanager
        async def scope() -> AsyncIterator[Payments]:
            yield fake

        async with adapted(request.param, Payments, fake, scope) as local:
            yield Case(local, FakeBank(fake))


async def test_an_attempt_of_an_order_is_one_payment_however_often_it_is_created(case: Case) -> None:
    """The same order and attempt give the same payment."""
    order = uuid4()
    made = [await case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001") for _ in range(3)]
    assert len({payment.id for payment in made}) == 1
    assert made[0] == made[2]
    assert made[0].status == "requires_payment_method"
    assert (made[0].amount, made[0].received, made[0].order_id, made[0].attempt) == (EUR_20, Money(0, "EUR"), order, 1)
    assert made[0].client_secret.startswith(made[0].id)
    assert await case.payments.of_order(order_id=order) == [made[0]]


async def test_fifty_creations_at_once_make_one_payment(case: Case) -> None:
    """Whoever comes while the first is under way gets the same payment, or is told to try again."""
    order = uuid4()
    calls = [case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001") for _ in range(50)]
    made = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in made} <= {Payment, Unavailable}
    assert len(await case.payments.of_order(order_id=order)) == 1


async def test_an_attempt_with_another_amount_is_refused(case: Case) -> None:
    """A key means one amount."""
    order = uuid4()
    await case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001")
    with pytest.raises(PaymentRefused) as refused:
        await case.payments.create(order_id=order, attempt=1, amount=Money(2001, "EUR"), number="A-1001")
    assert refused.value.extra == {"reason": "idempotency_error"}


async def test_an_amount_that_cannot_be_charged_is_refused(case: Case) -> None:
    """Nothing is charged for nothing."""
    with pytest.raises(PaymentRefused):
        await case.payments.create(order_id=uuid4(), attempt=1, amount=Money(0, "EUR"), number="A-1001")


async def test_a_payment_is_seen_as_it_is_now(case: Case) -> None:
    """After the customer paid, the payment has succeeded with the whole amount; the repeated creation still gives the same payment."""
    payment = await case.paid()
    assert payment.order_id
    now = await case.payments.payment(id=payment.id)
    assert (now.status, now.received) == ("succeeded", EUR_20)
    again = await case.payments.create(order_id=payment.order_id, attempt=1, amount=EUR_20, number="A-1001")
    assert again.id == payment.id


@pytest.mark.parametrize("id", ["pi_unknown", "../refunds", "a/b?c=d", "%2e%2e"])
async def test_an_unknown_payment_is_not_found(case: Case, id: str) -> None:
    """Neither to look at, nor to cancel, nor to refund."""
    with pytest.raises(PaymentNotFound):
        await case.payments.payment(id=id)
    with pytest.raises(PaymentNotFound):
        await case.payments.cancel(id=id)
    with pytest.raises(PaymentNotFound):
        await case.payments.refunds(payment_id=id)
    with pytest.raises(PaymentNotFound):
        await case.payments.refund(refund_id=uuid4(), payment_id=id, amount=EUR_20, reason="other")


async def test_every_attempt_of_an_order_is_found_by_the_order(case: Case) -> None:
    """Also where the id of the payment was never learned."""
    order, other = uuid4(), uuid4()
    first, second = [await case.payments.create(order_id=order, attempt=number, amount=EUR_20, number="A-1001") for number in (1, 2)]
    await case.payments.create(order_id=other, attempt=1, amount=EUR_20, number="A-1002")
    assert {payment.id for payment in await case.payments.of_order(order_id=order)} == {first.id, second.id}
    assert await case.payments.of_order(order_id=uuid4()) == []


async def test_cancelling_again_gives_the_cancelled_payment(case: Case) -> None:
    """A cancelled payment stays cancelled, and nobody can pay it."""
    payment = await case.payments.create(order_id=uuid4(), attempt=1, amount=EUR_20, number="A-1001")
    assert [(await case.payments.cancel(id=payment.id)).status for _ in range(2)] == ["canceled", "canceled"]
    assert (await case.payments.payment(id=payment.id)).status == "canceled"
    with pytest.raises(AssertionError):
        await case.bank.pays(payment)


async def test_money_that_came_cannot_be_cancelled_away(case: Case) -> None:
    """A payment that succeeded is final."""
    payment = await case.paid()
    with pytest.raises(PaymentFinal) as final:
        await case.payments.cancel(id=payment.id)
    assert final.value.extra == {"payment_status": "succeeded"}


async def test_a_payment_under_way_is_cancelled_once_it_bounced(case: Case) -> None:
    """While it is processing it is final; the refusal is not remembered when the bank has refused."""
    payment = await case.payments.create(order_id=uuid4(), attempt=1, amount=EUR_20, number="A-1001")
    await case.bank.processes(payment)
    with pytest.raises(PaymentFinal) as final:
        await case.payments.cancel(id=payment.id)
    assert final.value.extra == {"payment_status": "processing"}
    await case.bank.bounces(payment)
    assert (await case.payments.cancel(id=payment.id)).status == "canceled"


async def test_a_refund_row_gives_money_back_once(case: Case) -> None:
    """The same row gives the same refund, another row another one, and all of them are listed."""
    payment, row, other = await case.paid(), uuid4(), uuid4()
    assert await case.payments.refunds(payment_id=payment.id) == []
    first, again = [
        await case.payments.refund(refund_id=row, payment_id=payment.id, amount=Money(500, "EUR"), reason="requested_by_customer") for _ in range(2)
    ]
    assert first == again
    assert (first.status, first.amount, first.payment_id, first.refund_id) == ("succeeded", Money(500, "EUR"), payment.id, row)
    second = await case.payments.refund(refund_id=other, payment_id=payment.id, amount=Money(1500, "EUR"), reason="other")
    assert {refund.id for refund in await case.payments.refunds(payment_id=payment.id)} == {first.id, second.id}


async def test_no_more_is_given_back_than_came(case: Case) -> None:
    """Twenty euros less fifteen leave five."""
    payment = await case.paid()
    await case.payments.refund(refund_id=uuid4(), payment_id=payment.id, amount=Money(1500, "EUR"), reason="duplicate")
    with pytest.raises(PaymentRefused):
        await case.payments.refund(refund_id=uuid4(), payment_id=payment.id, amount=Money(501, "EUR"), reason="duplicate")
    await case.payments.refund(refund_id=uuid4(), payment_id=payment.id, amount=Money(500, "EUR"), reason="duplicate")
    with pytest.raises(PaymentRefused) as refused:
        await case.payments.refund(refund_id=uuid4(), payment_id=payment.id, amount=Money(1, "EUR"), reason="duplicate")
    assert refused.value.extra == {"reason": "charge_already_refunded"}


async def test_what_nobody_paid_is_not_given_back(case: Case) -> None:
    """An open payment has nothing to refund."""
    payment = await case.payments.create(order_id=uuid4(), attempt=1, amount=EUR_20, number="A-1001")
    with pytest.raises(PaymentRefused):
        await case.payments.refund(refund_id=uuid4(), payment_id=payment.id, amount=EUR_20, reason="other")


async def test_a_refund_that_fails_later_frees_its_money(case: Case) -> None:
    """A pending refund counts until the bank has refused it."""
    payment, row = await case.paid(), uuid4()
    await case.bank.slows_refunds()
    refund = await case.payments.refund(refund_id=row, payment_id=payment.id, amount=EUR_20, reason="other")
    assert refund.status == "pending"
    await case.bank.fails_refund(refund)
    assert [(found.refund_id, found.status) for found in await case.payments.refunds(payment_id=payment.id)] == [(row, "failed")]
    await case.payments.refund(refund_id=uuid4(), payment_id=payment.id, amount=EUR_20, reason="other")


async def test_a_lost_answer_leaves_one_payment(case: Case) -> None:
    """The outcome is unknown; the repetition tells it."""
    order = uuid4()
    await case.bank.loses("create")
    with pytest.raises(Unavailable):
        await case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001")
    made = await case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001")
    assert await case.payments.of_order(order_id=order) == [made]


async def test_a_lost_answer_leaves_one_refund(case: Case) -> None:
    """The outcome is unknown; the repetition tells it."""
    payment, row = await case.paid(), uuid4()
    await case.bank.loses("refund")
    with pytest.raises(Unavailable):
        await case.payments.refund(refund_id=row, payment_id=payment.id, amount=EUR_20, reason="other")
    made = await case.payments.refund(refund_id=row, payment_id=payment.id, amount=EUR_20, reason="other")
    assert await case.payments.refunds(payment_id=payment.id) == [made]


async def test_a_lost_answer_of_a_cancellation_is_no_failure(case: Case) -> None:
    """The repetition finds it cancelled."""
    payment = await case.payments.create(order_id=uuid4(), attempt=1, amount=EUR_20, number="A-1001")
    await case.bank.loses("cancel")
    with suppress(Unavailable):
        await case.payments.cancel(id=payment.id)
    assert (await case.payments.cancel(id=payment.id)).status == "canceled"


async def test_a_failure_kept_under_a_key_ends_in_a_refusal(case: Case) -> None:
    """Such a key never answers anything else; where nothing was made, that is said, instead of asking for ever."""
    order = uuid4()
    await case.bank.breaks(order, "create")
    with suppress(Problem):
        await case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001")
    with pytest.raises(PaymentRefused) as refused:
        await case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001")
    assert refused.value.extra == {"reason": "nothing_created"}
    assert await case.payments.of_order(order_id=order) == []


async def test_a_failure_kept_under_a_refund_ends_in_a_refusal(case: Case) -> None:
    """As for payments."""
    payment, row = await case.paid(), uuid4()
    await case.bank.breaks(row, "refund")
    with suppress(Problem):
        await case.payments.refund(refund_id=row, payment_id=payment.id, amount=EUR_20, reason="other")
    with pytest.raises(PaymentRefused) as refused:
        await case.payments.refund(refund_id=row, payment_id=payment.id, amount=EUR_20, reason="other")
    assert refused.value.extra == {"reason": "nothing_created"}


async def test_the_sweep_meets_every_payment_once(case: Case) -> None:
    """Pages follow each other without a gap, newest first."""
    orders = [uuid4() for _ in range(103)]
    made = [await case.payments.create(order_id=order, attempt=1, amount=EUR_20, number="A-1001") for order in orders]
    first = await case.payments.since(seconds=600)
    second = await case.payments.since(seconds=600, cursor=first.next_cursor)
    assert (len(first.items), len(second.items), second.next_cursor) == (100, 3, None)
    assert [payment.id for payment in first.items + second.items] == [payment.id for payment in reversed(made)]


async def test_a_healthy_provider_has_nothing_wrong(case: Case) -> None:
    """The doctor has nothing to say."""
    assert await case.payments.check() == []


async def test_no_payment_is_asked_for_inside_a_transaction(case: Case) -> None:
    """A transaction never waits for the provider."""
    token = open_transaction.set("sales")
    try:
        with pytest.raises(TransactionOpen):
            await case.payments.create(order_id=uuid4(), attempt=1, amount=EUR_20, number="A-1001")
        with pytest.raises(TransactionOpen):
            await case.payments.payment(id="pi_1")
    finally:
        open_transaction.reset(token)
