from __future__ import annotations

import itertools
import random

import pytest

from andon.simulator.machines.press import Press, PressValue
from andon.simulator.machines.press_metrics import PRESS_METRICS

INDEX = {metric.name: position for position, metric in enumerate(PRESS_METRICS)}
KINDS = {"double": float, "long": int, "boolean": bool, "text": str}


def history(seconds: int, seed: int = 1) -> list[dict[str, PressValue]]:
    press = Press(random.Random(seed))
    rows = []
    for _ in range(seconds):
        press.step(1.0)
        rows.append(dict(zip(INDEX, press.values(), strict=True)))
    return rows


@pytest.fixture(scope="module")
def two_hours() -> list[dict[str, PressValue]]:
    return history(7_200)


def numbers(rows: list[dict[str, PressValue]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def test_the_press_has_sixty_metrics_with_names_of_their_own() -> None:
    assert len(PRESS_METRICS) == len(INDEX) == 60


def test_every_value_has_its_type_and_lies_in_its_engineering_range(two_hours: list[dict[str, PressValue]]) -> None:
    for row in two_hours[::60]:
        for metric in PRESS_METRICS:
            value = row[metric.name]
            assert type(value) is KINDS[metric.kind], metric.name
            if metric.low is not None and metric.high is not None:
                assert metric.low <= float(value) <= metric.high, metric.name


def test_the_press_runs_most_of_the_time_and_also_stands(two_hours: list[dict[str, PressValue]]) -> None:
    states = [row["Production/State"] for row in two_hours]
    assert states.count("running") > 0.5 * len(states)
    assert "coil change" in states


def test_a_standing_press_presses_nothing(two_hours: list[dict[str, PressValue]]) -> None:
    standing = [row for row in two_hours if row["Motion/Speed"] == 0]
    assert standing
    for row in standing:
        assert row["Force/Peak Total"] == row["Motion/Cycle Time"] == row["Motion/Slide Velocity"] == 0
        assert row["Safety/Clutch Engaged"] is False


def test_strokes_make_parts(two_hours: list[dict[str, PressValue]]) -> None:
    strokes = numbers(two_hours, "Motion/Stroke Count")
    parts = [row["Production/Good Count"] + row["Production/Scrap Count"] for row in two_hours]  # type: ignore[operator]
    assert strokes == sorted(strokes)
    assert strokes[-1] - strokes[0] == parts[-1] - parts[0] > 1_000
    assert 0 < numbers(two_hours, "Production/Scrap Count")[-1] < 0.02 * parts[-1]


def test_columns_share_the_force(two_hours: list[dict[str, PressValue]]) -> None:
    for row in two_hours[::100]:
        columns = sum(float(row[f"Force/Peak {c}"]) for c in ("Front Left", "Front Right", "Rear Left", "Rear Right"))
        assert columns == pytest.approx(float(row["Force/Peak Total"]), abs=0.5)


def test_power_warms_the_motor_and_adds_up_to_energy(two_hours: list[dict[str, PressValue]]) -> None:
    energy = numbers(two_hours, "Electrical/Energy")
    power = numbers(two_hours, "Electrical/Power")
    assert energy[-1] - energy[0] == pytest.approx(sum(power) / 3_600, rel=0.05)
    winding = numbers(two_hours, "Temperature/Motor Winding")
    assert max(abs(b - a) for a, b in itertools.pairwise(winding)) < 1
    assert max(winding) - min(winding) > 5


def test_the_slide_follows_the_crank(two_hours: list[dict[str, PressValue]]) -> None:
    for row in two_hours[::50]:
        low = abs(float(row["Motion/Crank Angle"]) - 180) < 20
        assert (float(row["Motion/Slide Position"]) < 10) is low


def test_the_same_seed_gives_the_same_press() -> None:
    assert history(50, seed=3) == history(50, seed=3)
