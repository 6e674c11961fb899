"""Processes on one database: each signs with its own key, which never leaves it, and all verify."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from andon.engines.database import Database
from andon.identity import repository
from andon.identity.keys import SigningKeys
from andon.identity.service import IdentityService
from andon.identity.tables import VerificationKeyRow
from andon.kit.errors import UnauthenticatedError
from identity.conftest import PASSWORD


def test_a_process_that_only_verifies_accepts_what_another_signs(database: Database, identity: IdentityService) -> None:
    verifier = IdentityService(database, None)
    token = identity.login("admin", PASSWORD).access_token
    with pytest.raises(UnauthenticatedError):
        verifier.verify(token)
    identity.publish_key()
    verifier.learn_keys()
    assert verifier.verify(token).username == "admin"


def test_two_that_sign_accept_each_other(database: Database, identity: IdentityService) -> None:
    second = IdentityService(database, SigningKeys.generate())
    for each in (identity, second):
        each.publish_key()
    for signer, verifier in ((identity, second), (second, identity)):
        verifier.learn_keys()
        assert verifier.verify(signer.login("admin", PASSWORD).access_token).username == "admin"


def test_a_key_that_nobody_published_is_not_accepted(database: Database, identity: IdentityService) -> None:
    identity.publish_key()
    stranger = IdentityService(database, SigningKeys.generate())
    identity.learn_keys()
    with pytest.raises(UnauthenticatedError):
        identity.verify(stranger.login("admin", PASSWORD).access_token)


def test_a_sign_out_holds_for_those_that_only_verify(database: Database, identity: IdentityService) -> None:
    identity.publish_key()
    verifier = IdentityService(database, None)
    verifier.learn_keys()
    signed_in = identity.login("admin", PASSWORD)
    verifier.verify(signed_in.access_token)
    identity.logout(signed_in.refresh_token)
    verifier.learn_ended()
    with pytest.raises(UnauthenticatedError):
        verifier.verify(signed_in.access_token)


def test_only_the_public_half_is_shared(database: Database, identity: IdentityService) -> None:
    identity.publish_key()
    with database.reading() as session:
        (row,) = session.scalars(select(VerificationKeyRow)).all()
    assert "PUBLIC KEY" in row.pem and "PRIVATE" not in row.pem


def test_a_key_that_is_not_published_again_is_forgotten(database: Database, keys: SigningKeys) -> None:
    with database.session() as session:
        repository.publish_key(session, "old", keys.public_pem, 1)
        repository.publish_key(session, "new", keys.public_pem, 2 + repository.KEY_LIFE_US)
        assert set(repository.published_keys(session)) == {"new"}


def test_two_that_start_at_once_make_one_admin(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = IdentityService(database, None), IdentityService(database, None)
    create = second.create_user

    def overtaken(*arguments: object) -> object:
        first.ensure_admin(PASSWORD)
        return create(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(second, "create_user", overtaken)
    assert second.ensure_admin(None) is None
