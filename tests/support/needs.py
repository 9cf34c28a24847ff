"""What a test needs beyond Python: it is skipped with the reason on a laptop, and fails where SHOP_TEST_REQUIRE=all."""

import os

import pytest


def need(found: object, reason: str) -> None:
    """Go on when the thing was found; otherwise skip with the reason, or fail where everything is required."""
    if found:
        return
    if os.environ.get("SHOP_TEST_REQUIRE") == "all":
        pytest.fail(f"required here: {reason}")
    pytest.skip(reason)
