"""The keys have S1's names, and their values S1's fields."""

from __future__ import annotations

import json
import math

import pytest

from andon.engines.livestate.port import Current, WindowStats
from andon.engines.livestate.redis_keys import (
    Entry,
    PublishedDevice,
    current_entry,
    document_entry,
    key_prefix,
    packed,
    stats_entry,
)
from andon.kit.clock import US_PER_S, parse_timestamp
from andon.kit.limits import Limits
from andon.kit.quality import Quality

AT = parse_timestamp("2025-01-11T10:00:00.000Z")
DEVICE = PublishedDevice("", "device-001", 1, "number", Limits(20, 80, 15, 85), 30 * US_PER_S)


def current(value: float, quality: int = Quality.GOOD, text: str | None = None) -> Current:
    return Current(AT, value, quality, AT, text)


def body(entry: Entry | None) -> object:
    assert entry is not None and entry.value is not None
    return json.loads(entry.value)


def test_the_current_value_is_as_s1_prints_it() -> None:
    entry = current_entry(DEVICE, current(75.2), AT)
    assert entry is not None
    assert (entry.key, entry.ttl_s) == ("device:device-001:current", 3600)
    assert entry.value == b'{"value":75.2,"timestamp":"2025-01-11T10:00:00.000Z","status":"normal"}'


def test_statistics_are_as_s1_prints_them() -> None:
    entry = stats_entry(DEVICE, "1h", WindowStats(73.5, 68.2, 78.9, 1800, "stable", 0.0))
    assert entry == (
        "device:device-001:stats:1h",
        b'{"avg":73.5,"min":68.2,"max":78.9,"count":1800,"trend":"stable"}',
        86_400,
    )
    assert stats_entry(DEVICE, "24h", None) == ("device:device-001:stats:24h", None, 0)


@pytest.mark.parametrize(
    ("value", "quality", "status"),
    [(83.0, 192, "warning"), (90.0, 192, "critical"), (75.0, 20, "unknown"), (75.0, 0, "unknown"), (75, 68, "normal")],
)
def test_the_status_says_where_the_value_stands(value: float, quality: int, status: str) -> None:
    assert body(current_entry(DEVICE, current(float(value), quality), AT))["status"] == status  # type: ignore[index]


def test_a_value_that_is_old_has_no_status_and_expires_an_hour_after_it_came() -> None:
    entry = current_entry(DEVICE, current(75.2), AT + 31 * US_PER_S)
    assert entry is not None and entry.ttl_s == 3600 - 31
    assert body(entry) == {"value": 75.2, "timestamp": "2025-01-11T10:00:00.000Z", "status": "unknown"}
    assert current_entry(DEVICE, current(75.2), AT + 3600 * US_PER_S) is None


def test_texts_booleans_and_nothing() -> None:
    switch = PublishedDevice("", "s", 1, "boolean", Limits(), 30 * US_PER_S)
    assert body(current_entry(switch, current(1.0), AT))["value"] is True  # type: ignore[index]
    assert body(current_entry(DEVICE, current(math.nan, text="RUNNING ✓"), AT))["value"] == "RUNNING ✓"  # type: ignore[index]
    assert body(current_entry(DEVICE, current(math.nan), AT))["value"] is None  # type: ignore[index]


def test_organisations_do_not_meet() -> None:
    assert key_prefix("org-1", "org-1") == ""
    other = PublishedDevice(key_prefix("org-2", "org-1"), "device-001", 9, "number", Limits(), 30 * US_PER_S)
    assert other.keys == (
        "org:org-2:device:device-001:current",
        "org:org-2:device:device-001:stats:1h",
        "org:org-2:device:device-001:stats:24h",
    )
    assert document_entry("org:org-2:", "alerts:active", []) == ("org:org-2:alerts:active", b"[]", 3600)


def test_commands_are_packed_as_redis_reads_them() -> None:
    assert packed([Entry("ké", b"{}", 60), Entry("gone", None)]) == (
        b"*5\r\n$3\r\nSET\r\n$3\r\nk\xc3\xa9\r\n$2\r\n{}\r\n$2\r\nEX\r\n$2\r\n60\r\n*2\r\n$3\r\nDEL\r\n$4\r\ngone\r\n"
    )
