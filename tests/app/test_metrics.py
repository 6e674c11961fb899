"""Every metric that is served is documented, and nothing else is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.core import Metric

from andon.api.exposition import ProcessFigures, exposition, families
from andon.app import web  # noqa: F401  (with it and `realtime` come all parts that count)
from andon.app.plant import build_plant
from andon.app.probes import process_figures
from andon.app.settings import load_settings
from andon.engines.broker.monitor import BrokerStats
from andon.realtime import service as realtime  # noqa: F401
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


async def test_a_log_that_is_away_hides_the_lags_and_nothing_else(tmp_path: Path) -> None:
    plant = await build_plant(load_settings(data_dir=tmp_path, mqtt_port=0))
    consumer = plant.consumers["historian"] = await plant.historian.follow(plant.log)
    plant.states["historian"] = "running"
    task = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(20):
            while not consumer.positions:  # noqa: ASYNC110  it has no event for it
                await asyncio.sleep(0.01)
        assert (await process_figures(plant)).lags == {"historian": 0}
        await plant.log.close()
        text = exposition(await process_figures(plant)).decode()
        assert "andon_consumer_lag_records{" not in text
        assert 'andon_role_state{role="historian",state="running"} 1.0' in text
        assert 'andon_consumer_failures_total{role="historian"}' in text
    finally:
        await consumer.stop()
        await asyncio.gather(task, return_exceptions=True)
        await plant.close()
