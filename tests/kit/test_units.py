"""Units: however they are written they mean one thing, and convert only where that is right."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.kit.units import canonical, conversion, symbol

QUANTITIES = {
    "temperature": ["celsius", "fahrenheit", "kelvin"],
    "pressure": ["pa", "hpa", "kpa", "mpa", "mbar", "bar", "psi"],
    "frequency": ["hz", "khz", "rpm"],
    "length": ["nm", "um", "mm", "cm", "m", "in", "ft"],
    "ratio": ["percent", "ppm", "ratio"],
    "rate": ["units/hour", "units/min", "units/s"],
    "speed": ["mm/s", "m/min", "m/s", "km/h"],
    "acceleration": ["g", "mg", "m/s2"],
    "mass": ["gram", "kg", "t", "lb"],
    "force": ["n", "kn"],
    "current": ["a", "ma"],
    "voltage": ["mv", "v", "kv"],
    "power": ["w", "kw"],
    "energy": ["wh", "kwh"],
    "time": ["us", "ms", "s", "min", "h"],
    "flow": ["l/min", "m3/h"],
}
PAIRS = [pair for units in QUANTITIES.values() for pair in itertools.product(units, units)]


@pytest.mark.parametrize(
    ("written", "name", "shown"),
    [
        ("celsius", "celsius", "°C"),
        ("°C", "celsius", "°C"),
        ("C", "celsius", "°C"),
        ("degC", "celsius", "°C"),
        (" Celsius ", "celsius", "°C"),
        ("F", "fahrenheit", "°F"),
        ("PSI", "psi", "psi"),
        ("percentage", "percent", "%"),
        ("%", "percent", "%"),
        ("units/hour", "units/hour", "units/h"),
        ("Hz", "hz", "Hz"),
        ("µm", "um", "µm"),
        ("μm", "um", "µm"),
        ("kW", "kw", "kW"),
        ("rpm", "rpm", "rpm"),
        ("MPa", "mpa", "MPa"),
    ],
)
def test_spellings_have_one_name_and_one_symbol(written: str, name: str, shown: str) -> None:
    assert (canonical(written), symbol(written)) == (name, shown)


def test_an_unknown_unit_is_its_own_name() -> None:
    assert canonical("  widgets  per   moon ") == "widgets per moon"
    assert symbol("widgets") == "widgets"
    assert conversion("widgets", "widgets") == (1.0, 0.0)
    assert conversion("widgets", "celsius") is None


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (212.0, "fahrenheit", "celsius", 100.0),
        (100.0, "°C", "°F", 212.0),
        (0.0, "celsius", "kelvin", 273.15),
        (1.0, "bar", "psi", 14.503773773),
        (1013.25, "mbar", "kPa", 101.325),
        (3000.0, "rpm", "Hz", 50.0),
        (1.0, "in", "mm", 25.4),
        (1.6, "m", "mm", 1600.0),
        (3600.0, "units/hour", "units/s", 1.0),
        (0.25, "ratio", "percent", 25.0),
        (1.0, "g", "m/s2", 9.80665),
        (2.5, "kW", "W", 2500.0),
        (1.0, "h", "ms", 3_600_000.0),
    ],
)
def test_a_value_is_converted(value: float, source: str, target: str, result: float) -> None:
    found = conversion(source, target)
    assert found is not None
    assert value * found[0] + found[1] == pytest.approx(result, rel=1e-9)


@pytest.mark.parametrize(
    ("source", "target"), [("celsius", "psi"), ("mm", "mm/s"), ("kg", "g"), ("psig", "psi"), ("a", "v"), ("", "mm")]
)
def test_what_is_not_the_same_quantity_is_not_converted(source: str, target: str) -> None:
    assert conversion(source, target) is None


@pytest.mark.parametrize(("one", "other"), [("Nm", "nm"), ("mPa", "MPa"), ("Mg", "mg"), ("S", "s"), ("MA", "mA")])
def test_units_that_differ_in_case_alone_are_kept_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@given(st.sampled_from(PAIRS), st.floats(-1e6, 1e6))
def test_there_and_back_is_where_it_began(pair: tuple[str, str], value: float) -> None:
    there, back = conversion(*pair), conversion(*reversed(pair))
    assert there is not None
    assert back is not None
    moved = value * there[0] + there[1]
    rounding = 1e-12 * (abs(moved) + abs(there[1])) * abs(back[0]) + 1e-9
    assert moved * back[0] + back[1] == pytest.approx(value, rel=1e-9, abs=rounding)


def test_quantities_do_not_mix() -> None:
    for one, other in itertools.permutations(QUANTITIES.values(), 2):
        assert not [pair for pair in itertools.product(one, other) if conversion(*pair)]


@given(st.text(max_size=20))
def test_a_name_is_stable(written: str) -> None:
    assert canonical(canonical(written)) == canonical(written)
