"""What the loom endpoints answer, with the names of the loom system's document (`bbw_measurements`)."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from andon.api.schemas import NOW, DeviceStatus
from andon.kit.contract import Answer, QualityName, example
from andon.registry.answers import LIMITS_EXAMPLE, SignalLimits

_MEASURED = {"bbw_value": 1600.42, "temperature": 38.1, "vibration": 2.31, "quality_flag": 2}
_WIDTH_LIMITS = {"normalMin": 1590, "normalMax": 1610, "alertMin": 1585, "alertMax": 1615}
_LOOM: dict[str, Any] = {
    "id": "loom-001",
    "name": "Loom 1",
    "location": "weaving-line-1",
    "status": "active",
    "time": NOW,
    "quality": "good",
    **_MEASURED,
    "limits": {"bbw_value": _WIDTH_LIMITS, "temperature": LIMITS_EXAMPLE},
}
_ROW = {"time": NOW, "loom_id": "loom-001", "sensor_id": None, **_MEASURED}


class LoomAnswer(Answer):
    """Fields are named as they are in that document, without camel case."""

    model_config = ConfigDict(alias_generator=None)


class LoomView(LoomAnswer):
    """A loom and its newest measurement; `time` and `quality` are those of the width, null before the first."""

    model_config = example(_LOOM)

    id: str
    name: str
    location: str
    status: DeviceStatus
    time: str | None
    quality: QualityName | None
    bbw_value: float | None
    temperature: float | None
    vibration: float | None
    quality_flag: int | None
    limits: dict[str, SignalLimits]


class LoomList(LoomAnswer):
    """Looms by id."""

    model_config = example({"looms": [_LOOM]})

    looms: list[LoomView]


class LoomsMeta(Answer):
    """How many there are."""

    model_config = example({"total": 1, "timestamp": NOW})

    total: int
    timestamp: str


class LoomMeasurement(LoomAnswer):
    """A row of `bbw_measurements`: what was measured at one time; null where nothing was."""

    time: str
    loom_id: str
    sensor_id: str | None
    bbw_value: float | None
    temperature: float | None
    vibration: float | None
    quality_flag: int | None


class LoomMeasurements(LoomAnswer):
    """Rows in the order that was asked for."""

    model_config = example({"loom_id": "loom-001", "measurements": [_ROW]})

    loom_id: str
    measurements: list[LoomMeasurement]
