"""Tokens by which processes of the shop know each other: 60 seconds, for one callee."""

import time
from collections.abc import Callable

import jwt

from shop.kit.problems import Unauthenticated
from shop.kit.secret import Secret

ALGORITHM = "HS256"
LIFETIME = 60
FRESH_FOR = 30
LEEWAY = 10


class ServiceTokens:
    """Issues and verifies service tokens with the secret that all processes share."""

    def __init__(self, secret: Secret, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since the epoch."""
        self._secret = secret
        self._now = now
        self._issued: dict[str, tuple[float, str]] = {}

    def issue(self, audience: str) -> str:
        """Give a token for calling this module; the same one for half a minute."""
        now = self._now()
        until, token = self._issued.get(audience, (0.0, ""))
        if now >= until:
            claims = {"aud": audience, "use": "service", "iat": int(now), "exp": int(now) + LIFETIME}
            token = jwt.encode(claims, self._secret.reveal(), ALGORITHM)
            self._issued[audience] = (now + FRESH_FOR, token)
        return token

    def verify(self, token: str, audience: str) -> None:
        """Accept a token that another process issued for this module; raises Unauthenticated."""
        options = {"require": ["aud", "iat", "exp"], "verify_exp": False, "verify_iat": False, "strict_aud": True}
        try:
            claims = jwt.decode(token, self._secret.reveal(), algorithms=[ALGORITHM], audience=audience, options=options)  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthenticated from error
        now = self._now()
        if claims.get("use") != "service" or not int(claims["iat"]) - LEEWAY <= now < int(claims["exp"]) + LEEWAY:
            raise Unauthenticated
