"""The time that simulated machines put into their messages."""

from __future__ import annotations

from andon.kit.clock import US_PER_MS, now_us


def machine_us() -> int:
    """Now in µs UTC, at a whole millisecond: machines' messages show no finer time."""
    return now_us() // US_PER_MS * US_PER_MS
