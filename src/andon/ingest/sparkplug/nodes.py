"""The edge nodes that the host knows, bounded in nodes and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from andon.ingest.sparkplug.columns import NumberColumns
from andon.ingest.sparkplug.names import EdgeName
from andon.registry.directory import DeviceInfo
from andon.wire.errors import WireError
from andon.wire.sparkplug.definitions import Definitions, MetricDefinition, Reading
from andon.wire.sparkplug.host import HostSession, SessionLimits

_MAX_METRICS_OF_A_NODE = 10_000


@dataclass(slots=True)
class EdgeDevice:
    """An edge node's own metrics, or those of one of its devices, from its last birth.

    `info` is the registered device, None while it is unknown. `waiting` holds the readings (with their receive
    times) that came while tags were being registered; it is None when nothing is being registered.
    """

    name: EdgeName
    definitions: list[MetricDefinition] = field(default_factory=list)
    info: DeviceInfo | None = None
    waiting: list[tuple[Sequence[Reading], int]] | None = None
    columns: NumberColumns = field(default_factory=NumberColumns)

    def carry_over(self, before: EdgeDevice) -> None:
        """Take over last values, so that a death right after a rebirth still has something to mark as stale."""
        before.columns.settle()
        bindings = {definition.name: definition.binding for definition in before.definitions}
        for definition in self.definitions:
            definition.binding = bindings.get(definition.name)

    def definitions_by_key(self) -> Definitions:
        """By name and by alias, as data messages refer to them."""
        found: Definitions = {}
        for definition in self.definitions:
            found[definition.name] = definition
            if definition.alias is not None:
                found.setdefault(definition.alias, definition)
        return found


@dataclass(slots=True)
class EdgeNode:
    """A node, its session and its devices (None: the node's own metrics); `seen` µs UTC."""

    group: str
    node: str
    session: HostSession
    devices: dict[str | None, EdgeDevice] = field(default_factory=dict)
    seen: int = 0


class NodeTable:
    """Edge nodes by group and id. A full table makes room by forgetting the node that is offline the longest."""

    def __init__(self, max_nodes: int, max_metrics: int) -> None:
        self._max_nodes = max_nodes
        self._max_metrics = max_metrics
        self._nodes: dict[tuple[str, str], EdgeNode] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def metrics(self) -> int:
        """Metrics of all nodes."""
        return sum(len(device.definitions) for node in self._nodes.values() for device in node.devices.values())

    def all(self) -> list[EdgeNode]:
        """The nodes of now; the table may change while they are walked through."""
        return list(self._nodes.values())

    def get(self, group: str, node_id: str) -> EdgeNode | None:
        """The node, None when it has not been heard of."""
        return self._nodes.get((group, node_id))

    def admit(self, group: str, node_id: str) -> EdgeNode:
        """A node that is heard of for the first time. WireError `too_many_edge_nodes` when all others are online."""
        if len(self._nodes) >= self._max_nodes:
            offline = [node for node in self._nodes.values() if not node.session.online]
            if not offline:
                message = f"{len(self._nodes)} edge nodes are online; no more are allowed (max_edge_nodes)"
                raise WireError("too_many_edge_nodes", message)
            oldest = min(offline, key=lambda node: node.seen)
            del self._nodes[oldest.group, oldest.node]
        session = HostSession(SessionLimits(max_metrics=min(_MAX_METRICS_OF_A_NODE, self._max_metrics)))
        node = self._nodes[group, node_id] = EdgeNode(group, node_id, session)
        return node

    def check_metrics(self, latest: EdgeNode) -> WireError | None:
        """Forget the node whose birth went over the limit of all metrics, and say so."""
        total = self.metrics
        if total <= self._max_metrics:
            return None
        del self._nodes[latest.group, latest.node]
        message = f"{total} metrics of all edge nodes; {self._max_metrics} are allowed (max_edge_metrics)"
        return WireError("too_many_metrics", message)
