"""`GET /health` and `GET /metrics` of the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from andon.kit.errors import StartError
from andon.observability.plain_http import Answer, plain_pages

Report = Callable[[], Mapping[str, Any]]
_COUNTED = {
    "published": "Messages handed to the broker",
    "acknowledged": "Messages that the broker acknowledged",
    "dropped": "Messages that were given up, because the broker was away too long",
}


@asynccontextmanager
async def health_endpoint(host: str, port: int, report: Report) -> AsyncIterator[int]:
    """Serve `report()` as JSON, and its figures for Prometheus, while the context lasts; yields the port.

    StartError when it cannot be had.
    """

    async def health() -> Answer:
        return Answer.json(report())

    async def metrics() -> Answer:
        return Answer(generate_latest(REGISTRY) + generate_latest(_Figures(report())), CONTENT_TYPE_LATEST)

    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(plain_pages(host, port, {"/health": health, "/metrics": metrics}))
        except OSError as error:
            raise StartError(
                f"the health endpoint cannot listen on {host}:{port}: {error.strerror}",
                field="health_port",
                cure="end what uses the port, or set another health_port (ANDON_SIM_HEALTH_PORT; 0 switches it off)",
            ) from error
        yield opened


def figures(report: Mapping[str, Any]) -> Iterator[Metric]:
    """The figures of a report."""
    mqtt, counted = report["dependencies"]["mqtt"], report["metrics"]
    yield GaugeMetricFamily("andon_simulator_connections", "Connections that machines want", mqtt["connections"])
    yield GaugeMetricFamily("andon_simulator_connected", "Connections that stand", mqtt["connected"])
    yield GaugeMetricFamily("andon_simulator_buffered", "Messages that wait for the broker", counted["buffered"])
    for name, meaning in _COUNTED.items():
        yield CounterMetricFamily(f"andon_simulator_{name}", meaning, counted[name])
    measured = CounterMetricFamily("andon_simulator_measured", "Messages that machines made", labels=["kind"])
    for kind, count in counted["measured"].items():
        measured.add_metric([kind], count)
    yield measured


class _Figures:
    """Stands for a registry that holds one report."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        return figures(self._report)
