"""Times: whatever a device writes becomes µs UTC, or is refused with its reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.kit.clock import now_us, parse_timestamp, to_iso

TEN = 1_736_589_600_000_000  # 2025-01-11T10:00:00Z
LAST = 253_402_300_799_000_000


@pytest.mark.parametrize(
    ("written", "us"),
    [
        ("2025-01-11T10:00:00.000Z", TEN),
        ("2025-01-11T10:00:00Z", TEN),
        ("2025-01-11T12:00:00+02:00", TEN),
        ("2025-01-11 10:00:00", TEN),
        ("  2025-01-11T10:00:00Z ", TEN),
        ("2025-01-11T10:00:00.000001Z", TEN + 1),
        ("2025-01-11", TEN - 10 * 3_600_000_000),
        ("1970-01-01T00:00:00Z", 0),
        (1_736_589_600, TEN),
        (1_736_589_600.5, TEN + 500_000),
        (1_736_589_600_000, TEN),
        (1_736_589_600_000_000, TEN),
        (1_736_589_600_000_000_000, TEN),
        (1_736_589_600_000_000_499, TEN),
        (1_736_589_600_000_001e3, TEN + 1),
        (0, 0),
    ],
)
def test_a_timestamp_is_read(written: object, us: int) -> None:
    assert parse_timestamp(written) == us


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "",
        "2025-13-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        -1,
        float("nan"),
        float("inf"),
        10**30,
        True,
        None,
        [],
    ],
)
def test_what_is_no_timestamp_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        parse_timestamp(written)


@given(st.integers(min_value=0, max_value=LAST))
def test_iso_text_comes_back_as_the_same_microsecond(us: int) -> None:
    assert parse_timestamp(to_iso(us)) == us


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()))
def test_any_offset_gives_the_same_instant_in_utc(moment: datetime) -> None:
    back = datetime.fromisoformat(to_iso(parse_timestamp(moment.isoformat())))
    assert back == moment.astimezone(UTC)


@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.none(), st.booleans()))
def test_anything_else_is_a_value_error_and_nothing_worse(written: object) -> None:
    try:
        us = parse_timestamp(written)
    except ValueError:
        return
    assert 0 <= us <= LAST


def test_microseconds_are_shown_only_when_there_are_any() -> None:
    assert to_iso(TEN) == "2025-01-11T10:00:00.000Z"
    assert to_iso(TEN + 250_000) == "2025-01-11T10:00:00.250Z"
    assert to_iso(TEN + 1) == "2025-01-11T10:00:00.000001Z"


def test_now_is_the_wall_clock_in_microseconds() -> None:
    before = datetime.now(UTC).timestamp() * 1e6
    assert before - 1_000 <= now_us() <= datetime.now(UTC).timestamp() * 1e6 + 1_000
