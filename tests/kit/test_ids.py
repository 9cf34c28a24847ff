"""Identifiers sort by time, capabilities cannot be guessed or swapped."""

from uuid import UUID

from shop.kit.ids import capability_token, derived_id, is_capability, uuid7


def test_ids_are_uuid7_and_sort_by_time() -> None:
    """Ids made later sort later, to the millisecond."""
    made = [uuid7() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in made)
    moments = [one.int >> 80 for one in made]
    assert moments == sorted(moments)


def test_a_derived_id_names_the_same_thing_again() -> None:
    """The same parts give the same id, other parts or another cut of them another one."""
    assert derived_id("restock", 1) == derived_id("restock", 1)
    assert len({derived_id("a", "bc"), derived_id("ab", "c"), derived_id("abc")}) == 3
    assert derived_id("x").version == 8


def test_a_capability_fits_its_subject_only() -> None:
    """A cart's token opens that cart; not another one, not an order, not under another key."""
    key, cart, other = b"k" * 32, UUID(int=1), UUID(int=2)
    token = capability_token(key, "cart", cart)
    assert is_capability(key, "cart", cart, token)
    assert not is_capability(key, "cart", other, token)
    assert not is_capability(key, "order", cart, token)
    assert not is_capability(b"j" * 32, "cart", cart, token)
    assert not any(is_capability(key, "cart", cart, wrong) for wrong in (None, "", "é", "\ud800", token[:-1]))
