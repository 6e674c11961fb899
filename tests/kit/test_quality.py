"""Quality: names, OPC codes and Sparkplug codes mean one thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.kit.quality import Quality, parse_quality, quality_name


@pytest.mark.parametrize(
    ("written", "quality"),
    [
        ("good", Quality.GOOD),
        ("Bad", Quality.BAD),
        ("UNCERTAIN", Quality.UNCERTAIN),
        ("stale", Quality.STALE),
        (192, Quality.GOOD),
        (216, Quality.GOOD),
        (64, Quality.UNCERTAIN),
        (0, Quality.BAD),
        (24, Quality.BAD),
        (500, Quality.STALE),
        (20, Quality.STALE),
    ],
)
def test_a_quality_is_read(written: object, quality: Quality) -> None:
    assert parse_quality(written) is quality


@pytest.mark.parametrize("written", ["fine", "", -1, 256, 501, 192.0, True, None])
def test_what_is_no_quality_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="quality"):
        parse_quality(written)


@given(st.sampled_from(["good", "bad", "uncertain", "stale"]))
def test_a_name_comes_back_as_itself(name: str) -> None:
    assert quality_name(parse_quality(name)) == name


@given(st.integers(min_value=0, max_value=255))
def test_every_code_keeps_its_meaning(code: int) -> None:
    assert quality_name(code) == quality_name(parse_quality(code))


def test_a_wrong_clock_shows_as_uncertain() -> None:
    assert quality_name(Quality.UNCERTAIN_CLOCK) == "uncertain"
