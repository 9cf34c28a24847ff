"""Rate limits of expensive anonymous writes: a token bucket per route and client, in this process's memory.

A library would bring stores and strategies that nobody needs here: login throttling, which must be exact, is counted by users in its database.
"""

from collections import OrderedDict
from collections.abc import Callable

from shop.kit.problems import TooManyRequests

MOST_BUCKETS = 20_000


class Limiter:
    """Gives every client of a route `count` requests per `seconds`, in a burst or spread; the longest unused bucket is forgotten first."""

    def __init__(self, now: Callable[[], float], most: int = MOST_BUCKETS) -> None:
        """`now` gives seconds that never go back; at most so many buckets are kept."""
        self._now = now
        self._most = most
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, route: str, client: str, count: int, seconds: float) -> None:
        """Let a request pass; raises TooManyRequests with the time until the next one may."""
        now = self._now()
        left, at = self._buckets.pop((route, client), (float(count), now))
        left = min(float(count), left + (now - at) * count / seconds)
        passes = left >= 1.0
        self._buckets[route, client] = (left - 1.0 if passes else left, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        if not passes:
            raise TooManyRequests(retry_after=(1.0 - left) * seconds / count)
