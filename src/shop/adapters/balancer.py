"""Which instance of a module gets the next call."""

import itertools
import random
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from shop.adapters.breaker import NotTried

QUARANTINE = 5.0


class Instance(Struct, frozen=True):
    """A running process that offers a module; `url` has no path."""

    url: str
    zone: str = ""


class Balancer:
    """Takes the instances in turn, those of the own zone first; one that could not be connected to rests for some seconds."""

    def __init__(self, module: str, instances: Callable[[], Sequence[Instance]], zone: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """`instances` gives those that are up at this moment."""
        self.module = module
        self._instances = instances
        self._zone = zone
        self._clock = clock
        self._turn = itertools.count(random.randrange(1 << 16))  # noqa: S311  no secret
        self._resting: dict[str, float] = {}

    def choose(self, tried: Sequence[Instance] = ()) -> Instance:
        """Give the next instance, one that was not tried where there is one; raises NotTried when there is none at all."""
        known = self._instances()
        if not known:
            raise NotTried(f"no instance of {self.module} is known", retry_after=2.0)
        now = self._clock()
        awake = [instance for instance in known if self._resting.get(instance.url, 0.0) <= now]
        near = [instance for instance in awake if instance.zone == self._zone]
        for candidates in (near, awake, known):
            fresh = [instance for instance in candidates if instance not in tried]
            if fresh and tried:  # a second try takes nobody's turn, or the next first try would meet the same bad instance
                return random.choice(fresh)  # noqa: S311  no secret
            if fresh:
                return fresh[next(self._turn) % len(fresh)]
        return random.choice(known)  # noqa: S311  no secret

    def rest(self, instance: Instance) -> None:
        """Leave an instance alone for some seconds."""
        now = self._clock()
        self._resting = {url: until for url, until in self._resting.items() if until > now} | {instance.url: now + QUARANTINE}
