"""What the history endpoints answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from andon.kit.contract import Answer, QualityName, Value, example

_RANGE = {
    "deviceId": "device-001",
    "tag": "temperature",
    "unit": "celsius",
    "from": "2025-01-11T10:00:00.000Z",
    "to": "2025-01-11T11:00:00.000Z",
}
_READING = {"timestamp": "2025-01-11T10:00:00.000Z", "value": 75.2, "quality": "good"}


class HistoryReading(Answer):
    """A sample, or a bucket: then `value` is the mean, `quality` the worst, and min, max and count are there."""

    timestamp: str
    value: Value
    quality: QualityName
    min: float | None = None
    max: float | None = None
    count: int = 0


class _Range(Answer):
    device_id: str
    tag: str
    unit: str
    start: str = Field(alias="from")
    end: str = Field(alias="to", description="Not included.")


class History(_Range):
    """Readings of a tag, oldest first."""

    model_config = example({**_RANGE, "resolution": "raw", "bucketSeconds": None, "readings": [_READING]})

    resolution: Literal["raw", "buckets"]
    bucket_seconds: float | None
    readings: list[HistoryReading]


class HistoryMeta(Answer):
    """When `truncated`, `nextFrom` (newest first: `nextTo`) is where to go on."""

    model_config = example({"count": 1, "truncated": False, "nextFrom": None})

    count: int
    truncated: bool
    next_from: str | None = None
    next_to: str | None = None


class TagStatistics(_Range):
    """Figures over a range; null where there is nothing to count."""

    model_config = example(
        {
            **_RANGE,
            "count": 1800,
            "mean": 75.1,
            "median": 75.0,
            "sd": 1.2,
            "min": 71.3,
            "max": 79.8,
            "p5": 73.1,
            "p95": 77.2,
            "first": 75.2,
            "last": 74.9,
            "goodShare": 1.0,
        }
    )

    count: int
    mean: float | None
    median: float | None
    sd: float | None
    min: float | None
    max: float | None
    p5: float | None
    p95: float | None
    first: float | None
    last: float | None
    good_share: float | None


class ExportedReading(Answer):
    """A row of an export."""

    timestamp: str
    tag: str
    value: Value
    unit: str
    quality: QualityName


class Export(Answer):
    """The file with `format=json`."""

    model_config = example({"deviceId": "device-001", "readings": [{**_READING, "tag": "bbw_value", "unit": "mm"}]})

    device_id: str
    readings: list[ExportedReading]
