"""Texts are compared without case, accents and what cannot be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.kit.problems import Invalid
from shop.modules.products.domain import check_slug, line_title
from shop.modules.products.text import fold, like, search_terms, slug_of


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café", "cafe"),
        ("CAFE\u0301", "cafe"),
        ("Straße", "strasse"),
        ("Łódź Smørrebrød Œuvre", "lodz smorrebrod oeuvre"),
        ("ﬁne  \t print\n", "fine print"),
        ("zero\u200bwidth\u00adhyphen", "zerowidthhyphen"),
        ("a\x00b", "a b"),
        ("Ελλάδα", "ελλαδα"),
        ("日本", "日本"),
        ("\ud800lone", "lone"),
    ],
)
def test_folding_leaves_what_people_mean(text: str, folded: str) -> None:
    """Case, accents, ligatures and invisible characters do not matter."""
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    """A folded text can be stored and searched by PostgreSQL and SQLite, and is folded for good."""
    once = fold(text)
    assert fold(once) == once
    once.encode()
    assert "\x00" not in once


def test_a_search_is_its_words() -> None:
    """Every word counts once; nothing but blanks and accents is no search."""
    assert search_terms("  Blue  MUG blue ") == ("blue", "mug")
    assert search_terms("\u0301 \u200b") == search_terms(None) == ()


def test_wildcards_are_letters() -> None:
    """Nothing that people type is a wildcard of LIKE."""
    assert like(r"50%_\x") == r"50\%\_\\x"


@pytest.mark.parametrize(("title", "slug"), [("Café Mug, 2!", "cafe-mug-2"), ("日本", "product"), ("--", "product"), ("x" * 300, "x" * 80)])
def test_a_slug_is_derived_from_a_title(title: str, slug: str) -> None:
    """Letters and digits, parted by hyphens, of bounded length."""
    assert slug_of(title) == slug


def test_a_slug_cannot_be_taken_for_an_id() -> None:
    """A product is found by id or slug, and must not hide another one."""
    with pytest.raises(Invalid):
        check_slug("0192f0c1-d2e3-7000-8000-000000000001")


@pytest.mark.parametrize(("variant", "title"), [(None, "Mug"), ("Blue", "Mug – Blue"), ("Mug, blue", "Mug, blue"), ("mug", "mug")])
def test_a_line_says_which_product_and_which_variant(variant: str | None, title: str) -> None:
    """A cart shows a variant without its product."""
    assert line_title("Mug", variant) == title
