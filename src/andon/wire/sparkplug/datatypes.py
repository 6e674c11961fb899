"""Sparkplug B data types, and how a value of each travels (Sparkplug 3.0, section 6.4.16).

Signed integers travel as two's complement in unsigned fields. Senders differ in the width they fill: an Int8 of -1 is
seen as 0xFF and as 0xFFFFFFFF. Both are read; a number that is neither is refused, not cut.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from andon.wire.sparkplug.arrays import ARRAY_CODECS
from andon.wire.sparkplug.errors import PayloadError


class DataType(IntEnum):
    """Data types of metrics, properties, parameters and data set columns, with the numbers of the standard."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTYSET = 20
    PROPERTYSETLIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATETIME_ARRAY = 34

    @property
    def kind(self) -> str:
        """`number`, `boolean` or `text`: what a tag of this type holds; `other` for structures, bytes and arrays."""
        if self in INTEGERS or self in _FLOATS:
            return "number"
        if self is DataType.BOOLEAN:
            return "boolean"
        return "text" if self in _TEXTS else "other"


INTEGERS: Mapping[DataType, tuple[int, bool]] = {
    DataType.INT8: (8, True),
    DataType.INT16: (16, True),
    DataType.INT32: (32, True),
    DataType.INT64: (64, True),
    DataType.UINT8: (8, False),
    DataType.UINT16: (16, False),
    DataType.UINT32: (32, False),
    DataType.UINT64: (64, False),
    DataType.DATETIME: (64, False),
}
"""Bits, and whether signed. DateTime is ms since 1970."""
_FLOATS = frozenset({DataType.FLOAT, DataType.DOUBLE})
_TEXTS = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})
_RAW_BYTES = frozenset({DataType.BYTES, DataType.FILE})
_LARGEST_FLOAT = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]

Reader = Callable[[Any], Any]
"""From what a field of the payload holds to the Python value; raises PayloadError."""


def _integer_reader(datatype: DataType, width: int) -> Reader:
    bits, signed = INTEGERS[datatype]
    modulus, half, top = 1 << bits, 1 << (bits - 1), 1 << width

    def read_signed(raw: int) -> int:
        if raw < half:
            return raw
        if raw < modulus:
            return raw - modulus
        if top - half <= raw < top:
            return raw - top
        raise PayloadError(f"{raw} does not fit {datatype.name}", reason="out_of_range")

    def read_unsigned(raw: int) -> int:
        if raw < modulus:
            return raw
        raise PayloadError(f"{raw} does not fit {datatype.name}", reason="out_of_range")

    return read_signed if signed else read_unsigned


def _same(raw: Any) -> Any:
    return raw


def read_text(raw: str | bytes) -> str:
    """The text of a string field. PayloadError when it is not UTF-8: protobuf then hands out the bytes."""
    if isinstance(raw, str):
        return raw
    raise PayloadError(f"text is not UTF-8: {raw[:40]!r}", reason="invalid_text")


def _boolean(raw: int) -> bool:
    if raw in (0, 1):
        return bool(raw)
    raise PayloadError(f"{raw} is not a Boolean", reason="out_of_range")


def _array_reader(datatype: DataType) -> Reader:
    unpack = ARRAY_CODECS[datatype].unpack

    def read(raw: bytes) -> list[Any]:
        try:
            return unpack(raw)
        except (struct.error, ValueError) as error:
            raise PayloadError(f"the bytes are no {datatype.name}: {error}", reason="invalid_array") from error

    return read


def _readers(datatype: DataType) -> dict[str, Reader]:
    """By the payload's field (`int_value`, …): how a value of this type is read from it. No entry: it cannot be."""
    if datatype in INTEGERS:
        return {"int_value": _integer_reader(datatype, 32), "long_value": _integer_reader(datatype, 64)}
    if datatype in _FLOATS:
        return {"float_value": _same, "double_value": _same, "int_value": float, "long_value": float}
    if datatype is DataType.BOOLEAN:
        return {"boolean_value": _same, "int_value": _boolean, "long_value": _boolean}
    if datatype in _TEXTS:
        return {"string_value": read_text}
    if datatype in _RAW_BYTES:
        return {"bytes_value": _same}
    if datatype in ARRAY_CODECS:
        return {"bytes_value": _array_reader(datatype)}
    if datatype is DataType.DATASET:
        return {"dataset_value": _same}
    return {"template_value": _same} if datatype is DataType.TEMPLATE else {}


READERS: Mapping[int, Mapping[str, Reader]] = {datatype.value: _readers(datatype) for datatype in DataType}
_UNTYPED: Mapping[str, Reader] = {
    "string_value": read_text,
    **dict.fromkeys(("int_value", "long_value", "float_value", "double_value", "boolean_value"), _same),
    **dict.fromkeys(("bytes_value", "dataset_value", "template_value"), _same),
}


_NUMBER_FIELDS = frozenset({"int_value", "long_value", "float_value", "double_value", "boolean_value"})


def readers_of(datatype: int) -> Mapping[str, Reader]:
    """How a value of this type is read, by field. Type 0 and types of later standards are taken as they come."""
    return READERS.get(datatype) or _UNTYPED


def plain_up_to(datatype: int, field: str) -> int | None:
    """Up to which number what a field holds is the value itself; None when that is never so, or it is no number."""
    reader = readers_of(datatype).get(field)
    if reader is None or field not in _NUMBER_FIELDS:
        return None
    if reader in (_same, float):
        return (1 << 64) - 1
    if reader is _boolean:
        return 1
    bits, signed = INTEGERS[DataType(datatype)]
    return (1 << (bits - 1 if signed else bits)) - 1


def read_value(datatype: int, field: str, raw: Any) -> Any:
    """The Python value of a payload's field. PayloadError when the field or the value does not fit the type."""
    reader = readers_of(datatype).get(field)
    if reader is None:
        raise PayloadError(f"{_name(datatype)} cannot travel in {field}", reason="wrong_type")
    return reader(raw)


def write_value(datatype: DataType, value: Any) -> tuple[str, Any]:
    """(field, raw) of a Python value for the payload. PayloadError when the value does not fit the type."""
    if datatype in INTEGERS:
        return _write_integer(datatype, value)
    if datatype in _FLOATS:
        return _write_float(datatype, value)
    if datatype is DataType.BOOLEAN and isinstance(value, bool):
        return "boolean_value", value
    if datatype in _TEXTS and isinstance(value, str):
        return "string_value", value
    if datatype in _RAW_BYTES and isinstance(value, bytes):
        return "bytes_value", value
    if datatype in ARRAY_CODECS and isinstance(value, Sequence):
        return "bytes_value", _packed(datatype, value)
    raise _unfit(datatype, value)


def _write_integer(datatype: DataType, value: Any) -> tuple[str, int]:
    bits, signed = INTEGERS[datatype]
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _unfit(datatype, value)
    # UInt32 goes into long_value as the reference implementations do it: readers with signed ints need the room.
    if datatype is DataType.UINT32 or bits == 64:
        return "long_value", value & 0xFFFF_FFFF_FFFF_FFFF
    return "int_value", value & 0xFFFF_FFFF


def _write_float(datatype: DataType, value: Any) -> tuple[str, float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unfit(datatype, value)
    number = float(value)
    if datatype is DataType.DOUBLE:
        return "double_value", number
    if math.isfinite(number) and abs(number) > _LARGEST_FLOAT:
        raise _unfit(datatype, value)
    return "float_value", number


def _packed(datatype: DataType, values: Sequence[Any]) -> bytes:
    try:
        return ARRAY_CODECS[datatype].pack(values)
    except (struct.error, ValueError, TypeError, AttributeError) as error:
        raise PayloadError(f"the values are no {datatype.name}: {error}", reason="invalid_array") from error


def _unfit(datatype: DataType, value: Any) -> PayloadError:
    return PayloadError(f"{value!r:.80} does not fit {datatype.name}", reason="out_of_range")


def _name(datatype: int) -> str:
    return DataType(datatype).name if datatype in READERS else f"data type {datatype}"
