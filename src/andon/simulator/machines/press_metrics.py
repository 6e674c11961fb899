"""The sixty metrics of the press: name, type, unit and engineering range, in the order of the births."""

from __future__ import annotations

from typing import Literal, NamedTuple

MetricKind = Literal["double", "long", "boolean", "text"]


class PressMetric(NamedTuple):
    """One metric; `low` and `high` bound what a healthy sensor can show, in `unit`. Values have `decimals`."""

    name: str
    kind: MetricKind = "double"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    decimals: int = 1


def _double(name: str, unit: str, low: float, high: float, decimals: int = 1) -> PressMetric:
    return PressMetric(name, "double", unit, low, high, decimals)


TEMPERATURES = (
    "Main Bearing Left",
    "Main Bearing Right",
    "Connecting Rod Left",
    "Connecting Rod Right",
    "Motor Winding",
    "Motor Bearing",
    "Gearbox Oil",
    "Lube Oil",
    "Hydraulic Oil",
    "Clutch",
    "Brake",
    "Upper Die",
    "Lower Die",
    "Cabinet",
)
COLUMNS = ("Front Left", "Front Right", "Rear Left", "Rear Right")
VIBRATIONS = ("Motor", "Flywheel", "Crown", "Bed")

PRESS_METRICS: tuple[PressMetric, ...] = (
    _double("Motion/Speed", "spm", 0, 80),
    _double("Motion/Speed Setpoint", "spm", 0, 80),
    _double("Motion/Crank Angle", "deg", 0, 360),
    _double("Motion/Slide Position", "mm", 0, 250),
    _double("Motion/Slide Velocity", "mm/s", -1_100, 1_100),
    _double("Motion/Shut Height", "mm", 450, 550, 2),
    PressMetric("Motion/Stroke Count", "long", "strokes", 0),
    _double("Motion/Cycle Time", "s", 0, 10, 3),
    _double("Force/Peak Total", "kN", 0, 2_500),
    *(_double(f"Force/Peak {column}", "kN", 0, 800) for column in COLUMNS),
    _double("Force/Imbalance", "%", 0, 100, 2),
    _double("Force/Snap Through", "kN", 0, 400),
    _double("Force/Cushion", "kN", 0, 500),
    _double("Force/Energy per Stroke", "kJ", 0, 40, 2),
    *(_double(f"Temperature/{name}", "celsius", 0, 150) for name in TEMPERATURES),
    _double("Temperature/Ambient", "celsius", 0, 50),
    _double("Pressure/Clutch Air", "bar", 0, 10, 2),
    _double("Pressure/Counterbalance Air", "bar", 0, 10, 2),
    _double("Pressure/Lube Oil", "bar", 0, 25, 2),
    _double("Pressure/Hydraulic Overload", "bar", 0, 250),
    _double("Pressure/Cushion", "bar", 0, 120),
    _double("Lube/Flow", "l/min", 0, 60),
    _double("Lube/Tank Level", "%", 0, 100),
    _double("Lube/Filter Difference", "bar", 0, 5, 2),
    *(_double(f"Vibration/{name}", "mm/s", 0, 50, 2) for name in VIBRATIONS),
    _double("Electrical/Voltage", "V", 360, 440),
    _double("Electrical/Current", "A", 0, 400),
    _double("Electrical/Power", "kW", 0, 200),
    _double("Electrical/Power Factor", "", 0, 1, 3),
    _double("Electrical/Frequency", "Hz", 49, 51, 3),
    _double("Electrical/Energy", "kWh", 0, 1_000_000, 3),
    PressMetric("Production/State", "text"),
    PressMetric("Production/Die", "text"),
    PressMetric("Production/Good Count", "long", "parts", 0),
    PressMetric("Production/Scrap Count", "long", "parts", 0),
    PressMetric("Production/Batch Remaining", "long", "parts", 0),
    PressMetric("Safety/Guard Closed", "boolean"),
    PressMetric("Safety/Light Curtain Clear", "boolean"),
    PressMetric("Safety/Emergency Stop Released", "boolean"),
    PressMetric("Safety/Clutch Engaged", "boolean"),
    PressMetric("Safety/Lubrication OK", "boolean"),
)
