"""Arrow IPC streams from outside: opened only after it is known that they cannot blow up."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from andon.ingest.imports.model import PartError

_CURE: Final = "send an Arrow IPC stream (pyarrow.ipc.new_stream) without compression, or JSON"
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
# Positions of fields in the tables of Arrow's Message.fbs.
_HEADER_TYPE, _HEADER = 1, 2
_LENGTH, _COMPRESSION = 0, 3
_DICTIONARY_DATA = 1


def read_table(body: bytes, max_rows: int) -> Any:
    """The stream as one `pyarrow.Table`. PartError when it is none, is compressed, or has more rows than `max_rows`.

    Compressed streams are refused because a few of their bytes may stand for gigabytes.
    """
    import pyarrow as pa

    try:
        rows = 0
        for metadata in _messages(pa, body):
            rows += _rows_of(metadata)
            if rows > max_rows:
                raise PartError(f"the part has more than {max_rows} rows", cure="send smaller parts")
        table = pa.ipc.open_stream(pa.py_buffer(body)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, struct.error, ValueError, KeyError) as error:
        raise PartError(f"the part cannot be read: {str(error)[:200]}", cure=_CURE) from error
    return table


def _messages(pa: Any, body: bytes) -> Iterator[bytes]:
    """The metadata of each message, whose own bytes are bounded by the body."""
    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(body))
    try:
        for message in reader:
            yield message.metadata.to_pybytes()
    except StopIteration:
        return


def _rows_of(metadata: bytes) -> int:
    """Rows of a record batch, 0 of another message. PartError when it is compressed."""
    message = struct.unpack_from("<I", metadata, 0)[0]
    kind_at = _field(metadata, message, _HEADER_TYPE)
    header_at = _field(metadata, message, _HEADER)
    if not kind_at or not header_at or metadata[kind_at] not in (_RECORD_BATCH, _DICTIONARY_BATCH):
        return 0
    header = _follow(metadata, header_at)
    if metadata[kind_at] == _DICTIONARY_BATCH:
        data_at = _field(metadata, header, _DICTIONARY_DATA)
        if not data_at:
            return 0
        header = _follow(metadata, data_at)
    if _field(metadata, header, _COMPRESSION):
        raise PartError("the part is compressed", cure=_CURE)
    length_at = _field(metadata, header, _LENGTH)
    length: int = struct.unpack_from("<q", metadata, length_at)[0] if length_at else 0
    if length < 0:
        raise ValueError("a batch of less than no rows")
    return length


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffers table stands; 0 when it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0 or 4 + 2 * number >= struct.unpack_from("<H", data, vtable)[0]:
        return 0
    offset: int = struct.unpack_from("<H", data, vtable + 4 + 2 * number)[0]
    return table + offset if offset else 0


def _follow(data: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", data, at)[0])
