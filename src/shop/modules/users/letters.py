"""What users writes to the people who have an account, or ask for one."""

from msgspec import Struct


class AccountLetter(Struct, frozen=True):
    """Kinds `verification`, `already_registered` and `password_reset`; the token is derived when it is composed and lives `valid_hours`."""

    name: str
    valid_hours: int
