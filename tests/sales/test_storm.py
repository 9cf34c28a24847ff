"""The invariants hold under every fault that hypothesis thinks of."""

import asyncio
import os

from hypothesis import HealthCheck, given, settings
from tests.sales.storm import Plan, plans, weather

STORMS = int(os.environ.get("SHOP_STORMS", "20"))
AT_SEA = settings(
    max_examples=STORMS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], print_blob=True
)


@AT_SEA
@given(plan=plans())
def test_no_storm_breaks_an_invariant(database_url: str, plan: Plan) -> None:
    """Whatever gets lost, dies or comes twice: nobody is charged for nothing, nothing is sold twice, and everything ends."""
    asyncio.run(weather(database_url, plan))
