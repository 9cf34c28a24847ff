"""What is wrong with the settings."""

from collections.abc import Sequence

from msgspec import Struct


class Fault(Struct, frozen=True, order=True):
    """One wrong key; `what` never contains the value of a secret."""

    key: str
    what: str
    example: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.key}: {self.what}; for example {self.example}"


class InvalidSettings(Exception):
    """Settings are missing or senseless; one line per key."""

    def __init__(self, faults: Sequence[Fault], warnings: Sequence[str] = ()) -> None:
        """Keep every fault, so that all can be mended at once; a warning often says why a key is missing."""
        self.faults = tuple(faults)
        self.warnings = tuple(warnings)
        super().__init__("\n".join(str(fault) for fault in self.faults))
