"""Access tokens: what is let in, and all that is not."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from shop.kit.clock import Clock
from shop.kit.ids import uuid7
from shop.kit.problems import Unauthenticated
from shop.kit.secret import Secret
from shop.kit.tokens import LEEWAY, LIFETIME, LocalKeys, Signer, SigningKey, Verifier, jwks, new_signing_key

ISSUER = "https://shop.example"
USER, SESSION = uuid7(), uuid7()
ROLES = frozenset({"customer"})
KEYS = LocalKeys([new_signing_key()])


def claims_of(token: str) -> dict[str, Any]:
    """Read a token without checking it."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def signed(clock: Clock, *, without: tuple[str, ...] = (), header: dict[str, Any] | None = None, **changes: Any) -> str:
    """Make a token of ours with some claims or headers changed."""
    claims = claims_of(Signer(KEYS, ISSUER, clock).sign(USER, ROLES, SESSION)) | changes
    claims = {name: value for name, value in claims.items() if name not in without}
    return jwt.encode(claims, KEYS.keys[0].private, "ES256", headers={"kid": KEYS.keys[0].kid} | (header or {}))


async def test_a_signed_token_says_who_calls(clock: Clock) -> None:
    """The header and the claims are the ones that clients and other services rely on."""
    token = Signer(KEYS, ISSUER, clock).sign(USER, ROLES, SESSION)
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": KEYS.keys[0].kid}
    claims = claims_of(token)
    assert claims.keys() == {"iss", "aud", "sub", "iat", "exp", "jti", "roles", "use"}
    assert (claims["iss"], claims["sub"], claims["roles"], claims["use"]) == (ISSUER, str(USER), ["customer"], "access")
    assert claims["exp"] - claims["iat"] == 300
    verifier = Verifier(KEYS, ISSUER, clock)
    assert await verifier.verify(token) == (USER, ROLES)
    assert (await verifier.claims(token)).session_id == SESSION


async def test_a_token_is_good_for_five_minutes(clock: Clock) -> None:
    """And a few seconds more, for clocks differ."""
    token = Signer(KEYS, ISSUER, clock).sign(USER, ROLES, SESSION)
    verifier = Verifier(KEYS, ISSUER, clock)
    clock.advance(LIFETIME + LEEWAY - timedelta(seconds=3))
    await verifier.verify(token)
    clock.advance(timedelta(seconds=4))
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


CHANGES: dict[str, dict[str, Any]] = {
    "a refresh token": {"use": "refresh"},
    "no use": {"without": ("use",)},
    "another issuer": {"iss": "https://elsewhere.example"},
    "a service token": {"aud": "products"},
    "several audiences": {"aud": ["shop", "products"]},
    "no audience": {"without": ("aud",)},
    "no expiry": {"without": ("exp",)},
    "an expiry that is text": {"exp": "soon"},
    "issued in the future": {"iat": 4_000_000_000, "exp": 4_000_000_300},
    "no subject": {"without": ("sub",)},
    "a subject that is no id": {"sub": "admin"},
    "no session": {"jti": "x"},
    "no roles": {"without": ("roles",)},
    "another type": {"header": {"typ": "at+jwt"}},
    "an unknown key": {"header": {"kid": "unknown"}},
    "a critical extension": {"header": {"crit": ["x"], "x": 1}},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES.keys())
async def test_a_token_that_is_not_quite_ours_is_refused(changes: dict[str, Any], clock: Clock) -> None:
    """Although it is signed with our key."""
    verifier = Verifier(KEYS, ISSUER, clock)
    assert await verifier.verify(signed(clock)) == (USER, ROLES)
    with pytest.raises(Unauthenticated):
        await verifier.verify(signed(clock, **changes))


async def test_a_forged_token_is_refused(clock: Clock) -> None:
    """Unsigned, signed by a stranger, signed with the public key as a password, or changed afterwards."""
    verifier = Verifier(KEYS, ISSUER, clock)
    good = signed(clock)
    headers = {"kid": KEYS.keys[0].kid}
    stranger = ec.generate_private_key(ec.SECP256R1())
    header, payload, signature = good.split(".")
    staff = _encoded(_decoded(payload) | {"roles": ["staff"]})
    forged = [
        jwt.encode(claims_of(good), stranger, "ES256", headers=headers),
        jwt.encode(claims_of(good), "x" * 32, "HS256", headers=headers),
        jwt.encode(claims_of(good), "", "none", headers=headers),
        f"{header}.{staff}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        "[" * 3000,
        f"{_nested()}.{payload}.{signature}",
        good + "A" * 4096,
    ]
    for token in forged:
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


def _decoded(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _nested() -> str:
    return urlsafe_b64encode(b"[" * 2400).rstrip(b"=").decode()


@given(st.text(max_size=200) | st.tuples(st.text(), st.text(), st.text()).map(".".join))
async def test_no_text_breaks_the_verifier(text: str) -> None:
    """Whatever a stranger sends as a token is refused, never an error."""
    with pytest.raises(Unauthenticated):
        await Verifier(KEYS, ISSUER, Clock()).verify(text)


async def test_keys_overlap_while_they_are_changed(clock: Clock) -> None:
    """The new key signs; tokens of the old one are good until it is taken away."""
    old, new = new_signing_key(), new_signing_key()
    token = Signer(LocalKeys([old]), ISSUER, clock).sign(USER, ROLES, SESSION)
    both = LocalKeys([new, old])
    verifier = Verifier(both, ISSUER, clock)
    assert await verifier.verify(token) == (USER, ROLES)
    assert jwt.get_unverified_header(Signer(both, ISSUER, clock).sign(USER, ROLES, SESSION))["kid"] == both.keys[0].kid
    with pytest.raises(Unauthenticated):
        await Verifier(LocalKeys([new]), ISSUER, clock).verify(token)


async def test_the_published_keys_verify_with_any_library(clock: Clock) -> None:
    """The key set has every key's public half under its kid, and nothing private."""
    keys = LocalKeys([new_signing_key(), new_signing_key()])
    published = jwks(keys)
    assert [key["kid"] for key in published["keys"]] == [key.kid for key in keys.keys]
    assert all(key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in published["keys"])
    token = Signer(keys, ISSUER, clock).sign(USER, ROLES, SESSION)
    found = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, found, audience="shop")["sub"] == str(USER)


def test_a_key_is_named_by_its_thumbprint() -> None:
    """RFC 7638: the same key has the same name whoever computes it."""
    number = int.from_bytes(b"shop" * 8)
    key = SigningKey(ec.derive_private_key(number, ec.SECP256R1()))
    assert key.kid == _thumbprint(key)
    assert SigningKey(ec.derive_private_key(number, ec.SECP256R1())).kid == key.kid


def _thumbprint(key: SigningKey) -> str:
    text = f'{{"crv":"P-256","kty":"EC","x":"{key.coordinates["x"]}","y":"{key.coordinates["y"]}"}}'
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "P-384"])
def test_a_senseless_key_is_refused_without_being_shown(pem: str) -> None:
    """The message says what is needed, never what was given."""
    if pem == "P-384":
        pem = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ValueError, match="P-256 private key in PEM") as refused:
        LocalKeys([Secret(pem)])
    assert not pem or pem not in str(refused.value)


def test_there_must_be_a_key() -> None:
    """Nobody signs with nothing."""
    with pytest.raises(ValueError, match="must be a signing key"):
        LocalKeys([])
