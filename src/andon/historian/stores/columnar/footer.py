"""One Parquet file of row groups that were written as files of their own.

pyarrow encodes all row groups of a file alike; what compresses one tag well wastes half the bytes of another. So each
row group is written on its own, and here their footers become one: the row groups' descriptions are copied with their
offsets moved to where the bytes went. A footer is a struct in Thrift's compact protocol
(https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md), its fields are those of
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

MAGIC: Final = b"PAR1"
_TAIL: Final = 8  # length of the footer, magic
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
_SCHEMA, _ROWS, _ROW_GROUPS, _META, _CREATED_BY, _COLUMN_ORDERS = range(2, 8)

_Fields = Mapping[int, Any]
# Where a row group's description holds offsets into the file: RowGroup → columns → ColumnChunk → ColumnMetaData.
_OFFSETS: Final[_Fields] = {1: {2: None, 3: {9: None, 10: None, 11: None}}, 5: None}


@dataclass(slots=True)
class JoinedFooter:
    """Collects the row groups of a file."""

    _groups: list[bytes] = field(default_factory=list)
    _rows: int = 0
    _shared: dict[int, bytes] = field(default_factory=dict)

    def add(self, file: memoryview, at: int) -> int:
        """Take over the row group of a whole Parquet file whose bytes, from the 4th on, will be at `at`.

        Returns the end of those bytes in `file`: where its own footer begins.
        """
        end = len(file) - _TAIL - int.from_bytes(file[-_TAIL:-4], "little")
        parts = _split(bytes(file[end:-_TAIL]))
        group = parts[_ROW_GROUPS]
        if group[0] != 1 << 4 | _STRUCT:
            raise ValueError("one row group is expected")
        self._groups.append(_Copy(group, at - len(MAGIC), 1).struct(_OFFSETS))
        self._rows += _unzigzag(_Copy(parts[_ROWS]).varint())
        self._shared = self._shared or parts
        return end

    def build(self, meta: Mapping[str, str]) -> bytes:
        """Footer, its length and the magic that ends a file. ValueError when there is no row group."""
        if not self._groups:
            raise ValueError("a file needs a row group")
        entries = [b"\x18" + _text(key) + b"\x18" + _text(value) + b"\0" for key, value in meta.items()]
        fields = {
            1: (_I32, self._shared[1]),
            _SCHEMA: (_LIST, self._shared[_SCHEMA]),
            _ROWS: (_I64, _varint(_zigzag(self._rows))),
            _ROW_GROUPS: (_LIST, _list(self._groups)),
            _META: (_LIST, _list(entries)),
            _CREATED_BY: (_BINARY, self._shared[_CREATED_BY]),
            _COLUMN_ORDERS: (_LIST, self._shared[_COLUMN_ORDERS]),
        }
        body = b"".join(bytes([1 << 4 | type_]) + value for type_, value in fields.values()) + b"\0"
        return body + len(body).to_bytes(4, "little") + MAGIC


def _split(footer: bytes) -> dict[int, bytes]:
    """The encoded values of a footer's fields."""
    copy = _Copy(footer)
    found = {}
    for number, type_ in copy.fields():
        begin = copy.at
        copy.value(type_, None)
        found[number] = footer[begin : copy.at]
    return found


class _Copy:
    """Walks through an encoded struct and copies it; the i64 fields that are asked for are moved by `shift`."""

    def __init__(self, data: bytes, shift: int = 0, at: int = 0) -> None:
        self.at = at
        self._data = data
        self._shift = shift
        self._copied = at
        self._out: list[bytes] = []

    def struct(self, offsets: _Fields | None) -> bytes:
        """A copy of the struct that begins here."""
        self._walk(offsets)
        self._flush()
        return b"".join(self._out)

    def fields(self) -> Any:
        """(number, type) of each field; whoever asks must pass its value before the next."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else _unzigzag(self.varint())
            yield number, head & 15

    def value(self, type_: int, offsets: _Fields | None) -> None:
        """Pass a value, with what is within it."""
        if type_ in (_TRUE, _FALSE):
            return
        if type_ in (_I16, _I32, _I64):
            self.varint()
        elif type_ == _BINARY:
            length = self.varint()
            self.at += length
        elif type_ in (_LIST, _SET):
            self._list(offsets)
        elif type_ == _STRUCT:
            self._walk(offsets)
        elif type_ in (_BYTE, _DOUBLE):
            self.at += 1 if type_ == _BYTE else 8
        else:
            raise ValueError(f"a footer has no values of type {type_}")

    def varint(self) -> int:
        """The number here."""
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def _walk(self, offsets: _Fields | None) -> None:
        offsets = offsets or {}
        for number, type_ in self.fields():
            if number in offsets and offsets[number] is None:
                self._move()
            else:
                self.value(type_, offsets.get(number))

    def _list(self, offsets: _Fields | None) -> None:
        head = self._byte()
        size = head >> 4 if head >> 4 < 15 else self.varint()
        for _ in range(size):
            if head & 15 in (_TRUE, _FALSE):
                self.at += 1
            else:
                self.value(head & 15, offsets)

    def _move(self) -> None:
        begin = self.at
        offset = _unzigzag(self.varint())
        if offset:  # nothing lies at 0, there is the magic: it means that the offset is not given
            self._out.append(self._data[self._copied : begin])
            self._out.append(_varint(_zigzag(offset + self._shift)))
            self._copied = self.at

    def _flush(self) -> None:
        self._out.append(self._data[self._copied : self.at])

    def _byte(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        return byte


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _unzigzag(value: int) -> int:
    return value >> 1 if not value & 1 else -(value + 1 >> 1)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _text(text: str) -> bytes:
    data = text.encode()
    return _varint(len(data)) + data


def _list(structs: Sequence[bytes]) -> bytes:
    head = (
        bytes([len(structs) << 4 | _STRUCT]) if len(structs) < 15 else bytes([0xF0 | _STRUCT]) + _varint(len(structs))
    )
    return head + b"".join(structs)
