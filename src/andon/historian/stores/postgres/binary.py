"""PostgreSQL's binary formats to and from numpy columns: no Python object per sample.

Going in, a row of COPY has a fixed width and an array parameter is one buffer. Coming out, a column is one bytea that
the server joins (`string_agg`): one row to fetch, so nobody waits for the interpreter's lock row by row.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.kit.samples import PINNED, SampleBatch

EPOCH_US: Final = 946_684_800_000_000
"""PostgreSQL counts µs from 2000-01-01 UTC."""

_COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER: Final = b"\xff\xff"
COPIED: Final = ("tag_id", "quality", "pinned", "timestamp", "received", "value")
_COPY_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        *((("tag_id_size", ">i4"), ("tag_id", ">i4"))),
        *((("quality_size", ">i4"), ("quality", ">i2"))),
        *((("pinned_size", ">i4"), ("pinned", ">u1"))),
        *((("timestamp_size", ">i4"), ("timestamp", ">i8"))),
        *((("received_size", ">i4"), ("received", ">i8"))),
        *((("value_size", ">i4"), ("value", ">f8"))),
    ]
)


def copied(batch: SampleBatch) -> bytes:
    """The samples as `COPY (COPIED) FROM STDIN (FORMAT BINARY)` takes them; every value must be a number."""
    rows = np.empty(len(batch), _COPY_ROW)
    rows["fields"] = len(COPIED)
    for name, column in zip(COPIED, _columns(batch), strict=True):
        rows[name] = column
        rows[f"{name}_size"] = _COPY_ROW[name].itemsize
    return _COPY_HEADER + rows.tobytes() + _COPY_TRAILER


def _columns(batch: SampleBatch) -> tuple[NDArray[Any], ...]:
    pinned = batch.marked(PINNED)
    return batch.tag_ids, batch.qualities, pinned, batch.timestamps - EPOCH_US, batch.received - EPOCH_US, batch.values


_EARLIEST: Final = -211_813_488_000_000_000
_LATEST: Final = 9_223_371_331_199_999_999
"""What a timestamptz can hold, in µs from `EPOCH_US`."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A parameter in PostgreSQL's binary format: `oid` of its type."""

    oid: int
    data: bytes


def moment(at: int) -> Binary:
    """`timestamptz` from µs UTC; what it cannot hold becomes the first or last moment that it can."""
    return Binary(1184, struct.pack(">q", min(max(at - EPOCH_US, _EARLIEST), _LATEST)))


_INT2, _INT4, _INT8, _FLOAT8, _BOOL, _TIMES = (21, 1005), (23, 1007), (20, 1016), (701, 1022), (16, 1000), (1184, 1185)


def int2s(column: NDArray[Any]) -> Binary:
    """`smallint[]`."""
    return _array(_INT2, column, ">i2")


def int4s(column: NDArray[Any] | Sequence[int]) -> Binary:
    """`integer[]`."""
    return _array(_INT4, np.asarray(column, np.int64), ">i4")


def int8s(column: NDArray[Any] | Sequence[int]) -> Binary:
    """`bigint[]`."""
    return _array(_INT8, np.asarray(column, np.int64), ">i8")


def float8s(column: NDArray[np.float64]) -> Binary:
    """`double precision[]`."""
    return _array(_FLOAT8, column, ">f8")


def bools(column: NDArray[np.bool_]) -> Binary:
    """`boolean[]`."""
    return _array(_BOOL, column, ">u1")


def times(column: NDArray[np.int64] | Sequence[int]) -> Binary:
    """`timestamptz[]` from µs UTC."""
    return _array(_TIMES, np.asarray(column, np.int64) - EPOCH_US, ">i8")


def _array(kind: tuple[int, int], column: NDArray[Any], dtype: str) -> Binary:
    element, array = kind
    cells = np.empty(len(column), np.dtype([("size", ">i4"), ("value", dtype)]))
    cells["size"] = np.dtype(dtype).itemsize
    cells["value"] = column
    dimensions = struct.pack(">ii", len(column), 1) if len(column) else b""
    return Binary(array, struct.pack(">iiI", 1 if len(column) else 0, 0, element) + dimensions + cells.tobytes())


def joined(name: str, kind: str) -> str:
    """SQL that joins a column, which must hold no NULL, into one bytea; `column` reads it."""
    return f"string_agg({kind}send({name}), ''::bytea)"


def column(data: bytes | None, dtype: str) -> NDArray[Any]:
    """A joined column, in the machine's byte order; empty where the server had no row."""
    found = np.frombuffer(data or b"", dtype)
    return found.astype(found.dtype.newbyteorder("="))


def moments(data: bytes | None) -> NDArray[np.int64]:
    """A joined column of `timestamptz_send`, in µs UTC."""
    found: NDArray[np.int64] = column(data, ">i8")
    return found + EPOCH_US


def register(connection: Any) -> None:
    """Let a psycopg connection take `Binary` parameters."""
    connection.adapters.register_dumper(Binary, _dumper())


def _dumper() -> type[Any]:
    from psycopg.adapt import Dumper, PyFormat
    from psycopg.pq import Format

    class BinaryDumper(Dumper):
        """Sends an `Binary` as it is; each type has a dumper of its own."""

        format = Format.BINARY

        def get_key(self, obj: Binary, format: PyFormat) -> Any:
            return (self.cls, obj.oid)

        def upgrade(self, obj: Binary, format: PyFormat) -> Dumper:
            made = type(self)(self.cls)
            made.oid = obj.oid
            return made

        def dump(self, obj: Binary) -> bytes:
            return obj.data

    return BinaryDumper
