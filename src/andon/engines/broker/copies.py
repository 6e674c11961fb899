"""Tells a message that comes a second time on one connection from a new one."""

from __future__ import annotations

import math
import time
from array import array

_PACKET_IDS = 1 << 16
_FORGET_S = 300.0


class Copies:
    """What one connection received at QoS 1, by packet id.

    nats-server sends a message that waits long for its acknowledgement again, also where the first copy is only on its
    way through a full connection. By the time the second one is read the packet id may be a later message's: a second
    acknowledgement would be taken for that of the later one, which is lost when the connection breaks before it comes.
    So the second copy is nobody's business; the acknowledgement of the first one holds for both.

    What was acknowledged more than `forget_s` ago is forgotten, so that a message which only looks like it (same packet
    id, topic and payload, and first sent now) is not passed over for ever.
    """

    def __init__(self, forget_s: float = _FORGET_S) -> None:
        self._hashes = array("q", bytes(8 * _PACKET_IDS))
        self._acknowledged = array("d", bytes(8 * _PACKET_IDS))
        self._forget_s = forget_s

    def is_second(self, packet_id: int, repeated: bool, topic: str, payload: bytes) -> bool:
        """Note a message; True when this connection had it before. `repeated`: the broker marks it as sent again."""
        content = hash((topic, payload))
        if repeated and self._hashes[packet_id] == content and not self._is_forgotten(packet_id):
            return True
        self._hashes[packet_id] = content
        self._acknowledged[packet_id] = math.inf
        return False

    def _is_forgotten(self, packet_id: int) -> bool:
        return time.monotonic() - self._acknowledged[packet_id] >= self._forget_s

    def acknowledge(self, packet_id: int) -> None:
        """Note that it was acknowledged now."""
        self._acknowledged[packet_id] = time.monotonic()
