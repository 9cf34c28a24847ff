"""What an order costs, to the last cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sales.world import COMMERCE

from shop.kit.ids import uuid7
from shop.kit.money import Money
from shop.kit.problems import Invalid
from shop.modules.sales.domain import Terms
from shop.modules.sales.pricing import charge, check, shipping_method, shipping_price
from shop.modules.sales.problems import PriceChanged, TotalTooLarge
from shop.modules.sales.states import Facts, State, Status, status_of
from shop.ports.cart import Quote, QuoteLine


def terms(price: int = 495, free_from: int | None = 5000, rate: str = "0.21") -> Terms:
    """Give the terms of an order."""
    return Terms("standard", {}, price, free_from, Decimal(rate), Money(0, "EUR"))


def quote(*lines: tuple[int, int], discount: int = 0, per_line: bool = False) -> Quote:
    """Give a quote of lines of (price, quantity)."""
    share = discount // len(lines) if per_line else 0
    made = [
        QuoteLine(f"sku{number}", "Thing", quantity, Money(price, "EUR"), Money(price * quantity, "EUR"), Money(share, "EUR"))
        for number, (price, quantity) in enumerate(lines)
    ]
    return Quote(uuid7(), None, made, Money(sum(price * quantity for price, quantity in lines), "EUR"), Money(discount, "EUR"))


def test_tax_is_contained_and_rounded_once_per_line() -> None:
    """Three lines of 0.99 contain 0.17 each; shipping has its own part."""
    charged = charge(quote((99, 1), (99, 1), (99, 1)), terms())
    assert ([line.tax for line in charged.lines], charged.shipping, charged.tax, charged.total) == ([17, 17, 17], 495, 3 * 17 + 86, 792)


def test_shipping_is_free_from_what_the_goods_cost_after_the_discount() -> None:
    """5000 less one cent of discount is not enough."""
    assert shipping_price(5000, terms()) == 0
    assert charge(quote((5000, 1), discount=1), terms()).shipping == 495


lines = st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 999)), min_size=1, max_size=8)


@given(lines=lines, percent=st.integers(0, 100), price=st.integers(0, 2000), rate=st.sampled_from(["0", "0.04", "0.1", "0.19", "0.21", "0.255"]))
def test_the_parts_always_add_up(lines: list[tuple[int, int]], percent: int, price: int, rate: str) -> None:
    """`subtotal - discount + shipping = total`; the discount is split to the last cent, and no part is negative or larger than its whole."""
    discount = sum(price * quantity for price, quantity in lines) * percent // 100
    charged = charge(quote(*lines, discount=discount), terms(price, None, rate))
    assert charged.subtotal - charged.discount + charged.shipping == charged.total
    assert sum(line.discount for line in charged.lines) == charged.discount == discount
    assert all(0 <= line.discount <= line.line_total and 0 <= line.tax <= line.line_total - line.discount for line in charged.lines)
    exact = Decimal(charged.total) * Decimal(rate) / (1 + Decimal(rate))
    assert abs(charged.tax - exact) <= Decimal(len(lines) + 1) / 2


def test_what_cannot_be_charged_is_refused() -> None:
    """More than Stripe takes, or another total than expected."""
    with pytest.raises(TotalTooLarge):
        check(charge(quote((60_000_000, 2)), terms()), Money(120_000_000, "EUR"))
    with pytest.raises(PriceChanged):
        check(charge(quote((100, 1)), terms(0)), Money(101, "EUR"))


def test_a_method_is_found_for_its_countries_only() -> None:
    """Unknown, or not for that country: the field is named."""
    assert shipping_method("local", "PT", COMMERCE).price == 0
    for code, country in (("local", "ES"), ("drone", "PT")):
        with pytest.raises(Invalid) as told:
            shipping_method(code, country, COMMERCE)
        assert told.value.errors[0].field == "shipping_method"


@pytest.mark.parametrize(
    "facts, status",
    [
        (Facts(State.NEW, 0, 0, False, False), Status.PENDING),
        (Facts(State.PAYING, 0, 0, False, False), Status.AWAITING_PAYMENT),
        (Facts(State.PAID, 10, 0, False, False), Status.PENDING),
        (Facts(State.CONFIRMED, 10, 0, False, False), Status.CONFIRMED),
        (Facts(State.CONFIRMED, 10, 0, False, True), Status.SHIPPED),
        (Facts(State.CONFIRMED, 10, 4, False, True), Status.PARTIALLY_REFUNDED),
        (Facts(State.CONFIRMED, 10, 10, False, True), Status.REFUNDED),
        (Facts(State.CONFIRMED, 0, 0, True, False), Status.REFUNDED),
        (Facts(State.CANCELLING, 0, 0, False, False), Status.CANCELLING),
        (Facts(State.RELEASING, 0, 0, False, False), Status.CANCELLING),
        (Facts(State.CANCELLED, 0, 0, False, False), Status.CANCELLED),
        (Facts(State.REFUNDED, 10, 10, False, False), Status.REFUNDED),
        (Facts(State.REVIEW, 10, 4, False, False), Status.UNDER_REVIEW),
    ],
)
def test_the_status_is_computed_from_the_facts(facts: Facts, status: Status) -> None:
    """Refunded outranks shipped, which outranks confirmed."""
    assert status_of(facts) is status
