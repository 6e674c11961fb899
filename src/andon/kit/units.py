"""Units of measure: one canonical name for each, its symbol for screens, and conversion within a quantity.

Canonical names are the words that devices put on the wire (`celsius`, `psi`, `units/hour`). An unknown unit is
allowed everywhere: it is its own canonical name and converts to itself alone. Gauge and absolute pressure (`psig`,
`bara`) are left unknown on purpose: they differ by the air pressure of the day, so converting them would be a guess.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class _Unit(NamedTuple):
    """A unit in its quantity: base value = value * scale + offset."""

    quantity: str
    scale: float
    offset: float
    symbol: str
    aliases: tuple[str, ...]


_UNITS: dict[str, _Unit] = {
    "celsius": _Unit("temperature", 1.0, 273.15, "°C", ("°c", "c", "degc", "deg c", "degree celsius", "cel")),
    "fahrenheit": _Unit("temperature", 5 / 9, 459.67 * 5 / 9, "°F", ("°f", "f", "degf", "deg f")),
    "kelvin": _Unit("temperature", 1.0, 0.0, "K", ("k", "°k")),
    "pa": _Unit("pressure", 1.0, 0.0, "Pa", ("pascal",)),
    "hpa": _Unit("pressure", 100.0, 0.0, "hPa", ()),
    "kpa": _Unit("pressure", 1e3, 0.0, "kPa", ("kilopascal",)),
    "mpa": _Unit("pressure", 1e6, 0.0, "MPa", ("megapascal",)),
    "mbar": _Unit("pressure", 100.0, 0.0, "mbar", ("millibar",)),
    "bar": _Unit("pressure", 1e5, 0.0, "bar", ()),
    "psi": _Unit("pressure", 6_894.757293168361, 0.0, "psi", ("lbf/in2",)),
    "hz": _Unit("frequency", 1.0, 0.0, "Hz", ("hertz", "1/s")),
    "khz": _Unit("frequency", 1e3, 0.0, "kHz", ("kilohertz",)),
    "rpm": _Unit("frequency", 1 / 60, 0.0, "rpm", ("1/min", "r/min", "rev/min", "min-1")),
    "nm": _Unit("length", 1e-9, 0.0, "nm", ("nanometer", "nanometre")),
    "um": _Unit("length", 1e-6, 0.0, "µm", ("µm", "μm", "micrometer", "micrometre", "micron")),
    "mm": _Unit("length", 1e-3, 0.0, "mm", ("millimeter", "millimetre", "millimeters", "millimetres")),
    "cm": _Unit("length", 1e-2, 0.0, "cm", ("centimeter", "centimetre")),
    "m": _Unit("length", 1.0, 0.0, "m", ("meter", "metre", "meters", "metres")),
    "in": _Unit("length", 0.0254, 0.0, "in", ("inch", "inches")),
    "ft": _Unit("length", 0.3048, 0.0, "ft", ("foot", "feet")),
    "percent": _Unit("ratio", 0.01, 0.0, "%", ("%", "percentage", "pct")),
    "ppm": _Unit("ratio", 1e-6, 0.0, "ppm", ()),
    "ratio": _Unit("ratio", 1.0, 0.0, "", ("fraction",)),
    "units/hour": _Unit("rate", 1 / 3600, 0.0, "units/h", ("units/h", "unit/hour", "pcs/h", "uph", "units per hour")),
    "units/min": _Unit("rate", 1 / 60, 0.0, "units/min", ("unit/min", "units/minute", "pcs/min", "upm")),
    "units/s": _Unit("rate", 1.0, 0.0, "units/s", ("unit/s", "units/second", "pcs/s")),
    "mm/s": _Unit("speed", 1e-3, 0.0, "mm/s", ("millimeters per second", "mm per second")),
    "m/min": _Unit("speed", 1 / 60, 0.0, "m/min", ()),
    "m/s": _Unit("speed", 1.0, 0.0, "m/s", ("meters per second", "metres per second")),
    "km/h": _Unit("speed", 1 / 3.6, 0.0, "km/h", ("kph",)),
    "m/s2": _Unit("acceleration", 1.0, 0.0, "m/s²", ("m/s²", "m/s^2")),
    "g": _Unit("acceleration", 9.80665, 0.0, "g", ("gforce", "g-force")),
    "mg": _Unit("acceleration", 9.80665e-3, 0.0, "mg", ()),
    "gram": _Unit("mass", 1e-3, 0.0, "g", ("grams",)),
    "kg": _Unit("mass", 1.0, 0.0, "kg", ("kilogram", "kilograms")),
    "t": _Unit("mass", 1e3, 0.0, "t", ("tonne", "tonnes")),
    "lb": _Unit("mass", 0.45359237, 0.0, "lb", ("lbs", "pound", "pounds")),
    "n": _Unit("force", 1.0, 0.0, "N", ("newton", "newtons")),
    "kn": _Unit("force", 1e3, 0.0, "kN", ("kilonewton", "kilonewtons")),
    "Nm": _Unit("torque", 1.0, 0.0, "N·m", ("n·m", "n.m", "newton metre", "newton meter")),
    "ma": _Unit("current", 1e-3, 0.0, "mA", ("milliampere", "milliamp")),
    "a": _Unit("current", 1.0, 0.0, "A", ("amp", "amps", "ampere", "amperes")),
    "mv": _Unit("voltage", 1e-3, 0.0, "mV", ("millivolt",)),
    "v": _Unit("voltage", 1.0, 0.0, "V", ("volt", "volts")),
    "kv": _Unit("voltage", 1e3, 0.0, "kV", ("kilovolt",)),
    "w": _Unit("power", 1.0, 0.0, "W", ("watt", "watts")),
    "kw": _Unit("power", 1e3, 0.0, "kW", ("kilowatt", "kilowatts")),
    "wh": _Unit("energy", 3.6e3, 0.0, "Wh", ("watthour",)),
    "kwh": _Unit("energy", 3.6e6, 0.0, "kWh", ("kilowatthour", "kilowatt hour")),
    "us": _Unit("time", 1e-6, 0.0, "µs", ("µs", "μs", "microsecond", "microseconds")),
    "ms": _Unit("time", 1e-3, 0.0, "ms", ("millisecond", "milliseconds")),
    "s": _Unit("time", 1.0, 0.0, "s", ("sec", "second", "seconds")),
    "min": _Unit("time", 60.0, 0.0, "min", ("minute", "minutes")),
    "h": _Unit("time", 3600.0, 0.0, "h", ("hr", "hour", "hours")),
    "l/min": _Unit("flow", 1.0, 0.0, "l/min", ("lpm", "litres per minute", "liters per minute")),
    "m3/h": _Unit("flow", 1000 / 60, 0.0, "m³/h", ("m³/h", "m^3/h")),
    "db": _Unit("level", 1.0, 0.0, "dB", ("decibel",)),
}
# Spellings in which the case makes the unit (mega or milli, newton or nano); everything else is read without case.
_EXACT = {"Nm": "Nm", "NM": "Nm", "mPa": "mPa", "Mg": "t", "MV": "MV", "MA": "MA", "S": "S", "MS": "MS"}
_NAMES = {alias: name for name, unit in _UNITS.items() for alias in (name, *unit.aliases)}


@lru_cache(maxsize=4096)
def canonical(unit: str) -> str:
    """The canonical name of a unit however it is written (`°C` → `celsius`); an unknown unit comes back trimmed."""
    text = " ".join(unit.split())
    return _EXACT.get(text) or _NAMES.get(text.casefold()) or text


@lru_cache(maxsize=4096)
def conversion(source: str, target: str) -> tuple[float, float] | None:
    """(scale, offset) so that value in target = value in source * scale + offset; None when there is no way.

    A unit converts to itself as (1.0, 0.0), whether it is known or not.
    """
    source, target = canonical(source), canonical(target)
    if source == target:
        return 1.0, 0.0
    one, other = _UNITS.get(source), _UNITS.get(target)
    if one is None or other is None or one.quantity != other.quantity:
        return None
    return one.scale / other.scale, (one.offset - other.offset) / other.scale


def symbol(unit: str) -> str:
    """How a screen writes the unit (`celsius` → `°C`); an unknown unit as it is."""
    name = canonical(unit)
    known = _UNITS.get(name)
    return name if known is None else known.symbol
