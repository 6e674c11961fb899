"""The small parts: clocks, rates, and columns that grow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from andon.ingest.batch import BatchBuilder
from andon.ingest.rates import RateWindow
from andon.ingest.settings import IngestSettings
from andon.ingest.timing import ClockWatch, TimePolicy
from andon.kit.clock import US_PER_DAY, US_PER_S
from andon.kit.quality import Quality
from andon.kit.samples import decode, encode
from andon.wire.errors import WireError

NOW = 1_800_000_000 * US_PER_S


def minutes_of(watch: ClockWatch, delay_s: float, minutes: int = 3) -> list[bool]:
    """One sample a second, each `delay_s` late."""
    return [
        watch.is_wrong(NOW + second * US_PER_S - round(delay_s * US_PER_S), NOW + second * US_PER_S)
        for second in range(60 * minutes)
    ]


def test_a_clock_that_is_behind_in_every_sample_is_found_within_two_minutes() -> None:
    watch = ClockWatch(IngestSettings())
    flags = minutes_of(watch, 90)
    assert not flags[0]
    assert flags[-1]
    assert watch.offset_us == -90 * US_PER_S


def test_one_sample_in_time_clears_a_clock() -> None:
    watch = ClockWatch(IngestSettings())
    minutes_of(watch, 90)
    assert not watch.is_wrong(NOW, NOW)
    assert watch.offset_us == 0


def test_a_buffer_that_is_emptied_is_no_wrong_clock() -> None:
    watch = ClockWatch(IngestSettings())
    late = [watch.is_wrong(NOW - age * US_PER_S, NOW + i * 1_000) for i, age in enumerate(range(3_600, 0, -1))]
    assert not any(late)


def test_minutes_of_catching_up_are_no_wrong_clock() -> None:
    watch = ClockWatch(IngestSettings())
    hour = 3_600 * US_PER_S
    late = [watch.is_wrong(NOW - hour + i * US_PER_S, NOW + i * US_PER_S // 2) for i in range(7_000)]
    assert not any(late), "an hour that waited, at twice its pace"


def test_a_wrong_clock_stays_one_while_its_buffer_is_emptied() -> None:
    watch = ClockWatch(IngestSettings())
    minutes_of(watch, 90)
    later = NOW + 3_600 * US_PER_S
    assert all(watch.is_wrong(later - 400 * US_PER_S + i * US_PER_S, later + i * US_PER_S // 2) for i in range(300))
    assert watch.offset_us == -90 * US_PER_S


def test_a_clock_within_the_tolerance_is_right() -> None:
    watch = ClockWatch(IngestSettings(clock_tolerance_s=10))
    assert not any(minutes_of(watch, 9))
    assert not any(minutes_of(watch, -9))


@pytest.mark.parametrize(("ahead_s", "taken"), [(60, True), (60.1, False)])
def test_the_future_begins_after_the_tolerance(ahead_s: float, taken: bool) -> None:
    policy = TimePolicy(IngestSettings(max_ahead_s=60))
    at = NOW + round(ahead_s * US_PER_S)
    if taken:
        assert policy.check(at, NOW, Quality.GOOD) == (at, Quality.GOOD)
    else:
        with pytest.raises(WireError, match="ahead") as error:
            policy.check(at, NOW, Quality.GOOD)
        assert error.value.reason == "timestamp_in_future"


def test_the_future_is_refused_in_historical_data_too() -> None:
    with pytest.raises(WireError):
        TimePolicy(IngestSettings()).check(NOW + US_PER_DAY, NOW, Quality.GOOD, historical=True)


def test_a_worse_quality_than_the_clocks_stays() -> None:
    assert TimePolicy(IngestSettings()).check(None, NOW, Quality.BAD) == (NOW, Quality.BAD)


def test_a_rate_is_the_mean_of_the_last_whole_seconds() -> None:
    now = [100.0]
    rate = RateWindow(10, clock=lambda: now[0])
    rate.add(50)
    assert rate.per_second() == 0
    now[0] = 101.5
    rate.add(30)
    assert rate.per_second() == 5
    now[0] = 111.0
    assert rate.per_second() == 3
    now[0] = 500.0
    assert rate.per_second() == 0


def test_batches_are_cut_at_the_limit_and_keep_their_order() -> None:
    builder = BatchBuilder(batch_samples=3, batch_text_bytes=1_000)
    for i in range(7):
        builder.add(i, i * 10, float(i), Quality.GOOD, i * 100)
    assert len(builder) == 7
    batches = builder.take()
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [tag for batch in batches for tag in batch.tag_ids.tolist()] == list(range(7))
    assert len(builder) == 0
    assert builder.take() == []


def test_long_texts_close_a_batch_early() -> None:
    builder = BatchBuilder(batch_samples=1_000, batch_text_bytes=100)
    for _ in range(3):
        builder.add(1, 1, "x" * 60, Quality.GOOD, 1)
    assert [len(batch) for batch in builder.take()] == [2, 1]


def test_numbers_and_texts_stand_beside_each_other_and_survive_encoding() -> None:
    builder = BatchBuilder(100, 1_000)
    builder.add_numbers([1, 2], [10, 20], [1.5, True], [192, 0], 99)
    builder.add(3, 30, "on", 192, 100)
    (batch,) = builder.take()
    again = decode(encode(batch))
    assert list(again.rows())[:2] == [(1, 10, 1.5, 192, 99), (2, 20, 1.0, 0, 99)]
    assert again.texts == {2: "on"}
    assert math.isnan(again.values[2])
    assert again.tag_ids.dtype == np.int32
