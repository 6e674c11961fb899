"""What the analytics endpoints answer."""

from __future__ import annotations

from pydantic import Field

from andon.kit.contract import Answer, Trend, example


class TrendPoint(Answer):
    """A mean, or an end of the trend line."""

    timestamp: str
    value: float


class TrendAnalysis(Answer):
    """Where a signal is going; all but `points` is null when there are fewer than three of them."""

    model_config = example(
        {
            "deviceId": "device-001",
            "tag": "temperature",
            "unit": "celsius",
            "trend": "increasing",
            "slopePerHour": 0.42,
            "r2": 0.81,
            "confidence": 0.999,
            "start": {"timestamp": "2025-01-10T10:06:00.000Z", "value": 65.2},
            "end": {"timestamp": "2025-01-11T09:54:00.000Z", "value": 75.2},
            "points": [{"timestamp": "2025-01-10T10:06:00.000Z", "value": 64.9}],
        }
    )

    device_id: str
    tag: str
    unit: str
    trend: Trend | None
    slope_per_hour: float | None
    r2: float | None
    confidence: float | None
    start: TrendPoint | None
    end: TrendPoint | None
    points: list[TrendPoint]


class RangeMeta(Answer):
    """The range that was looked at."""

    model_config = example({"from": "2025-01-10T10:00:00.000Z", "to": "2025-01-11T10:00:00.000Z"})

    start: str = Field(alias="from")
    end: str = Field(alias="to")


class DeviceSummary(Answer):
    """A device's primary signal over the last hour and day."""

    device_id: str
    name: str
    tag: str | None
    unit: str | None
    avg1h: float | None
    avg24h: float | None
    min24h: float | None
    max24h: float | None
    trend: Trend | None
    samples24h: int


class SummaryTotals(Answer):
    """How many devices there are of each kind."""

    devices: int
    devices_with_data: int
    samples24h: int
    increasing: int
    decreasing: int
    stable: int


class PlantSummary(Answer):
    """All devices in one table."""

    model_config = example(
        {
            "devices": [
                {
                    "deviceId": "device-001",
                    "name": "Furnace temperature",
                    "tag": "temperature",
                    "unit": "celsius",
                    "avg1h": 73.5,
                    "avg24h": 72.8,
                    "min24h": 65.1,
                    "max24h": 82.3,
                    "trend": "increasing",
                    "samples24h": 43200,
                }
            ],
            "totals": {
                "devices": 5,
                "devicesWithData": 5,
                "samples24h": 198720,
                "increasing": 1,
                "decreasing": 0,
                "stable": 4,
            },
        }
    )

    devices: list[DeviceSummary]
    totals: SummaryTotals


class MomentMeta(Answer):
    """When it was looked at."""

    model_config = example({"timestamp": "2025-01-11T10:00:00.000Z"})

    timestamp: str
