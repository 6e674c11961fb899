"""What is checked before anything starts."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from andon.app.guards import bind, claim_data_dir, free_port
from andon.app.settings import load_settings
from andon.kit.errors import StartError


def test_a_data_folder_is_made_and_claimed(tmp_path: Path) -> None:
    with claim_data_dir(tmp_path / "new" / "data"):
        assert (tmp_path / "new" / "data" / "andon.lock").read_text() == str(os.getpid())


def test_a_data_folder_in_use_names_the_process_that_has_it(tmp_path: Path) -> None:
    with claim_data_dir(tmp_path), pytest.raises(StartError) as caught:
        claim_data_dir(tmp_path)
    assert str(os.getpid()) in caught.value.message
    assert "--data-dir" in (caught.value.cure or "")


def test_a_released_data_folder_can_be_claimed_again(tmp_path: Path) -> None:
    claim_data_dir(tmp_path).close()
    claim_data_dir(tmp_path).close()


def test_a_data_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="not writable"):
        claim_data_dir(tmp_path / "file" / "data")


def test_a_taken_port_names_the_port_and_the_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError) as caught:
        bind("127.0.0.1", taken.getsockname()[1], setting="mqtt_port")
    assert str(taken) and "already taken" in caught.value.message
    assert "--mqtt-port" in (caught.value.cure or "")


def test_a_taken_port_of_a_role_names_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError) as caught:
        bind("127.0.0.1", taken.getsockname()[1], setting="historian_port")
    assert "ANDON_HISTORIAN_PORT" in (caught.value.cure or "") and "--historian-port" not in (caught.value.cure or "")


def test_port_zero_takes_a_free_one() -> None:
    assert free_port("127.0.0.1", 0, setting="port") > 0


def test_settings_come_from_arguments_then_environment_then_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "andon.toml").write_text('port = 1111\nmqtt_port = 2222\ntimezone = "Europe/Berlin"\n')
    monkeypatch.setenv("ANDON_MQTT_PORT", "3333")
    monkeypatch.setenv("ANDON_PORT", "4444")
    settings = load_settings(data_dir=tmp_path, port=5555)
    assert (settings.port, settings.mqtt_port, settings.timezone) == (5555, 3333, "Europe/Berlin")


def test_a_wrong_setting_names_itself_and_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_PORT", "many")
    with pytest.raises(StartError) as caught:
        load_settings(data_dir=tmp_path)
    assert caught.value.field == "port"
    assert "ANDON_PORT" in (caught.value.cure or "")


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "andon.toml").write_text("prot = 8080\n")
    with pytest.raises(StartError, match="prot"):
        load_settings(data_dir=tmp_path)


def test_the_admin_password_is_not_shown_with_the_settings(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, admin_password="hunter22")
    assert "hunter22" not in repr(settings)
