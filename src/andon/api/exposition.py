"""What `/metrics` says in Prometheus' text format: of a process that serves the API, and of one that does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from andon import __version__

if TYPE_CHECKING:
    from andon.engines.broker.monitor import BrokerStats
    from andon.engines.log.consumer import Consumer

MEDIA_TYPE = CONTENT_TYPE_LATEST
_HANDLED = {
    "records": "Records of the log that a role has read",
    "samples": "Samples that a role has handled",
    "batches": "Batches that a role has handled",
    "failures": "Attempts to handle a batch that failed and were repeated",
    "dead_letters": "Records that a role gave up: they are among the dead letters",
}
_BROKER = {"messages_in": "received", "messages_out": "sent"}


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """What is asked for at each scrape. `lags`: records not handled yet, by role; a lag that is not known is absent."""

    roles: Mapping[str, str]
    consumers: Mapping[str, Consumer]
    lags: Mapping[str, int]
    broker: BrokerStats | None = None


def families(figures: ProcessFigures) -> Iterator[Metric]:
    """The metrics of these figures."""
    info = GaugeMetricFamily("andon_info", "Always 1; the label says the version", labels=["version"])
    info.add_metric([__version__], 1)
    yield info
    states = GaugeMetricFamily("andon_role_state", "1 for the state in which a role is", labels=["role", "state"])
    for role, state in figures.roles.items():
        states.add_metric([role, state], 1)
    yield states
    lags = GaugeMetricFamily("andon_consumer_lag_records", "Records that a role has not handled yet", labels=["role"])
    for role, lag in figures.lags.items():
        lags.add_metric([role], lag)
    yield lags
    for name, meaning in _HANDLED.items():
        handled = CounterMetricFamily(f"andon_consumer_{name}", meaning, labels=["role"])
        for role, consumer in figures.consumers.items():
            handled.add_metric([role], getattr(consumer.handled, name))
        yield handled
    if figures.broker is not None:
        yield from _broker(figures.broker)


def _broker(stats: BrokerStats) -> Iterator[Metric]:
    yield GaugeMetricFamily("andon_broker_clients", "Clients of the embedded broker", stats.clients)
    yield GaugeMetricFamily("andon_broker_memory_bytes", "Memory of the embedded broker", stats.memory_bytes)
    for name, meaning in _BROKER.items():
        yield CounterMetricFamily(f"andon_broker_{name}", f"Messages that the broker {meaning}", getattr(stats, name))
    yield CounterMetricFamily("andon_broker_slow_clients", "Clients that were too slow", stats.slow_consumers)


def exposition(figures: ProcessFigures) -> bytes:
    """All metrics of this process in Prometheus' text format."""
    return generate_latest(REGISTRY) + generate_latest(_Scrape(figures))


class _Scrape:
    """Stands for a registry that holds one look at the process."""

    def __init__(self, figures: ProcessFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        return families(self._figures)
