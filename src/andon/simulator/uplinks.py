"""How a group of machines reaches the broker: each with a connection and a will of its own, or all over one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from andon.simulator.clock import machine_us
from andon.simulator.config import BrokerConfig, BufferConfig
from andon.simulator.link import Link, Will

OFFLINE = "offline"


class StatusSpeech(NamedTuple):
    """How this group says its status: `topic` of a machine, and `message` of (machine, time in µs, status word)."""

    topic: Callable[[str], str]
    message: Callable[[str, int, str], bytes]


class Uplinks:
    """The links of `ids`. Statuses are retained messages: said when they change, and again after each connection.

    With a connection of its own a machine that vanishes is reported by its will. Over a shared one (more machines
    than `own_connections`) that is not possible: MQTT knows one will a connection, so silence tells.
    """

    def __init__(
        self,
        group: str,
        ids: Sequence[str],
        speech: StatusSpeech,
        broker: BrokerConfig,
        buffer: BufferConfig,
        own_connections: int,
    ) -> None:
        self._speech = speech
        self._status: dict[str, str] = {}
        if len(ids) <= own_connections:
            self._link = {machine: self._own_link(machine, broker, buffer) for machine in ids}
        else:
            shared = Link(f"andon-sim-{group}", broker, buffer, on_connect=lambda: self._say_all(ids))
            self._link = dict.fromkeys(ids, shared)
        self.links: tuple[Link, ...] = tuple(dict.fromkeys(self._link.values()))

    def publish(self, machine: str, topic: str, payload: bytes) -> None:
        """Send a machine's measurement with QoS 1, now or when the broker is back."""
        self._link[machine].publish(topic, payload)

    def say(self, machine: str, status: str) -> None:
        """The machine's status is this from now on."""
        self._status[machine] = status
        if self._link[machine].connected:
            self._send(machine, status)

    def say_offline(self) -> None:
        """All take leave."""
        for machine in self._link:
            self.say(machine, OFFLINE)

    def _own_link(self, machine: str, broker: BrokerConfig, buffer: BufferConfig) -> Link:
        return Link(
            f"andon-sim-{machine}",
            broker,
            buffer,
            make_will=lambda: Will(self._speech.topic(machine), self._speech.message(machine, machine_us(), OFFLINE)),
            on_connect=lambda: self._say_all([machine]),
        )

    def _say_all(self, machines: Sequence[str]) -> None:
        for machine in machines:
            if machine in self._status:
                self._send(machine, self._status[machine])

    def _send(self, machine: str, status: str) -> None:
        topic, message = self._speech
        self._link[machine].publish(topic(machine), message(machine, machine_us(), status), retain=True)
