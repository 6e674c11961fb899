"""A mechanical stamping press of 2,500 kN: crank, slide, forces per column, heat, lubrication, power and counts.

It runs batches, stands still for coil changes and die changes, and now and then stops on a fault. Everything that is
measured follows from that: what turns gets warm, what carries load draws current, what is worn shakes.
"""

from __future__ import annotations

import math
import random
from typing import Literal

from andon.simulator.machines.press_metrics import COLUMNS, PRESS_METRICS, TEMPERATURES, VIBRATIONS

PressValue = float | int | bool | str
State = Literal["running", "coil change", "die change", "fault"]

_STROKE_MM = 250.0
_BATCH_PARTS = (1_500, 2_500, 4_000)
_DIES = {"D-1042 bracket": (1_450.0, 45.0), "D-2210 flange": (1_900.0, 36.0), "D-3307 clip": (820.0, 58.0)}
"""Die → (forming force in kN, speed in strokes per minute)"""
_RUN_S = (300.0, 900.0)  # from one coil change to the next
_STANDSTILL_S: dict[State, tuple[float, float]] = {
    "coil change": (45.0, 120.0),
    "die change": (180.0, 420.0),
    "fault": (30.0, 180.0),
}
_FAULT_GAP_S = 3_600.0
_SCRAP_SHARE = 0.004
_RAMP_SPM_PER_S = 12.0
_COLUMN_SHARES = (0.256, 0.249, 0.251, 0.244)
# Temperature → (rise over ambient in K at full load, time constant in s)
_HEAT: dict[str, tuple[float, float]] = {
    "Main Bearing Left": (26, 900),
    "Main Bearing Right": (24, 900),
    "Connecting Rod Left": (19, 700),
    "Connecting Rod Right": (20, 700),
    "Motor Winding": (55, 600),
    "Motor Bearing": (30, 800),
    "Gearbox Oil": (28, 1_500),
    "Lube Oil": (18, 1_800),
    "Hydraulic Oil": (22, 1_500),
    "Clutch": (38, 300),
    "Brake": (35, 300),
    "Upper Die": (32, 240),
    "Lower Die": (27, 240),
    "Cabinet": (9, 1_200),
}
_SHAKES = {"Motor": 1.2, "Flywheel": 1.8, "Crown": 3.5, "Bed": 4.5}  # mm/s at full speed


class Press:
    """State of the press; `step` moves it on and `values` reads its sensors."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.state: State = "running"
        self._left_s = rng.uniform(*_RUN_S)
        self._die = rng.choice(list(_DIES))
        self._batch = rng.choice(_BATCH_PARTS)
        self._speed = 0.0  # strokes per minute
        self._turns = rng.random()  # of the crank, in all
        self._strokes = rng.randrange(1_000_000, 4_000_000)
        self._good = self._scrap = 0
        self._ambient = 23.0
        self._temperatures = {name: self._ambient + 0.6 * rise for name, (rise, _) in _HEAT.items()}
        self._tank = 86.0
        self._filter = rng.uniform(0.6, 1.4)
        self._energy_kwh = rng.uniform(20_000, 90_000)
        self._force_bias = 0.0

    def step(self, seconds: float) -> None:
        """Let `seconds` of the press's life pass."""
        self._decide(seconds)
        force, speed = _DIES[self._die]
        wanted = speed if self.state == "running" else 0.0
        change = max(-_RAMP_SPM_PER_S * seconds, min(wanted - self._speed, _RAMP_SPM_PER_S * seconds))
        self._speed += change
        self._turn(seconds)
        self._warm(seconds, self._speed / 60 * force / 1_900)
        self._force_bias = 0.995 * self._force_bias + self._rng.gauss(0, 0.002)
        self._energy_kwh += self._power_kw() * seconds / 3_600
        self._tank = 95.0 if self._tank < 40 else self._tank - 0.0004 * seconds
        self._filter = 0.6 if self._filter > 2.5 else self._filter + 0.00001 * seconds

    def values(self) -> list[PressValue]:
        """One value for each of `PRESS_METRICS`, in their order."""
        readings = self._motion() | self._forces() | self._thermal() | self._fluids() | self._electrical()
        readings |= self._production()
        values: list[PressValue] = []
        for metric in PRESS_METRICS:
            value = readings[metric.name]
            if metric.kind == "double":
                low, high = metric.low or 0.0, metric.high if metric.high is not None else math.inf
                value = round(min(max(float(value), low), high), metric.decimals)
            values.append(value)
        return values

    def _decide(self, seconds: float) -> None:
        """Change the state when its time is over, when the batch is done, or by bad luck."""
        self._left_s -= seconds
        if self.state != "running":
            if self._left_s <= 0:
                self.state, self._left_s = "running", self._rng.uniform(*_RUN_S)
        elif self._batch <= 0:
            self._die = self._rng.choice([die for die in _DIES if die != self._die])
            self._batch = self._rng.choice(_BATCH_PARTS)
            self._stand("die change")
        elif self._rng.random() < seconds / _FAULT_GAP_S:
            self._stand("fault")
        elif self._left_s <= 0:
            self._stand("coil change")

    def _stand(self, state: State) -> None:
        self.state, self._left_s = state, self._rng.uniform(*_STANDSTILL_S[state])

    def _turn(self, seconds: float) -> None:
        """Turn the crank; each whole turn is a stroke and a part, good or scrap."""
        before = int(self._turns)
        self._turns += self._speed / 60 * seconds
        for _ in range(int(self._turns) - before):
            self._strokes += 1
            self._batch = max(self._batch - 1, 0)
            if self._rng.random() < _SCRAP_SHARE:
                self._scrap += 1
            else:
                self._good += 1

    def _warm(self, seconds: float, load: float) -> None:
        """First-order lag of each temperature towards the ambient plus its rise at this load."""
        self._ambient += self._rng.gauss(0, 0.002 * math.sqrt(seconds)) + (23 - self._ambient) * seconds / 20_000
        for name, (rise, tau) in _HEAT.items():
            target = self._ambient + rise * load
            self._temperatures[name] += (target - self._temperatures[name]) * (1 - math.exp(-seconds / tau))

    def _power_kw(self) -> float:
        """Idling motor and flywheel, plus the energy of each stroke."""
        return 6.0 + 0.25 * self._speed + self._stroke_kj() * self._speed / 60

    def _stroke_kj(self) -> float:
        """Forming energy: force over about 8 mm of the stroke."""
        return _DIES[self._die][0] * 0.008 * (1 + self._force_bias)

    def _noisy(self, value: float, share: float) -> float:
        return value * (1 + self._rng.gauss(0, share))

    def _motion(self) -> dict[str, PressValue]:
        angle = 2 * math.pi * (self._turns % 1)
        turning = 2 * math.pi * self._speed / 60
        return {
            "Motion/Speed": self._noisy(self._speed, 0.003),
            "Motion/Speed Setpoint": _DIES[self._die][1],
            "Motion/Crank Angle": math.degrees(angle),
            "Motion/Slide Position": _STROKE_MM / 2 * (1 + math.cos(angle)),
            "Motion/Slide Velocity": -_STROKE_MM / 2 * math.sin(angle) * turning,
            "Motion/Shut Height": 500 - 0.008 * (self._temperatures["Connecting Rod Left"] - 23),
            "Motion/Stroke Count": self._strokes,
            "Motion/Cycle Time": 60 / self._speed if self._speed > 6 else 0.0,
        }

    def _forces(self) -> dict[str, PressValue]:
        """Peak forces of the last stroke; nothing when the press stands."""
        peak = self._noisy(_DIES[self._die][0] * (1 + self._force_bias), 0.006) if self._speed > 1 else 0.0
        columns = [peak * self._noisy(share, 0.008) for share in _COLUMN_SHARES]
        imbalance = 100 * (max(columns) - min(columns)) / peak if peak else 0.0
        return {
            "Force/Peak Total": sum(columns),
            **{f"Force/Peak {name}": force for name, force in zip(COLUMNS, columns, strict=True)},
            "Force/Imbalance": imbalance,
            "Force/Snap Through": self._noisy(0.08 * peak, 0.05),
            "Force/Cushion": self._noisy(0.12 * peak, 0.01),
            "Force/Energy per Stroke": self._stroke_kj() if peak else 0.0,
        }

    def _thermal(self) -> dict[str, PressValue]:
        temperatures = {f"Temperature/{name}": self._temperatures[name] for name in TEMPERATURES}
        noisy: dict[str, PressValue] = {name: value + self._rng.gauss(0, 0.06) for name, value in temperatures.items()}
        return noisy | {"Temperature/Ambient": self._ambient}

    def _fluids(self) -> dict[str, PressValue]:
        pace = self._speed / 60
        return {
            "Pressure/Clutch Air": self._noisy(5.6 - 0.15 * pace, 0.004),
            "Pressure/Counterbalance Air": self._noisy(4.8, 0.003),
            "Pressure/Lube Oil": self._noisy(14 - 0.05 * (self._temperatures["Lube Oil"] - 23), 0.006),
            "Pressure/Hydraulic Overload": self._noisy(160 + 12 * pace, 0.004),
            "Pressure/Cushion": self._noisy(62, 0.005),
            "Lube/Flow": self._noisy(32, 0.01),
            "Lube/Tank Level": self._tank,
            "Lube/Filter Difference": self._noisy(self._filter, 0.01),
            **{f"Vibration/{name}": self._noisy(0.15 + _SHAKES[name] * pace, 0.05) for name in VIBRATIONS},
        }

    def _electrical(self) -> dict[str, PressValue]:
        voltage, power = 400 + self._rng.gauss(0, 1.2), self._noisy(self._power_kw(), 0.01)
        factor = 0.62 + 0.25 * min(power / 40, 1.0)
        return {
            "Electrical/Voltage": voltage,
            "Electrical/Current": 1_000 * power / (math.sqrt(3) * voltage * factor),
            "Electrical/Power": power,
            "Electrical/Power Factor": factor,
            "Electrical/Frequency": 50 + self._rng.gauss(0, 0.01),
            "Electrical/Energy": self._energy_kwh,
        }

    def _production(self) -> dict[str, PressValue]:
        changing = self.state in ("coil change", "die change")
        return {
            "Production/State": self.state,
            "Production/Die": self._die,
            "Production/Good Count": self._good,
            "Production/Scrap Count": self._scrap,
            "Production/Batch Remaining": self._batch,
            "Safety/Guard Closed": not changing,
            "Safety/Light Curtain Clear": not changing,
            "Safety/Emergency Stop Released": True,
            "Safety/Clutch Engaged": self._speed > 0,
            "Safety/Lubrication OK": self._tank > 20,
        }
