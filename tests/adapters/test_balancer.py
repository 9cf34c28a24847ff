"""Which instance gets the next call."""

from collections import Counter

import pytest

from shop.adapters.balancer import QUARANTINE, Balancer, Instance
from shop.kit.problems import Unavailable

NEAR = [Instance("http://a", "north"), Instance("http://b", "north")]
FAR = Instance("http://c", "south")


def chosen(balancer: Balancer, times: int = 12) -> Counter[str]:
    """Choose so many times."""
    return Counter(balancer.choose().url for _ in range(times))


def test_all_take_turns() -> None:
    """Fairly, and callers do not all begin with the same one."""
    instances = [Instance(f"http://{name}") for name in "abc"]
    assert chosen(Balancer("products", lambda: instances)) == {"http://a": 4, "http://b": 4, "http://c": 4}
    assert len({Balancer("products", lambda: instances).choose().url for _ in range(60)}) == 3


def test_the_own_zone_comes_first() -> None:
    """Another zone's only when none of the own one is left."""
    now = [0.0]
    balancer = Balancer("products", lambda: [*NEAR, FAR], "north", lambda: now[0])
    assert chosen(balancer) == {"http://a": 6, "http://b": 6}
    for instance in NEAR:
        balancer.rest(instance)
    assert chosen(balancer) == {"http://c": 12}
    now[0] = QUARANTINE
    assert chosen(balancer) == {"http://a": 6, "http://b": 6}


def test_when_all_rest_one_is_tried_all_the_same() -> None:
    """Better than not to try."""
    balancer = Balancer("products", lambda: NEAR, "north")
    for instance in NEAR:
        balancer.rest(instance)
    assert set(chosen(balancer)) == {"http://a", "http://b"}


def test_what_was_tried_is_not_chosen_again_unless_it_is_alone() -> None:
    """A second try wants another instance, of another zone if need be."""
    assert {Balancer("products", lambda: NEAR, "north").choose([NEAR[0]]).url for _ in range(20)} == {"http://b"}
    assert Balancer("products", lambda: [NEAR[0], FAR], "north").choose([NEAR[0]]) == FAR
    assert Balancer("products", lambda: [FAR]).choose([FAR]) == FAR


def test_nobody_is_unavailable() -> None:
    """With a hint when to come back."""
    with pytest.raises(Unavailable) as caught:
        Balancer("products", list).choose()
    assert caught.value.retry_after
