"""What time it is."""

from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's clock; tests move it by its offset instead of waiting."""

    def __init__(self) -> None:
        """Start without an offset."""
        self.offset = timedelta()

    def now(self) -> datetime:
        """Give the present time in UTC."""
        return datetime.now(UTC) + self.offset

    def advance(self, duration: timedelta) -> None:
        """Let this much time pass at once, for everything that reads this clock."""
        self.offset += duration
