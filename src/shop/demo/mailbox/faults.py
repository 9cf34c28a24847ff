"""What a test may make go wrong, by the local part of a recipient (anything after `+` is free).

| recipient | what happens |
|---|---|
| `bounce-550@` | RCPT is refused with this status, any 4xx or 5xx, every time |
| `greylist-451@` | RCPT is refused with this status the first time an address comes, accepted after |
| `refuse-data-554@` | the mail is refused with this status after its content, and not kept |
| `drop-mid-data@` | the connection breaks in the middle of the content; nothing is kept |
| `drop-after-accept@` | the mail is kept, and the connection breaks before the 250: the sender cannot know |
| `slow-3@` | the mail is kept, and the 250 comes this many seconds later |

`drop-once-mid-data@` and `drop-once-after-accept@` do it the first time only. First times are remembered as long as the server runs.
"""

import re

from msgspec import Struct

_FAULT = re.compile(r"(?P<name>bounce|greylist|refuse-data|slow|drop(?P<once>-once)?-(?:mid-data|after-accept))(?:-(?P<number>\d{1,3}))?(?:\+.*)?")
_DEFAULTS = {"bounce": 550, "greylist": 451, "refuse-data": 554, "slow": 1}


class Fault(Struct, frozen=True):
    """A fault that an address asks for."""

    name: str
    number: int = 0
    once: bool = False


def fault_of(address: str) -> Fault | None:
    """Read the fault that an address asks for, if it asks for one."""
    found = _FAULT.fullmatch(address.partition("@")[0].lower())
    if not found:
        return None
    name = found["name"].replace("-once", "")
    number = int(found["number"] or _DEFAULTS.get(name, 0))
    if name in {"bounce", "greylist", "refuse-data"} and not 400 <= number <= 599:
        return None
    return Fault(name, number, once=bool(found["once"]))


class FirstTimes:
    """Remembers which addresses had their fault already."""

    def __init__(self) -> None:
        """Begin with no address seen."""
        self._seen: set[tuple[str, str]] = set()

    def strikes(self, address: str, *names: str) -> Fault | None:
        """Give the address's fault if it is one of these and happens now; a fault that happens once is used up."""
        fault = fault_of(address)
        if not fault or fault.name not in names:
            return None
        if fault.once or fault.name == "greylist":
            seen = (fault.name, address.lower())
            if seen in self._seen:
                return None
            self._seen.add(seen)
        return fault
