"""Ids in Stripe's style."""

import secrets
import string

_LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """Give a fresh id such as pi_3Qw...; unguessable, made from one read of the system's randomness because an id is made at every step."""
    return f"{prefix}_" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in secrets.token_bytes(24))
