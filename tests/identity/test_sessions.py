"""Sign-in, tokens, rotation and sign-out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from sqlalchemy import select

from andon.engines.database import Database
from andon.identity.errors import TooManyAttemptsError
from andon.identity.keys import SigningKeys
from andon.identity.model import ROLES, Principal
from andon.identity.service import IdentityService, IdentitySettings
from andon.identity.tables import AuditRow, RefreshTokenRow, UserRow
from andon.identity.throttle import ThrottleLimits
from andon.kit.clock import US_PER_S
from andon.kit.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, UnauthenticatedError
from support.databases import on_both as database_url  # noqa: F401 (the same tests on SQLite and PostgreSQL)

from .conftest import PASSWORD

Clock = Callable[[float], None]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Lets the given seconds go by for sessions, tokens and the check of tokens."""
    passed = [0.0]

    def later() -> int:
        return time.time_ns() // 1_000 + round(passed[0] * US_PER_S)

    for module in ("sessions", "tokens", "service"):
        monkeypatch.setattr(f"andon.identity.{module}.now_us", later)

    def advance(seconds: float) -> None:
        passed[0] += seconds

    return advance


@pytest.fixture
def admin(identity: IdentityService) -> Principal:
    return identity.verify(identity.login("admin", PASSWORD).access_token)


def test_who_signs_in_is_known_by_the_token(identity: IdentityService) -> None:
    signed_in = identity.login("admin", PASSWORD)
    principal = identity.verify(signed_in.access_token)
    assert principal == signed_in.principal
    assert principal.username == "admin"
    assert principal.permissions == ROLES["admin"]
    assert principal.organisation_id == signed_in.organisation.id


def test_the_access_token_carries_what_other_services_expect(identity: IdentityService, keys: SigningKeys) -> None:
    token = identity.login("admin", PASSWORD).access_token
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, keys.public, ["RS256"], audience="factory-plus", issuer="factory-plus")
    assert (header["alg"], header["typ"], header["kid"]) == ("RS256", "JWT", keys.key_id)
    assert claims["roles"] == ["admin"]
    assert claims["permissions"] == sorted(ROLES["admin"])
    assert claims["exp"] - claims["iat"] == 900
    assert claims["sub"] and claims["org"] and claims["jti"]


def test_user_names_do_not_depend_on_case(identity: IdentityService) -> None:
    assert identity.login(" Admin ", PASSWORD).principal.username == "admin"


@pytest.mark.parametrize("username", ["admin", "nobody", "", "admin' OR '1'='1", "\x00", "\ud800"])
def test_a_wrong_sign_in_does_not_tell_what_was_wrong(identity: IdentityService, username: str) -> None:
    with pytest.raises(UnauthenticatedError, match="user name or password is wrong"):
        identity.login(username, "wrong password")


def test_an_endless_password_is_refused_without_hashing_all_of_it(identity: IdentityService) -> None:
    with pytest.raises(UnauthenticatedError):
        identity.login("admin", PASSWORD + "x" * 1_000_000)


def test_guessing_is_slowed_down_also_for_who_knows_the_password(database: Database, keys: SigningKeys) -> None:
    settings = IdentitySettings(throttle=ThrottleLimits(free_attempts=2, first_wait_s=60))
    identity = IdentityService(database, keys, settings)
    identity.ensure_admin(PASSWORD)
    for _ in range(2):
        with pytest.raises(UnauthenticatedError):
            identity.login("admin", "wrong password", "203.0.113.9")
    with pytest.raises(TooManyAttemptsError):
        identity.login("admin", PASSWORD, "203.0.113.9")
    assert identity.login("admin", PASSWORD, "10.0.0.1").access_token


def test_an_expired_access_token_is_refused_with_the_cure(identity: IdentityService, pass_time: Clock) -> None:
    token = identity.login("admin", PASSWORD).access_token
    identity.verify(token)
    pass_time(901)
    with pytest.raises(UnauthenticatedError, match="expired") as raised:
        identity.verify(token)
    assert "auth/refresh" in str(raised.value.cure)


def sign(keys: SigningKeys, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "factory-plus",
        "aud": "factory-plus",
        "sub": "u",
        "name": "eve",
        "org": "o",
        "sid": "s",
        "jti": "j",
        "roles": ["admin"],
        "permissions": ["users:manage"],
        "iat": now,
        "exp": now + 60,
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, keys.private, "RS256")


FOREIGN = {
    "another issuer": {"iss": "elsewhere"},
    "another audience": {"aud": "elsewhere"},
    "no expiry": {"exp": None},
    "expired": {"exp": 1},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("changes", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_token_that_is_not_for_us_is_refused(
    identity: IdentityService, keys: SigningKeys, changes: dict[str, Any]
) -> None:
    assert identity.verify(sign(keys)).username == "eve"
    with pytest.raises(UnauthenticatedError):
        identity.verify(sign(keys, **changes))


def test_a_token_of_a_machine_whose_clock_is_ahead_is_taken(identity: IdentityService, keys: SigningKeys) -> None:
    assert identity.verify(sign(keys, iat=int(time.time()) + 30)).username == "eve"


def test_a_token_of_another_key_is_refused(identity: IdentityService) -> None:
    with pytest.raises(UnauthenticatedError, match="not valid"):
        identity.verify(sign(SigningKeys.generate()))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é" * 10, "." * 100_000])
def test_rubbish_is_no_token(identity: IdentityService, token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        identity.verify(token)


def test_a_token_without_a_signature_is_refused(identity: IdentityService) -> None:
    claims = jwt.decode(identity.login("admin", PASSWORD).access_token, options={"verify_signature": False})
    with pytest.raises(UnauthenticatedError):
        identity.verify(jwt.encode(claims, "", "none"))


def test_the_public_key_is_no_shared_secret(identity: IdentityService, keys: SigningKeys) -> None:
    """The classic forgery: HS256 with the public key as its secret."""
    claims = jwt.decode(sign(keys), options={"verify_signature": False})
    forged = jwt.encode(claims, keys.key_id, "HS256")
    with pytest.raises(UnauthenticatedError):
        identity.verify(forged)


def test_remembered_tokens_are_bounded(database: Database, keys: SigningKeys) -> None:
    identity = IdentityService(database, keys, IdentitySettings(verified_cache=5))
    for number in range(20):
        identity.verify(sign(keys, jti=str(number)))
    assert len(identity._tokens._verified) == 5


def test_a_refresh_gives_a_new_pair(identity: IdentityService) -> None:
    first = identity.login("admin", PASSWORD)
    second = identity.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert identity.verify(second.access_token).session_id == first.principal.session_id


def test_a_stolen_refresh_token_ends_the_sign_in_of_thief_and_owner(
    identity: IdentityService, pass_time: Clock
) -> None:
    stolen = identity.login("admin", PASSWORD)
    owner = identity.refresh(stolen.refresh_token)
    pass_time(60)
    with pytest.raises(UnauthenticatedError, match="ended"):
        identity.refresh(stolen.refresh_token)
    with pytest.raises(UnauthenticatedError, match="ended"):
        identity.refresh(owner.refresh_token)
    with pytest.raises(UnauthenticatedError, match="ended"):
        identity.verify(owner.access_token)


def test_two_tabs_that_refresh_at_the_same_time_stay_signed_in(identity: IdentityService, pass_time: Clock) -> None:
    shared = identity.login("admin", PASSWORD)
    one = identity.refresh(shared.refresh_token)
    pass_time(5)
    other = identity.refresh(shared.refresh_token)
    assert identity.refresh(one.refresh_token)
    assert identity.refresh(other.refresh_token)


def test_the_time_for_two_tabs_does_not_begin_anew_with_each_use(identity: IdentityService, pass_time: Clock) -> None:
    shared = identity.login("admin", PASSWORD)
    for _ in range(2):
        identity.refresh(shared.refresh_token)
        pass_time(8)
    with pytest.raises(UnauthenticatedError):
        identity.refresh(shared.refresh_token)


def test_a_refresh_token_ends_after_its_days(identity: IdentityService, pass_time: Clock) -> None:
    signed_in = identity.login("admin", PASSWORD)
    pass_time(14 * 86_400 + 1)
    with pytest.raises(UnauthenticatedError):
        identity.refresh(signed_in.refresh_token)


def test_expired_refresh_tokens_do_not_pile_up(identity: IdentityService, database: Database, pass_time: Clock) -> None:
    for _ in range(3):
        identity.login("admin", PASSWORD)
    pass_time(15 * 86_400)
    identity.login("admin", PASSWORD)
    with database.reading() as session:
        assert len(session.scalars(select(RefreshTokenRow)).all()) == 1


@pytest.mark.parametrize("token", ["", "x", "' OR 1=1 --", "\ud800"])
def test_an_unknown_refresh_token_is_refused(identity: IdentityService, token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        identity.refresh(token)


def test_signing_out_ends_both_tokens_at_once(identity: IdentityService) -> None:
    signed_in = identity.login("admin", PASSWORD)
    identity.logout(signed_in.refresh_token)
    with pytest.raises(UnauthenticatedError, match="ended"):
        identity.verify(signed_in.access_token)
    with pytest.raises(UnauthenticatedError, match="ended"):
        identity.refresh(signed_in.refresh_token)


def test_signing_out_leaves_the_other_sign_ins_alone(identity: IdentityService) -> None:
    phone, desk = identity.login("admin", PASSWORD), identity.login("admin", PASSWORD)
    identity.logout(None, identity.verify(phone.access_token))
    assert identity.verify(desk.access_token)
    assert identity.refresh(desk.refresh_token)


def test_a_restart_does_not_bring_an_ended_sign_in_back(
    identity: IdentityService, database: Database, keys: SigningKeys
) -> None:
    signed_in = identity.login("admin", PASSWORD)
    identity.logout(signed_in.refresh_token)
    with pytest.raises(UnauthenticatedError, match="ended"):
        IdentityService(database, keys).verify(signed_in.access_token)


def test_another_process_learns_that_a_sign_in_has_ended(
    identity: IdentityService, database: Database, keys: SigningKeys
) -> None:
    other = IdentityService(database, keys)
    signed_in = identity.login("admin", PASSWORD)
    assert other.verify(signed_in.access_token)
    identity.logout(signed_in.refresh_token)
    other.learn_ended()
    with pytest.raises(UnauthenticatedError, match="ended"):
        other.verify(signed_in.access_token)


def test_what_ended_long_ago_is_forgotten(identity: IdentityService, pass_time: Clock) -> None:
    for _ in range(3):
        identity.logout(identity.login("admin", PASSWORD).refresh_token)
    pass_time(901)
    identity.logout(identity.login("admin", PASSWORD).refresh_token)
    assert len(identity._ended) == 1


def test_neither_passwords_nor_tokens_are_stored_readable(identity: IdentityService, database: Database) -> None:
    signed_in = identity.login("admin", PASSWORD)
    with database.reading() as session:
        tables = (session.scalars(select(table)).all() for table in (UserRow, RefreshTokenRow, AuditRow))
        stored = repr([{**vars(row)} for rows in tables for row in rows])
    for secret in (PASSWORD, signed_in.refresh_token, signed_in.access_token):
        assert secret not in stored


def test_the_first_password_is_generated_and_shown_once(database: Database, keys: SigningKeys) -> None:
    identity = IdentityService(database, keys)
    generated = identity.ensure_admin(None)
    assert generated is not None
    assert identity.login("admin", generated).principal.role == "admin"
    assert identity.ensure_admin(None) is None
    assert identity.ensure_admin("another password") is None
    with pytest.raises(UnauthenticatedError):
        identity.login("admin", "another password")


def test_a_first_password_that_is_too_short_is_refused(database: Database, keys: SigningKeys) -> None:
    identity = IdentityService(database, keys)
    with pytest.raises(InvalidError, match="8 to 256"):
        identity.ensure_admin("short")
    assert identity.ensure_admin(PASSWORD) is None


def test_a_new_user_can_sign_in(identity: IdentityService, admin: Principal) -> None:
    identity.create_user(admin, "Vera", "viewer password", "viewer", "vera@example.com")
    assert identity.login("vera", "viewer password").principal.permissions == ROLES["viewer"]


BAD_USERS = {
    "username": ("<script>", "long enough", "viewer", None),
    "password": ("vera", "short", "viewer", None),
    "role": ("vera", "long enough", "root", None),
    "email": ("vera", "long enough", "viewer", "no address"),
}


@pytest.mark.parametrize("field", BAD_USERS)
def test_a_user_that_cannot_be_added_names_the_field(identity: IdentityService, admin: Principal, field: str) -> None:
    with pytest.raises(InvalidError) as raised:
        identity.create_user(admin, *BAD_USERS[field])
    assert raised.value.field == field
    assert raised.value.cure


@pytest.mark.parametrize(("field", "username", "email"), [("username", "VERA", None), ("email", "v2", "v@example.com")])
def test_user_names_and_addresses_are_unique(
    identity: IdentityService, admin: Principal, field: str, username: str, email: str | None
) -> None:
    identity.create_user(admin, "vera", "viewer password", "viewer", "v@example.com")
    with pytest.raises(ConflictError) as raised:
        identity.create_user(admin, username, "viewer password", "viewer", email)
    assert raised.value.field == field


def test_a_new_password_ends_all_sign_ins(identity: IdentityService, admin: Principal) -> None:
    identity.create_user(admin, "vera", "viewer password", "viewer")
    before = identity.login("vera", "viewer password")
    identity.set_password(admin, "Vera", "another password")
    with pytest.raises(UnauthenticatedError):
        identity.verify(before.access_token)
    with pytest.raises(UnauthenticatedError):
        identity.login("vera", "viewer password")
    assert identity.login("vera", "another password")


def test_who_is_locked_out_is_out_at_once(identity: IdentityService, admin: Principal) -> None:
    identity.create_user(admin, "vera", "viewer password", "viewer")
    before = identity.login("vera", "viewer password")
    identity.update_user(admin, "vera", is_active=False)
    with pytest.raises(UnauthenticatedError):
        identity.verify(before.access_token)
    with pytest.raises(UnauthenticatedError):
        identity.refresh(before.refresh_token)
    with pytest.raises(UnauthenticatedError, match="wrong"):
        identity.login("vera", "viewer password")


def test_nobody_locks_themselves_out(identity: IdentityService, admin: Principal) -> None:
    with pytest.raises(ConflictError):
        identity.update_user(admin, "Admin", is_active=False)
    with pytest.raises(ConflictError):
        identity.update_user(admin, "admin", role="viewer")
    assert identity.verify(identity.login("admin", PASSWORD).access_token)


def test_users_of_another_organisation_are_out_of_reach(identity: IdentityService, admin: Principal) -> None:
    stranger = Principal("u", "eve", "admin", ROLES["admin"], "another-organisation")
    assert identity.users("another-organisation") == []
    with pytest.raises(NotFoundError):
        identity.set_password(stranger, "admin", "another password")
    with pytest.raises(NotFoundError):
        identity.organisation("another-organisation")


def test_every_change_and_every_sign_in_is_in_the_audit_log(
    identity: IdentityService, admin: Principal, database: Database
) -> None:
    identity.create_user(admin, "vera", "viewer password", "viewer")
    identity.update_user(admin, "vera", role="operator", password="another password")
    with database.reading() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.at, AuditRow.id)).all()
    assert [(row.actor, row.action, row.target) for row in rows] == [
        ("system", "user.create", "admin"),
        ("admin", "session.login", "admin"),
        ("admin", "user.create", "vera"),
        ("admin", "user.update", "vera"),
    ]
    assert rows[-1].detail == {"role": "operator", "password_hash": True}


def test_a_permission_that_is_missing_is_named() -> None:
    from andon.identity.guard import requires

    viewer = Principal("u", "vera", "viewer", ROLES["viewer"], "o")
    with pytest.raises(ForbiddenError, match="devices:write"):
        requires("devices:write").check(viewer)
    assert requires("devices:read").check(viewer) is viewer
