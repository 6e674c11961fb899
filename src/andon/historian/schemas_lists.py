"""What the lists over many signals answer: the latest of each, and the top."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from andon.kit.contract import Answer, QualityName, Value, example


class LatestReading(Answer):
    """The newest sample of a signal; `receivedAt` by the server's clock."""

    device_id: str
    tag: str
    unit: str
    timestamp: str
    value: Value
    quality: QualityName
    received_at: str


class Latest(Answer):
    """The newest samples, by device and tag."""

    model_config = example(
        {
            "latest": [
                {
                    "deviceId": "device-001",
                    "tag": "temperature",
                    "unit": "celsius",
                    "timestamp": "2025-01-11T10:00:00.000Z",
                    "value": 75.2,
                    "quality": "good",
                    "receivedAt": "2025-01-11T10:00:00.012Z",
                }
            ]
        }
    )

    latest: list[LatestReading]


class LatestMeta(Answer):
    """`truncated`: there are more signals than `limit`."""

    model_config = example({"count": 1, "truncated": False})

    count: int
    truncated: bool


class TopSignal(Answer):
    """A signal and its statistic, in the signal's unit (`count` and `goodShare` have none)."""

    rank: int
    device_id: str
    name: str
    tag: str
    unit: str
    value: float | None


class Top(Answer):
    """The first ones, the best rank first."""

    model_config = example(
        {
            "top": [
                {
                    "rank": 1,
                    "deviceId": "device-001",
                    "name": "Furnace temperature",
                    "tag": "temperature",
                    "unit": "celsius",
                    "value": 75.2,
                }
            ]
        }
    )

    top: list[TopSignal]


class TopMeta(Answer):
    """What was ranked: of how many signals, over which range."""

    model_config = example(
        {
            "statistic": "mean",
            "order": "desc",
            "from": "2025-01-10T10:00:00.000Z",
            "to": "2025-01-11T10:00:00.000Z",
            "signals": 45,
        }
    )

    statistic: str
    order: Literal["asc", "desc"]
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    signals: int
