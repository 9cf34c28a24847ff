"""Who calls, and which routes answer whom."""

import hashlib
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from shop.kit.problems import Forbidden, Unauthenticated

OPERATIONS = "operations"  # the audience of service tokens for what concerns a whole process, not a module


class Role(StrEnum):
    """What a user may be."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Caller(Struct, frozen=True):
    """Who sent a request: from the verified access token, the capability headers and the connection; `address` is the client's IP address."""

    user_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    cart_token: str | None = None
    order_token: str | None = None
    address: str = ""

    @property
    def is_staff(self) -> bool:
        """Tell whether staff is calling."""
        return Role.STAFF in self.roles

    @property
    def customer_id(self) -> UUID | None:
        """Give the id of the customer who is calling, if one is."""
        return self.user_id if Role.CUSTOMER in self.roles else None

    @property
    def scope(self) -> str:
        """Name who is calling, for the scope of an idempotency key; a guest by a digest of the cart's token, which is never stored."""
        return f"user:{self.user_id}" if self.user_id else f"guest:{hashlib.sha256((self.cart_token or '').encode()).hexdigest()}"


class Verifier(Protocol):
    """Checks access tokens; the only source of who calls."""

    async def verify(self, token: str) -> tuple[UUID, frozenset[str]]:
        """Give the user's id and roles; raises Unauthenticated, or Unavailable when the keys cannot be had."""
        ...


class Token(StrEnum):
    """How a route treats the bearer token: a bad one is as none, or 401; or a good one is needed, of a user or of another process of the shop."""

    LENIENT = "lenient"
    OPTIONAL = "optional"
    REQUIRED = "required"
    SERVICE = "service"


class Policy(Struct, frozen=True):
    """Whom a route answers; every route declares one or the application does not start."""

    token: Token
    role: Role | None = None
    capability: str | None = None

    def admit(self, caller: Caller) -> None:
        """Let the caller pass; raises Unauthenticated, Forbidden."""
        if self.token is Token.REQUIRED and caller.user_id is None:
            raise Unauthenticated
        if self.role is not None and self.role not in caller.roles:
            raise Forbidden


public = Policy(Token.LENIENT)
anyone = Policy(Token.OPTIONAL)
signed_in = Policy(Token.REQUIRED)
customer = Policy(Token.REQUIRED, Role.CUSTOMER)
staff = Policy(Token.REQUIRED, Role.STAFF)
service = Policy(Token.SERVICE)


def capability(kind: str) -> Policy:
    """Answer whoever owns the cart or order: by token of the user or by its capability header; ownership is the service's to check."""
    return Policy(Token.OPTIONAL, capability=kind)
