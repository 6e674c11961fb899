"""The hours of a month that is over lie in one file: charts of years open few of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.columnar.catalogue import month_of
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.historian.stores.columnar.tierfile import TierFile
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import SampleBatch
from historian.support import batch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JANUARY = (datetime(2025, 1, 1, tzinfo=UTC) - EPOCH).days * US_PER_DAY
FEBRUARY = JANUARY + 31 * US_PER_DAY
MARCH = FEBRUARY + 28 * US_PER_DAY


class Plant:
    """A store whose clock the test turns. Each signal has a sample an hour, worth the hour of its day."""

    def __init__(self, folder: Path, now: int, **limits: int) -> None:
        self.folder = folder
        self.now = now
        # Small limits: a month of hours is written and read in pieces.
        chosen = LocalStoreLimits(maintenance=False, chunk_rows=100, **{"month_after_days": 0, **limits})
        self.store = LocalStore.open(folder, chosen, clock=lambda: self.now)
        self._position = 0

    async def write(self, samples: SampleBatch) -> None:
        self._position += 1
        await self.store.write(samples, self._position)
        await self.store.seal()
        await self.store.maintain()

    async def fill(self, start: int, end: int, *tags: int) -> None:
        """Whole days, a day after they were over."""
        self.now = end + US_PER_DAY + US_PER_HOUR
        times = range(start, end, US_PER_HOUR)
        await self.write(batch(*((tag, at, float(at % US_PER_DAY // US_PER_HOUR)) for tag in tags for at in times)))

    def files(self, tier: str = "hour") -> list[str]:
        found = (path.relative_to(self.folder / tier).as_posix() for path in (self.folder / tier).rglob("*.parquet"))
        return sorted(name.rpartition("-")[0] for name in found)

    async def days(self, tag: int, start: int, end: int) -> list[tuple[int, float | None]]:
        """Of each day the number of samples and their mean."""
        (found,) = await self.store.series([tag], np.arange(start, end + 1, US_PER_DAY))
        by_day = dict(
            zip(found.starts.tolist(), zip(found.counts.tolist(), found.means.tolist(), strict=True), strict=True)
        )
        return [by_day.get(day, (0, None)) for day in range(start, end, US_PER_DAY)]


@given(st.dates(date(1970, 1, 1), date(9000, 12, 31)))
def test_a_month_is_that_of_the_calendar(day: date) -> None:
    days = month_of((day - EPOCH.date()).days)
    first, last = (EPOCH.date() + timedelta(days=each) for each in (days[0], days[-1]))
    assert (first.year, first.month, first.day) == (day.year, day.month, 1)
    assert (last.year, last.month) == (day.year, day.month)
    assert (last + timedelta(days=1)).day == 1


async def test_a_month_of_hours_becomes_one_file_once_it_is_over(tmp_path: Path) -> None:
    plant = Plant(tmp_path, JANUARY)
    await plant.fill(JANUARY, FEBRUARY, 1, 2, 3)
    assert plant.files() == ["2025-01/month"]
    await plant.fill(FEBRUARY, FEBRUARY + 2 * US_PER_DAY, 1, 2, 3)
    assert plant.files() == ["2025-01/month", "2025-02-01/day", "2025-02-02/day"]
    assert "2025-01-31/day" in plant.files("minute")
    for tag in (1, 2, 3):
        expected = [(24, 11.5)] * 33 + [(0, None)]
        assert await plant.days(tag, JANUARY, FEBRUARY + 3 * US_PER_DAY) == expected
    assert await plant.store.top([1, 2, 3], JANUARY, FEBRUARY, "count", 2) == [(1, 744.0), (2, 744.0)]
    await plant.store.close()


async def test_a_chart_of_months_opens_a_file_for_each_month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = Plant(tmp_path, JANUARY)
    await plant.write(batch(*((1, at, 1.0) for at in range(JANUARY - 120 * US_PER_DAY, JANUARY, US_PER_DAY))))
    plant.now += 7 * US_PER_HOUR  # nothing else came late for them
    await plant.store.maintain()
    await plant.store.close()
    assert len(plant.files("minute")) == 120
    plant = Plant(tmp_path, plant.now)
    opened: list[str] = []
    really = TierFile.open

    def noted(path: Path, filesystem: None) -> TierFile:
        opened.append(path.as_posix())
        return really(path, filesystem)

    monkeypatch.setattr(TierFile, "open", staticmethod(noted))
    (found,) = await plant.store.series([1], np.array([JANUARY - 120 * US_PER_DAY, JANUARY]))
    assert found.counts.tolist() == [120]
    months = [f"2024-{month:02d}/month" for month in (9, 10, 11, 12)]
    assert plant.files() == months
    assert len(opened) == len(months)
    await plant.store.close()


async def test_what_comes_late_for_a_month_counts_at_once_and_is_merged_in_time(tmp_path: Path) -> None:
    plant = Plant(tmp_path, JANUARY)
    await plant.fill(JANUARY, FEBRUARY, 1, 2)
    day = JANUARY + 10 * US_PER_DAY
    await plant.write(batch((1, day, 24.0), (1, day + 1, 24.0)))  # a correction and one that was missing
    expected = [(24, 11.5)] * 10 + [(25, 300 / 25 + 24 / 25)] + [(24, 11.5)] * 20
    assert "2025-01/month" in plant.files()
    assert "2025-01-11/day" in plant.files()
    assert np.allclose(await plant.days(1, JANUARY, FEBRUARY), expected)
    plant.now += 24 * US_PER_HOUR
    await plant.store.maintain()
    assert plant.files() == ["2025-01/month"]
    assert np.allclose(await plant.days(1, JANUARY, FEBRUARY), expected)
    assert await plant.days(2, JANUARY, FEBRUARY) == [(24, 11.5)] * 31
    await plant.store.close()


async def test_days_that_are_over_go_from_a_month(tmp_path: Path) -> None:
    plant = Plant(tmp_path, JANUARY)
    await plant.fill(JANUARY, MARCH, 1, 2)
    policies = RetentionPolicies(Retention(1, 1, 49), {2: Retention(1, 1, 35)})
    plant.now = MARCH + 2 * US_PER_DAY
    dropped = await plant.store.retain(policies, plant.now)
    gone = [each for each in dropped if each.tier == "hour"]
    assert sum(each.rows for each in gone) == 24 * (12 + 26)
    assert await plant.days(1, JANUARY, MARCH) == [(0, None)] * 12 + [(24, 11.5)] * 47
    assert await plant.days(2, JANUARY, MARCH) == [(0, None)] * 26 + [(24, 11.5)] * 33
    assert [each for each in await plant.store.retain(policies, plant.now) if each.tier == "hour"] == []
    report = await plant.store.storage()
    (hours,) = [each for each in report.tiers if each.tier == "hour"]
    assert hours.oldest == JANUARY + 12 * US_PER_DAY
    assert hours.next_drop == JANUARY + (13 + 49) * US_PER_DAY
    plant.now = MARCH + 24 * US_PER_DAY
    await plant.store.retain(policies, plant.now)
    assert plant.files() == ["2025-02/month"]
    await plant.store.close()


async def test_hours_of_which_minutes_are_kept_stay_in_their_month(tmp_path: Path) -> None:
    plant = Plant(tmp_path, JANUARY)
    await plant.fill(JANUARY, MARCH, 1)
    hours_only = RetentionPolicies(Retention(None, None, 1))
    assert await plant.store.retain(hours_only, plant.now) == []
    assert plant.files() == ["2025-01/month", "2025-02/month"]
    assert await plant.days(1, JANUARY, MARCH) == [(24, 11.5)] * 59
    await plant.store.close()


async def test_a_month_stays_in_days_until_its_last_ones_are_old(tmp_path: Path) -> None:
    plant = Plant(tmp_path, JANUARY, month_after_days=7)
    await plant.fill(JANUARY, FEBRUARY, 1)
    plant.now = FEBRUARY + 7 * US_PER_DAY
    await plant.store.maintain(everything=True)
    assert len(plant.files()) == 31
    plant.now += US_PER_HOUR
    await plant.store.maintain()
    assert plant.files() == ["2025-01/month"]
    await plant.store.close()


async def test_a_month_that_is_too_large_stays_in_days(tmp_path: Path) -> None:
    plant = Plant(tmp_path, JANUARY, day_file_bytes=10_000)
    await plant.fill(JANUARY, FEBRUARY, 1)
    assert len(plant.files()) == 31
    assert await plant.days(1, JANUARY, FEBRUARY) == [(24, 11.5)] * 31
    await plant.store.close()
