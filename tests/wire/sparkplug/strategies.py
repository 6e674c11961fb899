"""Payloads of every shape that the standard allows."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from andon.wire.sparkplug.datatypes import INTEGERS, DataType
from andon.wire.sparkplug.model import DataSet, Metric, Parameter, Payload, Property, Template

MILLIS = st.integers(min_value=0, max_value=253_402_300_799_000)
NAMES = st.text(min_size=1, max_size=12)
UINT64 = st.integers(0, 2**64 - 1)
ARRAYS_OF = {
    DataType.INT8_ARRAY: DataType.INT8,
    DataType.INT16_ARRAY: DataType.INT16,
    DataType.INT32_ARRAY: DataType.INT32,
    DataType.INT64_ARRAY: DataType.INT64,
    DataType.UINT8_ARRAY: DataType.UINT8,
    DataType.UINT16_ARRAY: DataType.UINT16,
    DataType.UINT32_ARRAY: DataType.UINT32,
    DataType.UINT64_ARRAY: DataType.UINT64,
    DataType.FLOAT_ARRAY: DataType.FLOAT,
    DataType.DOUBLE_ARRAY: DataType.DOUBLE,
    DataType.BOOLEAN_ARRAY: DataType.BOOLEAN,
    DataType.DATETIME_ARRAY: DataType.DATETIME,
}


def _integers(datatype: DataType) -> st.SearchStrategy[int]:
    bits, signed = INTEGERS[datatype]
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


SCALARS: dict[DataType, st.SearchStrategy[Any]] = {
    **{datatype: _integers(datatype) for datatype in INTEGERS},
    DataType.FLOAT: st.floats(width=32, allow_nan=False),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: st.text(max_size=12),
    DataType.TEXT: st.text(max_size=12),
    DataType.UUID: st.uuids().map(str),
}
VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    **SCALARS,
    DataType.BYTES: st.binary(max_size=12),
    DataType.FILE: st.binary(max_size=12),
    DataType.STRING_ARRAY: st.lists(
        st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=5), max_size=4
    ),
    **{array: st.lists(SCALARS[element], max_size=10) for array, element in ARRAYS_OF.items()},
}


def typed(values: dict[DataType, st.SearchStrategy[Any]]) -> st.SearchStrategy[tuple[DataType, Any]]:
    """A data type and a value of it, null now and then."""
    return st.sampled_from(sorted(values)).flatmap(
        lambda datatype: st.tuples(st.just(datatype), st.one_of(values[datatype], st.none()))
    )


PROPERTIES: st.SearchStrategy[dict[str, Property]] = st.dictionaries(
    NAMES,
    st.recursive(
        typed(SCALARS).map(lambda pair: Property(*pair)),
        lambda inner: st.one_of(
            st.dictionaries(NAMES, inner, max_size=2).map(lambda one: Property(DataType.PROPERTYSET, one)),
            st.lists(st.dictionaries(NAMES, inner, max_size=2), max_size=2).map(
                lambda many: Property(DataType.PROPERTYSETLIST, many)
            ),
        ),
        max_leaves=4,
    ),
    max_size=3,
)


@st.composite
def data_sets(draw: st.DrawFn) -> DataSet:
    """A table of up to three columns and rows."""
    types = draw(st.lists(st.sampled_from(sorted(SCALARS)), min_size=1, max_size=3))
    rows = draw(st.lists(st.tuples(*(st.one_of(SCALARS[datatype], st.none()) for datatype in types)), max_size=3))
    return DataSet([f"c{i}" for i in range(len(types))], [int(t) for t in types], [list(row) for row in rows])


@st.composite
def metrics(draw: st.DrawFn, depth: int = 1) -> Metric:
    """A metric of any data type, templates up to one level deep."""
    datatype, value = draw(typed(VALUES))
    shape = draw(st.sampled_from(["plain", "plain", "plain", "dataset", "template"] if depth else ["plain"]))
    if shape == "dataset":
        datatype, value = DataType.DATASET, draw(data_sets())
    elif shape == "template":
        datatype, value = DataType.TEMPLATE, draw(templates())
    return Metric(
        draw(st.one_of(st.none(), NAMES)),
        draw(st.one_of(st.none(), UINT64)),
        draw(st.one_of(st.none(), MILLIS)),
        int(datatype),
        value,
        draw(st.booleans()),
        draw(st.booleans()),
        draw(PROPERTIES),
    )


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """A template definition or instance."""
    is_definition = draw(st.booleans())
    parameters = draw(st.lists(st.tuples(NAMES, typed(SCALARS)), max_size=2))
    return Template(
        draw(st.lists(metrics(depth=0), max_size=2)),
        [Parameter(name, int(datatype), value) for name, (datatype, value) in parameters],
        None if is_definition else draw(NAMES),
        draw(st.one_of(st.none(), NAMES)),
        is_definition,
    )


PAYLOADS = st.builds(
    Payload,
    st.one_of(st.none(), MILLIS),
    st.lists(metrics(), max_size=4),
    st.one_of(st.none(), st.integers(0, 255)),
    st.one_of(st.none(), NAMES),
    st.one_of(st.none(), st.binary(max_size=12)),
)
