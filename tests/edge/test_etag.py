"""Entity tags and conditions."""

import pytest

from shop.kit.http.etag import etag_of, not_modified, require_match
from shop.kit.problems import PreconditionFailed


def test_a_tag_depends_on_every_part_and_on_their_borders() -> None:
    """Strong, quoted, the same for the same parts."""
    assert etag_of("a", 1) == etag_of("a", 1)
    assert len({etag_of("a", 1), etag_of("a", 2), etag_of("a1"), etag_of("a", "1", "")}) == 4
    assert etag_of("ü")[0] == etag_of("ü")[-1] == '"'


@pytest.mark.parametrize("sent", ['"1"', '"0", "1"', 'W/"1"', "*", ' "1" '])
def test_a_good_copy_is_not_sent_again(sent: str) -> None:
    """If-None-Match compares weakly."""
    assert not_modified(sent, '"1"')


@pytest.mark.parametrize("sent", [None, "", '"2"', "1", 'w/"1"', '"1'])
def test_an_old_copy_is_replaced(sent: str | None) -> None:
    """Anything else means the whole answer."""
    assert not not_modified(sent, '"1"')


@pytest.mark.parametrize("sent", [None, '"1"', '"0", "1"', "*"])
def test_a_write_that_names_the_present_version_passes(sent: str | None) -> None:
    """Or one that names none."""
    require_match(sent, '"1"')


@pytest.mark.parametrize("sent", ["", '"2"', 'W/"1"', "1"])
def test_a_write_that_names_another_version_fails(sent: str) -> None:
    """If-Match compares strongly."""
    with pytest.raises(PreconditionFailed):
        require_match(sent, '"1"')
