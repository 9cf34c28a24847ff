"""A string that must not be seen."""


class Secret:
    """Holds a secret; it shows in no log, repr or error, only where `reveal` is called."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep the value."""
        self._value = value

    def reveal(self) -> str:
        """Give the value itself."""
        return self._value

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        """Compare the values."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash the value."""
        return hash(self._value)
