"""Sparkplug B 3.0 arrays: packed little endian into `bytes_value` (section 6.4.16)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class ArrayCodec(NamedTuple):
    """Both ways of one array type; struct.error or ValueError when the bytes or the values do not fit."""

    pack: Callable[[Sequence[Any]], bytes]
    unpack: Callable[[bytes], list[Any]]


def _numbers(code: str) -> ArrayCodec:
    size = struct.calcsize("<" + code)

    def pack(values: Sequence[Any]) -> bytes:
        return struct.pack(f"<{len(values)}{code}", *values)

    def unpack(raw: bytes) -> list[Any]:
        return list(struct.unpack(f"<{len(raw) // size}{code}", raw))

    return ArrayCodec(pack, unpack)


def _pack_booleans(values: Sequence[Any]) -> bytes:
    """Number of elements as uint32, then the bits, the first one highest in its byte."""
    packed = bytearray(-(-len(values) // 8))
    for i, value in enumerate(values):
        if value:
            packed[i // 8] |= 0x80 >> i % 8
    return struct.pack("<I", len(values)) + packed


def _unpack_booleans(raw: bytes) -> list[Any]:
    (count,) = struct.unpack_from("<I", raw)
    if len(raw) != 4 + -(-count // 8):
        raise ValueError(f"{count} booleans in {len(raw) - 4} bytes")
    return [bool(raw[4 + i // 8] & (0x80 >> i % 8)) for i in range(count)]


def _pack_strings(values: Sequence[Any]) -> bytes:
    """Each string ends with NUL, so none may contain one."""
    if any("\0" in value for value in values):
        raise ValueError("a string contains NUL")
    return b"".join(value.encode() + b"\0" for value in values)


def _unpack_strings(raw: bytes) -> list[Any]:
    if raw and not raw.endswith(b"\0"):
        raise ValueError("the last string does not end")
    return raw.decode().split("\0")[:-1]


ARRAY_CODECS = {
    22: _numbers("b"),
    23: _numbers("h"),
    24: _numbers("i"),
    25: _numbers("q"),
    26: _numbers("B"),
    27: _numbers("H"),
    28: _numbers("I"),
    29: _numbers("Q"),
    30: _numbers("f"),
    31: _numbers("d"),
    32: ArrayCodec(_pack_booleans, _unpack_booleans),
    33: ArrayCodec(_pack_strings, _unpack_strings),
    34: _numbers("Q"),
}
"""By the number of the data type, Int8Array to DateTimeArray. A DateTime is ms since 1970."""
