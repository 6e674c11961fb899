"""Which partition a key goes to: as Kafka's Java clients choose it, and as our producer is configured to."""

from __future__ import annotations

from typing import Final

_MASK: Final = 0xFFFF_FFFF
_M: Final = 0x5BD1_E995
_SEED: Final = 0x9747_B28C


def key_hash(key: str) -> int:
    """The positive 31-bit murmur2 hash of a key. Modulo the number of partitions it is the key's partition."""
    data = key.encode()
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ (k >> 24)) * _M & _MASK)
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return (h ^ (h >> 15)) & 0x7FFF_FFFF
