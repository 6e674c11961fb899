"""The press as a Sparkplug B edge node: births, data by exception, history after an outage, death."""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Mapping

from andon.kit.clock import US_PER_MS, now_us
from andon.simulator.beats import beats
from andon.simulator.config import SimulatorConfig
from andon.simulator.link import Link, Will
from andon.simulator.machines.press import Press, PressValue
from andon.simulator.machines.press_metrics import PRESS_METRICS, MetricKind, PressMetric
from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.messages import Outgoing
from andon.wire.sparkplug.model import Metric, Property
from andon.wire.sparkplug.session import EdgeSession
from andon.wire.topics import node_topic

logger = logging.getLogger(__name__)

GROUP_ID, EDGE_NODE_ID, DEVICE_ID = "Andon-Demo", "edge-press-1", "press-1"

_DATATYPES: dict[MetricKind, DataType] = {
    "double": DataType.DOUBLE,
    "long": DataType.INT64,
    "boolean": DataType.BOOLEAN,
    "text": DataType.STRING,
}
_KEPT_MESSAGES = 3_600
_KEPT_A_BEAT = 20  # so much history goes out between two live messages
_MOST_BD_SEQ = 256

Values = Mapping[str, PressValue]


class PressPublisher:
    """One edge node with one device.

    While the broker is away the values are kept (bounded by the buffer's minutes, and 3,600 messages); they follow the
    next birth as historical data, a few between two live messages.
    """

    kind = "press"

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config.press
        self._press = Press(random.Random(config.seed))
        # A number that is not the last run's is all that bdSeq asks for: the clock gives one without a file.
        self._session = EdgeSession(GROUP_ID, EDGE_NODE_ID, bd_seq=int(time.time()) % _MOST_BD_SEQ)
        self._session.add_device(DEVICE_ID, [_metric(metric) for metric in PRESS_METRICS], _now_ms())
        self._sent: dict[str, PressValue] = {}
        room = min(_KEPT_MESSAGES, int(config.buffer.minutes * 60 / config.press.interval_s) + 1)
        self._kept: deque[tuple[int, Values]] = deque(maxlen=room)
        self._commands = node_topic(GROUP_ID, "NCMD", EDGE_NODE_ID)
        self._link = Link(
            f"andon-sim-{EDGE_NODE_ID}",
            config.broker,
            config.buffer,
            make_will=self._new_will,
            on_connect=self._be_born,
            subscriptions=(self._commands,),
            on_message=self._obey,
        )
        self.messages = 0

    @property
    def links(self) -> tuple[Link, ...]:
        """The edge node's connection."""
        return (self._link,)

    async def run(self) -> None:
        """Press until cancelled."""
        refresh_beats = max(1, round(self._config.refresh_s / self._config.interval_s))
        async for _ in beats(self._config.interval_s):
            self._press.step(self._config.interval_s)
            if self.messages % refresh_beats == 0:
                self._sent.clear()
            self._publish(_now_ms(), self._changes())
            self.messages += 1

    def farewell(self) -> None:
        """The NDEATH of a planned end: MQTT keeps the will to itself when a client takes leave."""
        if self._link.connected:
            death = self._session.death(_now_ms())
            self._link.publish(death.topic, death.payload)

    def _changes(self) -> Values:
        """What differs from what was said last."""
        names = (metric.name for metric in PRESS_METRICS)
        changed = {
            name: value
            for name, value in zip(names, self._press.values(), strict=True)
            if self._sent.get(name) != value
        }
        self._sent.update(changed)
        return changed

    def _publish(self, at_ms: int, values: Values) -> None:
        if not (self._link.connected and self._session.born):
            self._kept.append((at_ms, values))
            return
        self._send(self._session.data(DEVICE_ID, values, at_ms))
        for _ in range(min(_KEPT_A_BEAT, len(self._kept))):
            measured_ms, old = self._kept.popleft()
            self._send(self._session.data(DEVICE_ID, old, at_ms, measured_ms=measured_ms))

    def _new_will(self) -> Will:
        will = self._session.connect(_now_ms())
        return Will(will.topic, will.payload, will.qos, will.retain)

    def _be_born(self) -> None:
        now_ms = _now_ms()
        present = zip((metric.name for metric in PRESS_METRICS), self._press.values(), strict=True)
        self._session.update(DEVICE_ID, dict(present), now_ms)
        for birth in self._session.birth(now_ms):
            self._send(birth)

    def _obey(self, topic: str, payload: bytes) -> None:
        """The host may ask for the births; there is nothing else at the press that it may write."""
        try:
            commands = self._session.command(None, payload)
        except PayloadError as error:
            logger.warning("a command was not understood", extra={"topic": topic, "reason": str(error)})
            return
        if commands.rebirth:
            self._be_born()

    def _send(self, message: Outgoing) -> None:
        self._link.publish_now(message.topic, message.payload, qos=message.qos, retain=message.retain)


def _metric(metric: PressMetric) -> Metric:
    """The metric of the births, with its unit and engineering range."""
    properties: dict[str, Property] = {}
    if metric.unit:
        properties["engUnit"] = Property(DataType.STRING, metric.unit)
    if metric.low is not None:
        properties["engLow"] = Property(DataType.DOUBLE, float(metric.low))
    if metric.high is not None:
        properties["engHigh"] = Property(DataType.DOUBLE, float(metric.high))
    return Metric(metric.name, datatype=_DATATYPES[metric.kind], properties=properties)


def _now_ms() -> int:
    return now_us() // US_PER_MS
