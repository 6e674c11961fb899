"""Ports for children: free, and outside of what outgoing connections are given."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from andon.engines.broker import ports
from andon.kit.errors import StartError


def test_a_port_that_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", ports.free_port())) as listening:
        assert listening.getsockname()[1] > 0


def test_no_outgoing_connection_can_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = tmp_path / "range"
    chosen.write_text("20000\t60999\n")
    monkeypatch.setattr(ports, "_RANGE_FILE", chosen)
    assert all(ports.free_port() < 20_000 for _ in range(50))


@pytest.mark.parametrize("text", ["1024\t65000\n", "", "none"])
def test_a_range_that_leaves_no_room_counts_as_the_usual_one(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = tmp_path / "range"
    chosen.write_text(text)
    monkeypatch.setattr(ports, "_RANGE_FILE", chosen)
    assert ports.free_port() < 32_768


def test_an_address_of_another_machine_is_refused_with_its_reason() -> None:
    with pytest.raises(StartError, match=r"no free port on 192\.0\.2\.1"):
        ports.free_port("192.0.2.1")
