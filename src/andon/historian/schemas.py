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


Resolution = Literal["raw", "buckets", "1m", "5m", "15m", "1h", "6h", "1d"]
Source = Literal["raw", "1m", "1h"]


class HistoryReading(Answer):
    """A sample, or a bucket: then `value` is the mean, `quality` the worst, and min, max and count are there.

    `sd` (of the samples, n - 1), `first`, `last` and `goodShare` stand in buckets of the calendar; `filled` where
    the value was not measured but filled in.
    """

    timestamp: str
    value: Value
    quality: QualityName
    min: float | None = None
    max: float | None = None
    count: int = 0
    sd: float | None = None
    first: float | None = None
    last: float | None = None
    good_share: float | None = None
    filled: bool = False


class _Range(Answer):
    device_id: str
    tag: str
    unit: str
    start: str = Field(alias="from")
    end: str = Field(alias="to", description="Not included.")


class SeriesReadings(Answer):
    """The readings of one signal, oldest first unless asked otherwise."""

    device_id: str
    tag: str
    unit: str
    readings: list[HistoryReading]


class History(_Range):
    """Readings of a tag. Of several tags they are in `series`, in the order asked for, and `readings` is empty.

    `resolution`: the samples themselves, buckets, or points picked from the samples or from the extremes of
    minutes up to days. `bucketSeconds` is the usual width; days and longer ones vary.
    """

    model_config = example({**_RANGE, "resolution": "raw", "bucketSeconds": None, "readings": [_READING]})

    resolution: Resolution
    bucket_seconds: float | None
    bucket: str = ""
    timezone: str = ""
    readings: list[HistoryReading]
    series: list[SeriesReadings] = Field(default_factory=list)


class PageMeta(Answer):
    """When `truncated`, `nextFrom` (newest first: `nextTo`) is where to go on."""

    model_config = example({"count": 1, "truncated": False, "nextFrom": None})

    count: int
    truncated: bool
    next_from: str | None = None
    next_to: str | None = None


class HistoryMeta(PageMeta):
    """When `truncated`, send the same question with `cursor` = `nextCursor` for the next page.

    `nextFrom` (newest first: `nextTo`) says where that begins. `source`: what the answer was made from.
    """

    model_config = example({"count": 1, "truncated": False, "nextFrom": None, "nextCursor": None, "source": "raw"})

    next_cursor: str | None
    source: Source


class SeriesHistory(Answer):
    """Readings of several signals side by side."""

    model_config = example(
        {
            "from": _RANGE["from"],
            "to": _RANGE["to"],
            "resolution": "raw",
            "bucketSeconds": None,
            "series": [{"deviceId": "device-001", "tag": "temperature", "unit": "celsius", "readings": [_READING]}],
        }
    )

    start: str = Field(alias="from")
    end: str = Field(alias="to", description="Not included.")
    resolution: Resolution
    bucket_seconds: float | None
    bucket: str = ""
    timezone: str = ""
    series: list[SeriesReadings]


class TagStatistics(_Range):
    """Figures over a range; null where there is nothing to count.

    `approximate`: the percentiles are those of the minutes' means.
    """

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
    approximate: bool = False


class ExportedReading(Answer):
    """A row of an export; `deviceId` where there are several devices."""

    timestamp: str
    device_id: str = ""
    tag: str
    value: Value
    unit: str
    quality: QualityName


class ExportedHistory(Answer):
    """The file with `format=json`; `deviceId` is null when there are several devices."""

    model_config = example({"deviceId": "device-001", "readings": [{**_READING, "tag": "bbw_value", "unit": "mm"}]})

    device_id: str | None
    readings: list[ExportedReading]
