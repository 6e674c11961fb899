"""Buckets of a calendar: days of 23 and 25 hours, shifts, weeks and months of a place."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.historian.calendar import Width, bucket_edges, parse_width, zone_of
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S, parse_timestamp, to_iso
from andon.kit.errors import InvalidError

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Beirut",
)


def edges(width: str, start: str, end: str, zone: str = "Europe/Berlin", most: int = 5_000) -> list[str]:
    """Edges as local times."""
    found = bucket_edges(parse_width(width), parse_timestamp(start), parse_timestamp(end), ZoneInfo(zone), most)
    return [datetime.fromtimestamp(at / US_PER_S, ZoneInfo(zone)).isoformat() for at in found.tolist()]


def hours(width: str, start: str, end: str, zone: str = "Europe/Berlin") -> list[float]:
    """Lengths of the buckets in hours."""
    found = bucket_edges(parse_width(width), parse_timestamp(start), parse_timestamp(end), ZoneInfo(zone), 5_000)
    return (np.diff(found) / US_PER_HOUR).tolist()


def test_a_day_is_the_sites_day() -> None:
    assert edges("1d", "2025-01-11T10:00:00Z", "2025-01-12T22:59:00Z") == [
        "2025-01-11T00:00:00+01:00",
        "2025-01-12T00:00:00+01:00",
        "2025-01-13T00:00:00+01:00",
    ]


def test_the_day_on_which_summer_begins_has_23_hours() -> None:
    assert hours("1d", "2025-03-29T12:00:00Z", "2025-03-31T12:00:00Z") == [24, 23, 24]
    assert len(hours("1h", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z")) == 23
    assert edges("1h", "2025-03-30T00:00:00Z", "2025-03-30T02:00:00Z") == [
        "2025-03-30T01:00:00+01:00",
        "2025-03-30T03:00:00+02:00",
        "2025-03-30T04:00:00+02:00",
    ]


def test_the_day_on_which_summer_ends_has_25_hours() -> None:
    assert hours("1d", "2025-10-25T12:00:00Z", "2025-10-27T12:00:00Z") == [24, 25, 24]
    assert hours("1h", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z") == [1] * 25
    assert edges("1h", "2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z") == [
        "2025-10-26T02:00:00+02:00",
        "2025-10-26T02:00:00+01:00",
        "2025-10-26T03:00:00+01:00",
    ]


def test_shifts_of_eight_hours_stay_with_the_clock_on_the_wall() -> None:
    assert hours("8h", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z") == [7, 8, 8]
    assert hours("8h", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z") == [9, 8, 8]


def test_a_width_that_does_not_divide_the_day_begins_anew_at_midnight() -> None:
    assert hours("7h", "2025-01-11T00:00:00Z", "2025-01-12T00:00:00Z", "UTC") == [7, 7, 7, 3]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    assert edges("1w", "2025-01-15T00:00:00Z", "2025-01-16T00:00:00Z") == [
        "2025-01-13T00:00:00+01:00",
        "2025-01-20T00:00:00+01:00",
    ]
    assert edges("1mo", "2025-03-15T00:00:00Z", "2025-04-16T00:00:00Z") == [
        "2025-03-01T00:00:00+01:00",
        "2025-04-01T00:00:00+02:00",
        "2025-05-01T00:00:00+02:00",
    ]
    assert edges("3mo", "2025-03-15T00:00:00Z", "2025-03-16T00:00:00Z")[0] == "2025-01-01T00:00:00+01:00"
    assert edges("1y", "2025-03-15T00:00:00Z", "2025-03-16T00:00:00Z")[1] == "2026-01-01T00:00:00+01:00"


def test_several_days_count_from_a_fixed_day_so_that_ranges_agree() -> None:
    one = edges("3d", "2025-01-15T00:00:00Z", "2025-01-16T00:00:00Z")
    assert edges("3d", "2025-01-14T00:00:00Z", "2025-01-17T00:00:00Z")[-len(one) :] == one


def test_a_quarter_of_an_hour_in_a_zone_of_half_hours() -> None:
    assert edges("1h", "2025-01-11T00:00:00Z", "2025-01-11T01:00:00Z", "Asia/Kolkata") == [
        "2025-01-11T05:00:00+05:30",
        "2025-01-11T06:00:00+05:30",
        "2025-01-11T07:00:00+05:30",
    ]


def test_a_day_that_a_country_skipped_has_no_bucket() -> None:
    # Samoa went from 29 to 31 December 2011.
    assert edges("1d", "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z", "Pacific/Apia") == [
        "2011-12-29T00:00:00-10:00",
        "2011-12-31T00:00:00+14:00",
        "2012-01-01T00:00:00+14:00",
        "2012-01-02T00:00:00+14:00",
    ]


def test_where_summer_begins_at_midnight_the_day_begins_at_one() -> None:
    assert edges("1d", "2025-03-30T00:00:00Z", "2025-03-30T01:00:00Z", "Asia/Beirut")[0] == "2025-03-30T01:00:00+03:00"


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "1.5h", "-1h", "25h", "1440m1", "1 fortnight", "1M", "999999d"])
def test_what_is_no_width_is_refused_with_the_cure(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_width(text)
    assert caught.value.field == "bucket"
    assert "15m" in str(caught.value.cure)


@pytest.mark.parametrize("name", ["", "Europe", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "\0", "x" * 300])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        zone_of(name)
    assert caught.value.field == "timezone"


def test_more_buckets_than_the_limit_are_refused_before_they_are_made() -> None:
    with pytest.raises(InvalidError, match="more than 100 buckets of 1s"):
        edges("1s", "1970-01-01T00:00:00Z", "2025-01-01T00:00:00Z", most=100)
    with pytest.raises(InvalidError, match="more than 10 buckets"):
        edges("1h", "2025-01-01T00:00:00Z", "2025-01-01T11:00:00Z", most=10)
    assert len(edges("1h", "2025-01-01T00:00:00Z", "2025-01-01T10:00:00Z", most=10)) == 11


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("width", ["24h", "1d", "1w", "1mo", "1y", "99999d", "99999w", "99999mo", "99999y"])
def test_the_last_bucket_of_all_ends_where_dates_end(width: str, zone: str) -> None:
    start, end = parse_timestamp("9998-12-31T23:30:00Z"), parse_timestamp("9999-12-31T23:59:59Z")
    found = bucket_edges(parse_width(width), start, end, ZoneInfo(zone), 5_000)
    assert found[0] <= start < found[1]
    assert found[-2] < end <= found[-1]


def test_a_range_that_begins_in_the_last_year_of_all_is_refused_in_every_zone() -> None:
    start, end = parse_timestamp("9999-12-31T23:00:00Z"), parse_timestamp("9999-12-31T23:59:59Z")
    for zone in ZONES:
        with pytest.raises(InvalidError, match="begins after 9998"):
            bucket_edges(Width(1, "d"), start, end, ZoneInfo(zone), 10)


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["1s", "7s", "15m", "1h", "2h", "7h", "8h", "24h", "1d", "3d", "1w", "1mo", "5mo", "1y"]),
    st.integers(0, 80 * 365 * US_PER_DAY),
    st.integers(1, 200),
    st.floats(0, 1),
)
def test_edges_ascend_and_hold_the_range(zone: str, width: str, start: int, count: int, part: float) -> None:
    parsed: Width = parse_width(width)
    end = start + max(int(parsed.us * (count - 1 + part)), 1)
    found = bucket_edges(parsed, start, end, ZoneInfo(zone), 5_000)
    assert (np.diff(found) > 0).all()
    assert found[0] <= start < found[1]
    assert found[-2] < end <= found[-1]
    assert np.diff(found).max() <= parsed.us * 1.6 + 2 * US_PER_DAY, (to_iso(start), width)


@given(st.sampled_from(ZONES), st.integers(0, 60 * 365))
def test_every_edge_of_days_is_the_first_moment_of_a_local_day(zone: str, day: int) -> None:
    info = ZoneInfo(zone)
    found = bucket_edges(Width(1, "d"), day * US_PER_DAY, day * US_PER_DAY + 1, info, 10)
    for edge in found.tolist():
        at = datetime.fromtimestamp(edge // US_PER_S, info)
        before = at.timestamp() - 1
        assert datetime.fromtimestamp(before, info).date() < at.date()
        assert at - timedelta(hours=3) < at
