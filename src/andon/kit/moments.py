"""Moments as people ask for them: ISO 8601, epoch numbers, or relative to now (`-24h`, `now`)."""

from __future__ import annotations

import re

from andon.kit.clock import US_PER_S, parse_timestamp
from andon.kit.errors import InvalidError

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_RELATIVE = re.compile(r"(?:now)?-(\d{1,9})([smhdw])")
_NUMBER = re.compile(r"\d{1,16}(\.\d{1,6})?")


def parse_moment(text: str, now: int, field: str) -> int:
    """µs UTC. InvalidError names `field` when `text` is none of these."""
    text = text.strip()
    if text == "now":
        return now
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return max(now - int(relative[1]) * _UNITS[relative[2]] * US_PER_S, 0)
    try:
        return parse_timestamp(float(text) if _NUMBER.fullmatch(text) else text)
    except ValueError as error:
        raise InvalidError(
            str(error), field=field, cure="use ISO 8601 (2025-01-11T10:00:00Z), an epoch number, `-24h` or `now`"
        ) from error
