"""Ids in Stripe's style."""

import secrets
import string

_LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """Give a fresh id such as pi_3Qw...; unguessable."""
    return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(24))
