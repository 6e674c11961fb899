"""Every metric that is served is documented, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.core import Metric

from andon.api.metrics import ProcessFigures, families
from andon.app import web  # noqa: F401  (with it come all parts that count)
from andon.engines.broker.monitor import BrokerStats
from andon.simulator.config import SimulatorConfig
from andon.simulator.health import figures
from andon.simulator.service import Simulation

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def names(metrics: Iterator[Metric]) -> Iterator[str]:
    """As a query writes them."""
    for metric in metrics:
        if metric.name.startswith("andon_"):
            yield f"{metric.name}_total" if metric.type == "counter" else metric.name


def test_the_reference_lists_exactly_the_metrics_that_there_are() -> None:
    broker = BrokerStats(0, 0, 0, 0, 0, 0, 0, 0.0)
    process = families(ProcessFigures({}, {}, {}, broker))
    report = Simulation(SimulatorConfig()).report()
    served = {*names(iter(REGISTRY.collect())), *names(process), *names(figures(report))}
    listed = re.findall(r"^\| `(andon_\w+)`", PAGE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(served)
