"""The key pair that signs access tokens."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from andon.identity.keys import FILE_NAME, load_or_create_keys
from andon.kit.errors import StartError


def test_a_key_is_made_at_the_first_start_and_kept(tmp_path: Path) -> None:
    first = load_or_create_keys(tmp_path)
    assert load_or_create_keys(tmp_path).key_id == first.key_id


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    assert load_or_create_keys(tmp_path / "a").key_id != load_or_create_keys(tmp_path / "b").key_id


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    load_or_create_keys(tmp_path)
    assert stat.S_IMODE((tmp_path / "keys" / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_key_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    load_or_create_keys(tmp_path)
    (tmp_path / "keys" / FILE_NAME).chmod(0o644)
    load_or_create_keys(tmp_path)
    assert stat.S_IMODE((tmp_path / "keys" / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_broken_key_stops_the_start_and_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys" / FILE_NAME
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StartError, match="does not hold a private key"):
        load_or_create_keys(tmp_path)
    assert path.read_bytes() == content


def test_a_key_of_another_kind_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "keys" / FILE_NAME
    path.parent.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(StartError, match="RSA"):
        load_or_create_keys(tmp_path)


def test_a_data_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where a folder belongs")
    with pytest.raises(StartError, match="cannot be used"):
        load_or_create_keys(tmp_path)
