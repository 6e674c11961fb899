"""Sign-in: access tokens, refresh tokens and their rotation, sign-out."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy.orm import Session

from andon.engines.database import Database
from andon.identity import organisations, repository
from andon.identity.audit import record
from andon.identity.errors import SIGN_IN
from andon.identity.keys import SigningKeys, read_public
from andon.identity.model import ROLES, Principal, canonical_username, system_principal
from andon.identity.passwords import MAX_LENGTH, Passwords
from andon.identity.tables import OrganisationRow, RefreshTokenRow, UserRow
from andon.identity.throttle import LoginThrottle, ThrottleLimits
from andon.identity.tokens import AccessTokens
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import UnauthenticatedError
from andon.kit.ids import new_id

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """Times in seconds. A refresh token that is shown twice within `refresh_overlap_s` is two tabs, not a thief."""

    issuer: str = "factory-plus"
    audience: str = "factory-plus"
    access_ttl_s: float = 900
    refresh_ttl_s: float = 14 * 86_400
    refresh_overlap_s: float = 10
    verified_cache: int = 10_000
    secure_cookies: bool = False
    throttle: ThrottleLimits = field(default_factory=ThrottleLimits)


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant, as its users see it."""

    id: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in or a refresh gives."""

    access_token: str
    refresh_token: str
    expires_in_s: int
    principal: Principal
    organisation: Organisation


class Sessions:
    """Issues and checks tokens. Thread-safe; everything but `verify` blocks, so keep it off the loop."""

    def __init__(self, database: Database, keys: SigningKeys | None, settings: IdentitySettings | None = None) -> None:
        """Without `keys` nobody can sign in here; tokens are verified by the keys that other processes published."""
        self.settings = settings or IdentitySettings()
        self._keys = keys
        self._database = database
        self._passwords = Passwords()
        self._throttle = LoginThrottle(self.settings.throttle)
        self._tokens = AccessTokens(
            keys,
            self.settings.issuer,
            self.settings.audience,
            self.settings.access_ttl_s,
            self.settings.verified_cache,
        )
        self._ended: dict[str, int] = {}  # sign-in → when it ended, as long as its access tokens could live
        self._ending = threading.Lock()
        self._learnt: Mapping[str, RSAPublicKey] = {}
        self.learn_ended()

    def learn_ended(self) -> None:
        """Take in which sign-ins another process has ended (`andon user set-password`). Cheap: call it often."""
        with self._database.reading() as session:
            ended = repository.families_revoked_since(session, now_us() - self._access_us)
        with self._ending:
            self._ended.update(ended)

    def publish_key(self) -> None:
        """Let the other processes on this database verify what this one signs. Call it once a day at least."""
        if self._keys is not None:
            with self._database.session() as session:
                repository.publish_key(session, self._keys.key_id, self._keys.public_pem, now_us())

    def learn_keys(self) -> None:
        """Accept what other processes on this database sign. Cheap: call it often."""
        with self._database.reading() as session:
            published = repository.published_keys(session)
        if published.keys() != self._learnt.keys():
            self._learnt = {key_id: read_public(pem) for key_id, pem in published.items()}
            self._tokens.trust(self._learnt)

    @property
    def _access_us(self) -> int:
        return round(self.settings.access_ttl_s * US_PER_S)

    def verify(self, token: str) -> Principal:
        """Who the access token stands for. UnauthenticatedError when it is not good (any more). Never blocks."""
        principal = self._tokens.verify(token)
        if principal.session_id in self._ended:
            raise UnauthenticatedError("this sign-in has ended", field="Authorization", cure=SIGN_IN)
        return principal

    def login(self, username: str, password: str, address: str = "") -> SignedIn:
        """Sign in with user name and password, from a network address.

        Raises UnauthenticatedError without telling which of the two was wrong, TooManyAttemptsError after too many.
        """
        name = canonical_username(username) or ""
        self._throttle.enter(name or "?", address, now_us())
        with self._database.reading() as session:
            user = repository.user_to_sign_in(session, name) if name else None
        usable = user is not None and user.is_active
        right = self._passwords.verify(user.password_hash if user and usable else None, password[: MAX_LENGTH + 1])
        if user is None or not usable or not right:
            logger.warning("sign-in refused", extra={"address": address})
            raise UnauthenticatedError(
                "user name or password is wrong", field="password", cure="check both, or ask an administrator"
            )
        self._throttle.succeeded(name, address)
        with self._database.session() as session:
            repository.delete_expired_tokens(session, now_us())
            signed_in = self._open_session(session, user, family=new_id())
            record(session, signed_in.principal, "session.login", user.username, {"address": address})
        return signed_in

    def refresh(self, refresh_token: str) -> SignedIn:
        """Change a refresh token for a new pair; each is good once.

        A token that was used before ends its whole sign-in: somebody else has a copy. UnauthenticatedError then, and
        when it is unknown or expired.
        """
        now = now_us()
        with self._database.session() as session:
            row = repository.refresh_token(session, _digest(refresh_token))
            if row is None or row.revoked_at is not None or row.expires_at <= now:
                raise _session_over()
            user = repository.user_by_id(session, row.organization_id, row.user_id)
            if user is not None and user.is_active and not self._is_reused(row, now):
                row.used_at = row.used_at or now
                return self._open_session(session, user, row.family)
            repository.revoke_family(session, row.organization_id, row.family, now)
            self._audit_reuse(session, row)
        self._refuse([row.family], now)
        raise _session_over()

    def logout(self, refresh_token: str | None, principal: Principal | None = None) -> None:
        """End the sign-in of the refresh token, that of the access token, or both. An unknown token is ignored."""
        now = now_us()
        ended: list[str] = []
        with self._database.session() as session:
            row = repository.refresh_token(session, _digest(refresh_token)) if refresh_token else None
            if row is not None:
                repository.revoke_family(session, row.organization_id, row.family, now)
                ended.append(row.family)
            if principal is not None and principal.session_id:
                repository.revoke_family(session, principal.organisation_id, principal.session_id, now)
                record(session, principal, "session.logout", principal.username)
                ended.append(principal.session_id)
        self._refuse(ended, now)

    def _open_session(self, session: Session, user: UserRow, family: str) -> SignedIn:
        organisation = organisations.get(session, user.organization_id)
        if organisation is None:
            raise _session_over()
        now = now_us()
        token = secrets.token_urlsafe(32)
        session.add(
            RefreshTokenRow(
                id=new_id(),
                organization_id=user.organization_id,
                user_id=user.id,
                token_hash=_digest(token),
                family=family,
                created_at=now,
                expires_at=now + round(self.settings.refresh_ttl_s * US_PER_S),
            )
        )
        principal = Principal(
            user.id,
            user.username,
            user.role,
            ROLES.get(user.role, frozenset()),
            user.organization_id,
            family,
            now + self._access_us,
        )
        access = self._tokens.issue(principal)
        return SignedIn(access, token, round(self.settings.access_ttl_s), principal, organisation_of(organisation))

    def _is_reused(self, row: RefreshTokenRow, now: int) -> bool:
        return row.used_at is not None and now - row.used_at > self.settings.refresh_overlap_s * US_PER_S

    def _audit_reuse(self, session: Session, row: RefreshTokenRow) -> None:
        logger.warning("sign-in ended: refresh token not usable any more", extra={"user_id": row.user_id})
        record(session, system_principal(row.organization_id), "session.end", row.user_id, {"family": row.family})

    def _refuse(self, families: Sequence[str], now: int) -> None:
        """Refuse the access tokens of these sign-ins, as long as they could live."""
        with self._ending:
            for family, at in list(self._ended.items()):
                if now - at > self._access_us:
                    del self._ended[family]
            self._ended.update(dict.fromkeys(families, now))


def organisation_of(row: OrganisationRow) -> Organisation:
    """The organisation that a row holds."""
    return Organisation(row.id, row.name, row.timezone)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _session_over() -> UnauthenticatedError:
    return UnauthenticatedError("the sign-in has ended", field="refreshToken", cure="sign in again")
