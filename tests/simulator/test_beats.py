from __future__ import annotations

import pytest

from andon.simulator import beats as module


class FakeClock:
    """Time that passes only when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get_running_loop(self) -> FakeClock:
        return self


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()
    monkeypatch.setattr(module, "asyncio", fake)
    return fake


async def beat_times(clock: FakeClock, work: list[float]) -> list[float]:
    """When each beat came, seconds from the start; `work` is how long the work after each takes."""
    times = []
    async for _ in module.beats(1.0, phase_s=0.5):
        times.append(clock.now - 100)
        if len(times) > len(work):
            return times
        clock.now += work[len(times) - 1]
    return times


async def test_the_beat_does_not_drift_when_work_takes_time(clock: FakeClock) -> None:
    assert await beat_times(clock, [0.3, 0.9, 0.0]) == pytest.approx([0.5, 1.5, 2.5, 3.5])


async def test_a_late_beat_comes_at_once_and_the_next_one_in_time(clock: FakeClock) -> None:
    assert await beat_times(clock, [1.4, 0.0]) == pytest.approx([0.5, 1.9, 2.5])


async def test_beats_that_were_missed_are_left_out_instead_of_rushed(clock: FakeClock) -> None:
    assert await beat_times(clock, [60.2, 0.0, 0.0]) == pytest.approx([0.5, 60.7, 61.5, 62.5])
