"""How often ingest flushes: few messages wait for one another, many do not wait long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.ingest.pace import Pace
from andon.ingest.settings import IngestSettings

SETTINGS = IngestSettings(flush_interval_ms=50, busy_interval_ms=10, busy_messages=16)


def _settled(pace: Pace, per_s: float, most: int | None = None) -> float:
    """The pause after a while at so many messages a second; a broker may send `most` of them before each flush."""
    pause = pace.next_s(1)
    for _ in range(100):
        came = round(per_s * pause)
        pause = pace.next_s(came if most is None else min(came, most))
    return pause


@given(st.lists(st.integers(0, 100_000)))
def test_the_pause_is_never_shorter_or_longer_than_set(gathered: list[int]) -> None:
    pace = Pace(SETTINGS)
    for each in gathered:
        assert 0.01 <= pace.next_s(each) <= 0.05


@pytest.mark.parametrize(("per_s", "pause_s"), [(0, 0.05), (100, 0.05), (640, 0.025), (100_000, 0.01)])
def test_a_pause_brings_about_as_many_messages_as_wanted(per_s: float, pause_s: float) -> None:
    assert _settled(Pace(SETTINGS), per_s) == pytest.approx(pause_s, rel=0.1)


def test_a_broker_that_sends_few_at_a_time_is_not_held_up() -> None:
    assert _settled(Pace(SETTINGS), per_s=5_000, most=20) == 0.01


def test_after_a_flood_messages_wait_for_one_another_again() -> None:
    pace = Pace(SETTINGS)
    pace.next_s(10_000)
    assert [pace.next_s(2), pace.next_s(2)] == [0.05, 0.05]


def test_the_shortest_pause_is_no_longer_than_the_longest() -> None:
    pace = Pace(replace(SETTINGS, flush_interval_ms=0))
    assert pace.least_s == pace.next_s(1) == 0
