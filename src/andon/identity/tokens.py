"""Access tokens: RS256 JWTs with `iss aud sub roles permissions`, checked once and then remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from andon.identity.errors import SIGN_IN
from andon.identity.keys import SigningKeys
from andon.identity.model import Principal
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import UnauthenticatedError
from andon.kit.ids import new_id

ALGORITHM = "RS256"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "jti"]


class AccessTokens:
    """Issues and verifies. Remembers at most `cache_size` verified tokens, the least recent go first.

    Without `keys` it only verifies, by the keys of others that it was told to `trust`.
    """

    def __init__(self, keys: SigningKeys | None, issuer: str, audience: str, ttl_s: float, cache_size: int) -> None:
        self._keys = keys
        self._trusted: Mapping[str, RSAPublicKey] = {} if keys is None else {keys.key_id: keys.public}
        self._issuer = issuer
        self._audience = audience
        self._ttl_us = round(ttl_s * US_PER_S)
        self._cache_size = cache_size
        self._verified: OrderedDict[str, Principal] = OrderedDict()
        self._lock = threading.Lock()

    def trust(self, others: Mapping[str, RSAPublicKey]) -> None:
        """Accept what these keys have signed, by key id, and what the own one has."""
        own = {} if self._keys is None else {self._keys.key_id: self._keys.public}
        self._trusted = {**others, **own}

    def issue(self, principal: Principal) -> str:
        """A signed token for `principal`, good from now for the time to live."""
        if self._keys is None:
            raise RuntimeError("this process has no key to sign with")
        now = now_us()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": principal.user_id,
            "name": principal.username,
            "org": principal.organisation_id,
            "roles": [principal.role],
            "permissions": sorted(principal.permissions),
            "sid": principal.session_id,
            "jti": new_id(),
            "iat": now // US_PER_S,
            "exp": (now + self._ttl_us) // US_PER_S,
        }
        return jwt.encode(claims, self._keys.private, ALGORITHM, headers={"kid": self._keys.key_id})

    def verify(self, token: str) -> Principal:
        """Who the token stands for. UnauthenticatedError when it is forged, foreign or expired."""
        with self._lock:
            principal = self._verified.get(token)
        if principal is None:
            principal = self._decode(token)
            self._remember(token, principal)
        if principal.expires_at <= now_us():
            raise expired()
        return principal

    def _decode(self, token: str) -> Principal:
        try:
            claims = jwt.decode(
                token,
                self._key_of(token),
                [ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                # The clock of who issued it may be a little ahead of ours, or ours was set back: it is as good.
                options={"require": _REQUIRED, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise expired() from error
        except jwt.InvalidTokenError as error:
            raise UnauthenticatedError("the access token is not valid", field="Authorization", cure=SIGN_IN) from error
        return Principal(
            claims["sub"],
            claims["name"],
            claims["roles"][0],
            frozenset(claims["permissions"]),
            claims["org"],
            claims["sid"],
            claims["exp"] * US_PER_S,
        )

    def _key_of(self, token: str) -> RSAPublicKey:
        key_id = jwt.get_unverified_header(token).get("kid")
        if key_id is None and self._keys is not None:
            return self._keys.public
        found = self._trusted.get(key_id or "")
        if found is None:
            raise jwt.InvalidTokenError("nobody that we know signs with this key")
        return found

    def _remember(self, token: str, principal: Principal) -> None:
        with self._lock:
            self._verified[token] = principal
            if len(self._verified) > self._cache_size:
                self._verified.popitem(last=False)


def expired() -> UnauthenticatedError:
    """The error for an access token whose time is over."""
    cure = "get a new one with POST /api/v1/auth/refresh, or sign in again"
    return UnauthenticatedError("the access token has expired", field="Authorization", cure=cure)
