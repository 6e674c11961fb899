"""Several ingest processes share the devices: each takes those whose name hashes to its number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from andon.wire.errors import WireError
from andon.wire.topics import DeviceTopic, LoomTopic, SparkplugTopic, StateTopic, parse_topic


@dataclass(frozen=True, slots=True)
class Shard:
    """The `number`-th of `count`, from 0. What belongs to another shard is that one's to store."""

    number: int = 0
    count: int = 1

    def takes(self, topic: str) -> bool:
        """Whether messages on the topic are this shard's.

        A device is always in the same shard, and so are all devices of a Sparkplug edge node: its session is one.
        What belongs to nobody in particular, such as a topic that carries nothing, is shard 0's. The host's own STATE
        concerns all shards: each corrects it when another's will has declared the host dead.
        """
        if self.count == 1:
            return True
        takes = owner(topic, self.count)
        return takes is None or takes == self.number


@lru_cache(maxsize=65_536)
def owner(topic: str, count: int) -> int | None:
    """Number of the shard that takes a topic; None when all of them do."""
    try:
        parsed = parse_topic(topic)
    except WireError:
        return 0
    match parsed:
        case DeviceTopic(device_id, _):
            key = device_id
        case LoomTopic(loom_id, _):
            key = loom_id
        case SparkplugTopic():
            key = f"{parsed.group_id}/{parsed.edge_node_id}"
        case StateTopic():
            return None
        case _:
            return 0
    return crc32(key.encode("utf-8", "surrogatepass")) % count
