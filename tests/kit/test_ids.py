"""Ids: UUID version 7, in the order of their making."""

from __future__ import annotations

import uuid
from time import time

import pytest

from andon.kit import ids


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(ids.new_id())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_its_first_48_bits_are_the_time_in_milliseconds() -> None:
    before = int(time() * 1000)
    stamp = uuid.UUID(ids.new_id()).int >> 80
    assert before - 1 <= stamp <= int(time() * 1000) + 1


def test_ids_of_later_milliseconds_sort_later(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + 50_000_000, 1_000_000))
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(moments))
    made = [ids.new_id() for _ in range(50)]
    assert made == sorted(made)


def test_ids_of_the_same_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    assert len({ids.new_id() for _ in range(2_000)}) == 2_000
