"""Time ranges are understood as people and programs write them."""

from __future__ import annotations

import pytest

from andon.historian.ranges import parse_moment, parse_range
from andon.kit.errors import InvalidError
from historian.support import T0, S

NOW = T0 + 12_345_678


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("-24h", NOW - 86_400 * S),
        ("now-15m", NOW - 900 * S),
        ("now - 15m", NOW - 900 * S),
        ("+1h", NOW + 3_600 * S),
        (" 1h", NOW + 3_600 * S),  # a plus that was not escaped
        ("-7d", NOW - 7 * 86_400 * S),
        ("-2w", NOW - 14 * 86_400 * S),
        ("-500ms", NOW - 500_000),
        ("2025-01-11T10:00:00Z", T0),
        ("2025-01-11T10:00:00.000Z", T0),
        ("2025-01-11T10:00:00", T0),
        ("2025-01-11T11:00:00+01:00", T0),
        ("2025-01-11T11:00:00 01:00", T0),  # the same
        ("2025-01-11 10:00", T0),
        ("1736589600", T0),
        ("1736589600.25", T0 + 250_000),
        ("1736589600000", T0),
        ("1736589600000000", T0),
    ],
)
def test_a_moment(text: str, moment: int) -> None:
    assert parse_moment(text, NOW, "from") == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-", "-24", "24x", "2025-13-01T00:00:00Z", "1e5", "9999999999999999999999"]
)
def test_what_is_no_moment_is_refused_with_the_field_and_the_cure(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_moment(text, NOW, "to")
    assert caught.value.field == "to"
    assert "ISO 8601" in (caught.value.cure or "")


def test_distances_stay_within_the_calendar() -> None:
    assert parse_moment("-999999999w", NOW, "from") == 0
    assert parse_moment("+999999999w", NOW, "to") == parse_moment("9999-12-31T23:59:59Z", NOW, "to")


@pytest.mark.parametrize(("start", "end"), [("now", "now"), ("now", "-1h"), ("2025-01-11T10:00:01Z", "1736589600")])
def test_a_range_must_begin_before_it_ends(start: str, end: str) -> None:
    with pytest.raises(InvalidError, match="not before"):
        parse_range(start, end, NOW)
