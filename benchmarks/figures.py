"""What a benchmark reports: figures with their goals, as a table and as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `goal` reads `<= 50` or `>= 8000`; none means it is shown for context only."""

    id: str
    value: float | None
    unit: str
    goal: str = ""
    reference: str = ""

    @property
    def ok(self) -> bool | None:
        """Whether the goal is met; None when there is none."""
        if not self.goal:
            return None
        if self.value is None:
            return False
        sign, limit = self.goal.split()
        return self.value <= float(limit) if sign == "<=" else self.value >= float(limit)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` of the values lie (nearest rank); None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    table = Table(title="Andon on " + platform.platform(), title_justify="left")
    for name in ("figure", "value", "unit", "goal", "ok", "reference"):
        table.add_column(name, justify="right" if name == "value" else "left")
    for figure in figures:
        value = (
            "-" if figure.value is None else f"{figure.value:,.3g}" if figure.value < 100 else f"{figure.value:,.0f}"
        )
        mark = {True: "yes", False: "NO", None: ""}[figure.ok]
        table.add_row(figure.id, value, figure.unit, figure.goal, mark, figure.reference)
    Console(width=150).print(table)


def write(figures: Sequence[Figure], path: Path = RESULTS) -> None:
    """Write `{"figures": [{"id", "value", "unit", "goal", "ok", "reference"?}]}`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = []
    for figure in figures:
        row = {"id": figure.id, "value": figure.value, "unit": figure.unit, "goal": figure.goal, "ok": figure.ok}
        rows.append({**row, "reference": figure.reference} if figure.reference else row)
    path.write_text(json.dumps({"figures": rows}, indent=2) + "\n")
