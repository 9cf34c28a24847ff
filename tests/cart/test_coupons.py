"""What a coupon takes off which lines, and when it takes nothing off."""

from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from shop.kit.money import Money
from shop.kit.problems import Invalid
from shop.modules.cart.coupon_commands import CouponChanges
from shop.modules.cart.coupons import Coupon, CouponReason, Effect, Goods, Standing, normal_code

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TENTH = Coupon("TENTH", 10, None, None, None, None, None, None, [], [], 0, NOW)
MUG, LID, TEA = Goods("mug", 1250, ["cups", "kitchen"]), Goods("lid", 300, ["kitchen"]), Goods("tea", 450, ["food"])
ALL = [MUG, LID, TEA]

amounts = st.integers(0, 99_999_999)
skus = st.lists(st.sampled_from(["cup", "lid", "mug", "pot", "tea"]), unique=True)
slugs = st.lists(st.sampled_from(["cups", "food", "kitchen"]), unique=True)
goods = skus.flatmap(lambda names: st.tuples(*(st.builds(Goods, st.just(name), amounts, slugs) for name in names)))


def euros(amount: int) -> Money:
    """Give an amount of the shop's currency."""
    return Money(amount, "EUR")


def effect(coupon: Coupon | None, lines: list[Goods], *, used: int = 0, now: datetime = NOW) -> Effect:
    """Say what a coupon does to these lines."""
    return Standing("TENTH", coupon, used, now).effect(lines, "EUR")


def test_a_percentage_is_taken_off_every_line_and_rounded_once() -> None:
    """A tenth of 20.00 is 2.00, split by what each line comes to; of 0.05 it is 0.01, half up."""
    assert effect(TENTH, ALL) == Effect("TENTH", {"lid": 30, "mug": 125, "tea": 45})
    assert effect(TENTH, [Goods("a", 3, []), Goods("b", 2, [])]).off == {"a": 1, "b": 0}
    assert effect(TENTH, [Goods("a", 4, [])]).discount == 0


def test_an_amount_is_never_more_than_the_lines_come_to() -> None:
    """Five euros off a lid of three are three."""
    fiver = replace(TENTH, percent=None, amount=euros(500))
    assert effect(fiver, ALL).discount == 500
    assert effect(fiver, [LID]).off == {"lid": 300}


@given(goods, st.integers(1, 100) | amounts.filter(bool).map(euros), skus, slugs)
def test_what_is_taken_off_adds_up_and_no_line_falls_below_nothing(
    lines: tuple[Goods, ...], off: int | Money, only: list[str], within: list[str]
) -> None:
    """Only eligible lines carry a part, and together they carry exactly the discount."""
    percent, amount = (off, None) if isinstance(off, int) else (None, off)
    coupon = replace(TENTH, percent=percent, amount=amount, skus=only, categories=within)
    taken = coupon.off(lines)
    eligible = {line.sku: line.total for line in lines if not (only or within) or line.sku in only or set(within) & set(line.categories)}
    whole = sum(eligible.values())
    assert set(taken) == set(eligible)
    assert all(0 <= taken[sku] <= total for sku, total in eligible.items())
    assert sum(taken.values()) == (min(amount.amount, whole) if amount else (whole * (percent or 0) + 50) // 100)


def test_a_scope_names_skus_or_categories_up_to_the_root() -> None:
    """A line is eligible by either; the others are left alone."""
    assert effect(replace(TENTH, skus=["tea"]), ALL).off == {"tea": 45}
    assert effect(replace(TENTH, categories=["kitchen"]), ALL).off == {"lid": 30, "mug": 125}
    assert effect(replace(TENTH, skus=["tea"], categories=["cups"]), ALL).off == {"mug": 125, "tea": 45}
    assert effect(replace(TENTH, skus=["MUG"], categories=["cup"]), ALL) == Effect("TENTH", reason=CouponReason.SCOPE)
    assert effect(replace(TENTH, skus=["tea"]), []).reason == CouponReason.SCOPE
    assert effect(TENTH, []) == Effect("TENTH")


def test_the_minimum_is_that_of_the_whole_cart() -> None:
    """Reached exactly it is reached, also by lines that the coupon is not for."""
    assert effect(replace(TENTH, min_subtotal=euros(2000), skus=["tea"]), ALL).off == {"tea": 45}
    assert effect(replace(TENTH, min_subtotal=euros(2001)), ALL) == Effect("TENTH", reason=CouponReason.MINIMUM)


def test_amounts_of_another_currency_are_for_no_cart_here() -> None:
    """The shop once sold in dollars; a percentage is the same in both."""
    dollars = Money(100, "USD")
    assert effect(replace(TENTH, min_subtotal=dollars), ALL).reason == CouponReason.SCOPE
    assert effect(replace(TENTH, percent=None, amount=dollars), ALL).reason == CouponReason.SCOPE


def test_terms_of_another_currency_can_be_ended_but_not_made() -> None:
    """What was made when the shop sold in dollars stays as it was."""
    old = replace(TENTH, min_subtotal=Money(100, "USD"))
    assert CouponChanges(ends_at=NOW).changed(old, "EUR") == replace(old, ends_at=NOW)
    with pytest.raises(Invalid):
        CouponChanges(min_subtotal=Money(200, "USD")).changed(old, "EUR")


CLOSED = [
    (None, {}, CouponReason.UNKNOWN),
    ({"starts_at": NOW + SECOND}, {}, CouponReason.NOT_STARTED),
    ({"starts_at": NOW}, {}, None),
    ({"ends_at": NOW}, {}, CouponReason.EXPIRED),
    ({"ends_at": NOW + SECOND}, {}, None),
    ({"max_redemptions": 3, "redeemed": 2}, {}, None),
    ({"max_redemptions": 3, "redeemed": 3}, {}, CouponReason.EXHAUSTED),
    ({"max_redemptions": 3, "redeemed": 4}, {}, CouponReason.EXHAUSTED),
    ({"max_per_customer": 2, "redeemed": 9}, {"used": 1}, None),
    ({"max_per_customer": 2, "redeemed": 9}, {"used": 2}, CouponReason.EXHAUSTED),
    ({"ends_at": NOW, "max_redemptions": 1, "redeemed": 1}, {}, CouponReason.EXPIRED),
    ({"max_redemptions": 1, "redeemed": 1, "min_subtotal": euros(9999)}, {}, CouponReason.EXHAUSTED),
]


@pytest.mark.parametrize(("terms", "standing", "reason"), CLOSED, ids=lambda value: str(value)[:40])
def test_a_coupon_says_why_it_does_not_apply(terms: dict[str, Any] | None, standing: dict[str, Any], reason: CouponReason | None) -> None:
    """From its first moment until before its last, as long as there are some left; what nobody can change is said first."""
    found = effect(None if terms is None else replace(TENTH, **terms), ALL, **standing)
    assert found.reason == reason
    assert (found.discount > 0) == (reason is None)


def test_codes_ignore_case_and_nothing_else() -> None:
    """What cannot be a code is none, even if it looks like one in upper case."""
    assert normal_code("sUmmer_26-a") == "SUMMER_26-A"
    assert [normal_code(text) for text in ("", " summer", "summer\n", "sum mer", "ſummer", "-x", "x" * 65, "x\0")] == [None] * 8
