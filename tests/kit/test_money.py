"""Money is exact: nothing is lost or made by rounding and splitting."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shop.kit.money import included_tax, percentage, split

AMOUNTS = st.integers(0, 99_999_999)
WEIGHTS = st.lists(AMOUNTS, min_size=1, max_size=100)


@given(AMOUNTS, WEIGHTS)
def test_the_parts_of_a_split_add_up(amount: int, weights: list[int]) -> None:
    """A discount split over lines is the whole discount, unless there is nothing to carry it."""
    assert sum(split(amount, weights)) == (amount if sum(weights) else 0)


@given(WEIGHTS, st.data())
def test_no_part_of_a_split_exceeds_its_weight(weights: list[int], data: st.DataObject) -> None:
    """A discount that is no larger than the lines leaves no line below zero."""
    amount = data.draw(st.integers(0, sum(weights)))
    assert all(0 <= part <= weight for part, weight in zip(split(amount, weights), weights, strict=True))


@given(AMOUNTS, WEIGHTS)
def test_a_split_is_off_by_less_than_one_unit(amount: int, weights: list[int]) -> None:
    """Each part is the exact share, rounded down or up."""
    total = sum(weights)
    parts = split(amount, weights)
    assert all(abs(part * total - amount * weight) < max(total, 1) for part, weight in zip(parts, weights, strict=True))


def test_the_largest_remainder_gets_the_odd_cent() -> None:
    """Ten cents over 1, 1 and 1: the first line carries the odd one; over 5, 3 and 2 it is exact."""
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert split(10, [5, 3, 2]) == [5, 3, 2]
    assert split(100, [333, 333, 334]) == [33, 33, 34]


def test_halves_are_rounded_up() -> None:
    """Half a cent is a cent, not the nearest even one."""
    assert [percentage(amount, 50) for amount in (1, 3, 5)] == [1, 2, 3]


@given(AMOUNTS, st.decimals("0", "1", places=4))
def test_included_tax_is_less_than_the_gross_amount(gross: int, rate: Decimal) -> None:
    """Net and tax add up to the gross amount, and the tax fits the rate to half a unit."""
    tax = included_tax(gross, rate)
    assert 0 <= tax <= gross
    assert abs(tax * (1 + rate) - gross * rate) <= (1 + rate) / 2


def test_included_tax_of_a_known_price() -> None:
    """121.00 at 21 % contains 21.00."""
    assert included_tax(12100, Decimal("0.21")) == 2100
