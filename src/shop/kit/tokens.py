"""Access tokens: JWTs signed with ES256 by users and verified by everybody."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from msgspec import Struct

from shop.kit.clock import Clock
from shop.kit.problems import Unauthenticated
from shop.kit.secret import Secret

ALGORITHM = "ES256"
AUDIENCE = "shop"
LIFETIME = timedelta(minutes=5)
LEEWAY = timedelta(seconds=10)
LONGEST = 4096


class Claims(Struct, frozen=True):
    """What a verified access token says; `session_id` is the first part of its `jti`."""

    user_id: UUID
    roles: frozenset[str]
    session_id: UUID


class SigningKey:
    """A P-256 key; its `kid` is the RFC 7638 thumbprint of the public half, so the same key has the same name everywhere."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        """Derive the public half and its name."""
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise ValueError("a signing key must be a P-256 private key in PEM")
        self.private = private
        self.public = private.public_key()
        numbers = self.public.public_numbers()
        self.coordinates = {"crv": "P-256", "kty": "EC", "x": _base64(numbers.x.to_bytes(32)), "y": _base64(numbers.y.to_bytes(32))}
        self.kid = _base64(hashlib.sha256(msgspec.json.encode(self.coordinates, order="sorted")).digest())

    @classmethod
    def from_pem(cls, pem: Secret) -> "SigningKey":
        """Read a key; raises ValueError without showing it."""
        try:
            private = load_pem_private_key(pem.reveal().encode(), password=None)
        except (ValueError, TypeError):
            raise ValueError("a signing key must be a P-256 private key in PEM") from None
        return cls(private)  # type: ignore[arg-type]


class KeySource(Protocol):
    """Where a verifier finds public keys: here in the process, or at the users service."""

    async def key(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Give the key of this name; raises Unavailable when it cannot be known."""
        ...


class LocalKeys:
    """The keys of this process; the first one signs, the others are still accepted while tokens signed with them live."""

    def __init__(self, pems: Sequence[Secret]) -> None:
        """Read the keys; raises ValueError when there is none or one is senseless."""
        self.keys = [SigningKey.from_pem(pem) for pem in pems]
        if not self.keys:
            raise ValueError("there must be a signing key")
        self._public = {key.kid: key.public for key in self.keys}

    async def key(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        """Give the key of this name."""
        return self._public.get(kid)


def new_signing_key() -> Secret:
    """Make a key, as PEM."""
    private = ec.generate_private_key(ec.SECP256R1())
    return Secret(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def jwks(keys: LocalKeys) -> dict[str, Any]:
    """Give the public halves as a JSON Web Key Set."""
    return {"keys": [key.coordinates | {"kid": key.kid, "use": "sig", "alg": ALGORITHM} for key in keys.keys]}


class Signer:
    """Signs access tokens with the first of the keys."""

    def __init__(self, keys: LocalKeys, issuer: str, clock: Clock) -> None:
        """`issuer` becomes `iss`."""
        self._key = keys.keys[0]
        self._issuer = issuer
        self._clock = clock

    def sign(self, user_id: UUID, roles: frozenset[str], session_id: UUID) -> str:
        """Make the access token of a user within one of their sessions."""
        now = self._clock.now()
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
            "jti": f"{session_id}.{secrets.token_urlsafe(9)}",
            "roles": sorted(roles),
            "use": "access",
        }
        return jwt.encode(claims, self._key.private, ALGORITHM, headers={"kid": self._key.kid})


class Verifier:
    """Verifies access tokens against keys from any source; refresh, service and foreign tokens are refused."""

    def __init__(self, keys: KeySource, issuer: str, clock: Clock) -> None:
        """`issuer` is who must have signed."""
        self._keys = keys
        self._issuer = issuer
        self._clock = clock

    async def verify(self, token: str) -> tuple[UUID, frozenset[str]]:
        """Give the user's id and roles; raises Unauthenticated."""
        claims = await self.claims(token)
        return claims.user_id, claims.roles

    async def claims(self, token: str) -> Claims:
        """Give all that a token says; raises Unauthenticated."""
        try:
            key = await self._keys.key(_kid(token))
            if key is None:
                raise Unauthenticated
            return self._checked(self._decoded(token, key))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise Unauthenticated from error

    def _decoded(self, token: str, key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=self._issuer,
            audience=AUDIENCE,
            options={"require": ["iss", "aud", "sub", "iat", "exp", "jti"], "verify_exp": False, "verify_iat": False, "strict_aud": True},
        )

    def _checked(self, claims: dict[str, Any]) -> Claims:
        now, leeway = self._clock.now().timestamp(), LEEWAY.total_seconds()
        if claims["use"] != "access" or now >= int(claims["exp"]) + leeway or now < int(claims["iat"]) - leeway:
            raise Unauthenticated
        return Claims(UUID(claims["sub"]), frozenset(map(str, claims["roles"])), UUID(claims["jti"].partition(".")[0]))


def _kid(token: str) -> str:
    if len(token) > LONGEST:
        raise ValueError("longer than any token of ours")
    header = jwt.get_unverified_header(token)
    if header["alg"] != ALGORITHM or header["typ"] != "JWT":
        raise ValueError("not a token of ours")
    return str(header["kid"])


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
