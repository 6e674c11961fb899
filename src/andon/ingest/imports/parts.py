"""What a part holds: the samples of each signal as columns, from an Arrow stream or JSON. Pure.

Arrow comes wide, a column `timestamp` and one a signal, or long, with the columns `timestamp`, `tag` and `value` (and
`text`, `quality`, `unit`, `device`), as Andon's own exports are. A null, or a number that is none, is no sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from andon.ingest.imports.arrow import read_table
from andon.ingest.imports.model import PartError, SignalSamples
from andon.kit.quality import Quality, parse_quality

PRIMARY: Final = ""
"""Name of the signal that a part does not name: the device's primary one."""

_TIMESTAMP: Final = "timestamp"
_LONG: Final = frozenset({"tag", "value"})
_LONG_COLUMNS: Final = frozenset({_TIMESTAMP, "device", "tag", "value", "text", "unit", "quality"})
_MAX_TEXT: Final = 16 << 20
_TO_US: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}

_Times = NDArray[np.int64]
_Values = NDArray[np.float64]
_Qualities = NDArray[np.uint8]


def read_arrow(body: bytes, device_id: str, max_samples: int) -> list[SignalSamples]:
    """The samples of an Arrow stream. PartError names the row and the column that are wrong."""
    table = read_table(body, max_samples)
    names = table.column_names
    if len(set(names)) != len(names):
        raise PartError("two columns have the same name", cure="rename one of them")
    if _TIMESTAMP not in names:
        raise PartError("there is no column timestamp", column=_TIMESTAMP, cure="add it, as timestamps or µs")
    if table.num_rows * max(table.num_columns - 1, 1) > max_samples:
        raise PartError(f"the part has more than {max_samples} samples (import_part_samples)", cure="send smaller ones")
    columns = {name: table.column(name).combine_chunks() for name in names}
    times = _times(columns.pop(_TIMESTAMP))
    long = set(columns) >= _LONG and _is_text(columns["tag"].type)
    return list(_long(columns, times, device_id) if long else _wide(columns, times))


def _wide(columns: dict[str, Any], times: _Times) -> Iterator[SignalSamples]:
    qualities = np.full(len(times), Quality.GOOD, np.uint8)
    if "quality" in columns and _is_text(columns["quality"].type):
        qualities = _qualities(columns.pop("quality"))
    for name, column in columns.items():
        yield from _signal(name, column, times, qualities)


def _signal(name: str, column: Any, times: _Times, qualities: _Qualities) -> Iterator[SignalSamples]:
    """The samples of a column; none when it is empty."""
    if _is_text(column.type):
        texts = _bounded(name, {row: text for row, text in enumerate(_texts(column)) if text is not None})
        rows = np.fromiter(texts, np.intp, len(texts))
        kind, values = "text", np.full(len(rows), np.nan)
        held = dict(enumerate(texts.values()))
    else:
        kind, every = _numbers(name, column)
        rows, held = np.flatnonzero(~np.isnan(every)), {}
        values = every[rows]
    if len(rows):
        yield SignalSamples(name, kind, times[rows], values, qualities[rows], held)


def _long(columns: dict[str, Any], times: _Times, device_id: str) -> Iterator[SignalSamples]:
    for name in columns:
        if name not in _LONG_COLUMNS:
            raise PartError(
                "beside tag and value this column means nothing",
                column=name,
                cure=f"leave it out; known are {', '.join(sorted(_LONG_COLUMNS))}",
            )
    _check_device(columns.get("device"), device_id)
    tags = _texts(columns["tag"])
    qualities = _qualities(columns["quality"]) if "quality" in columns else np.full(len(times), 192, np.uint8)
    units = _texts(columns["unit"]) if "unit" in columns else _no_texts(len(times))
    for (name, unit), rows in _groups(tags, units).items():
        found = _of_one(columns, name, rows)
        if found is not None:
            kind, values, kept, texts = found
            index = rows[kept]
            yield SignalSamples(name, kind, times[index], values[kept], qualities[index], texts, unit or None)


def _groups(tags: list[str | None], units: list[str | None]) -> dict[tuple[str, str | None], NDArray[np.intp]]:
    """Rows by tag and unit, in the order of the part."""
    groups: dict[tuple[str, str | None], list[int]] = {}
    for row, (tag, unit) in enumerate(zip(tags, units, strict=True)):
        if not tag:
            raise PartError("the tag is missing", row=row + 1, column="tag")
        groups.setdefault((tag, unit), []).append(row)
    return {key: np.array(rows, np.intp) for key, rows in groups.items()}


def _of_one(
    columns: Mapping[str, Any], name: str, rows: NDArray[np.intp]
) -> tuple[str, _Values, NDArray[np.intp], dict[int, str]] | None:
    """(kind, values of the rows, those of them that hold a sample, texts by place among these); None without any."""
    import pyarrow as pa

    index = pa.array(rows)
    value = columns["value"].take(index)
    written = _no_texts(len(rows))
    if "text" in columns:
        written = _texts(columns["text"].take(index))
    if _is_text(value.type):
        written = [text if text is not None else other for text, other in zip(_texts(value), written, strict=True)]
        kind, values = "number", np.full(len(rows), np.nan)
    else:
        kind, values = _numbers(name, value)
    texts = _bounded(name, {row: text for row, text in enumerate(written) if text is not None})
    kept = np.flatnonzero(~np.isnan(values) | np.isin(np.arange(len(rows)), list(texts)))
    if not len(kept):
        return None
    places = {row: place for place, row in enumerate(kept.tolist())}
    return "text" if texts else kind, values, kept, {places[row]: text for row, text in texts.items()}


def _check_device(column: Any, device_id: str) -> None:
    if column is None:
        return
    for row, found in enumerate(_texts(column)):
        if found != device_id:
            raise PartError(
                f"this import is of {device_id}, not of {str(found)[:100]!r}",
                row=row + 1,
                column="device",
                cure="import each device by itself, or leave the column out",
            )


def _times(column: Any) -> _Times:
    """µs UTC. Timestamps without a zone are UTC, integers are µs."""
    import pyarrow as pa

    if column.null_count:
        row = column.is_null().index(True).as_py() + 1
        raise PartError("the timestamp is missing", row=row, column=_TIMESTAMP)
    if pa.types.is_timestamp(column.type):
        whole = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
        if column.type.unit == "ns":
            return np.asarray(whole // 1_000, np.int64)
        factor = _TO_US[column.type.unit]
        limit = np.iinfo(np.int64).max // factor
        wrong = np.flatnonzero((whole > limit) | (whole < -limit))
        if len(wrong):
            raise PartError("the timestamp is out of range", row=int(wrong[0]) + 1, column=_TIMESTAMP)
        return np.asarray(whole * factor, np.int64)
    if pa.types.is_signed_integer(column.type):
        return np.asarray(column.cast(pa.int64()).to_numpy(zero_copy_only=False))
    raise PartError(
        f"the timestamps are of type {column.type}", column=_TIMESTAMP, cure="send Arrow timestamps or int64 µs UTC"
    )


def _numbers(name: str, column: Any) -> tuple[str, _Values]:
    """(kind, float64 with NaN where there is no sample)."""
    import pyarrow as pa

    types = pa.types
    if types.is_null(column.type):
        return "number", np.full(len(column), np.nan)
    if not (types.is_boolean(column.type) or types.is_integer(column.type) or types.is_floating(column.type)):
        raise PartError(
            f"values of type {column.type} cannot be kept", column=name, cure="send numbers, booleans or text"
        )
    kind = "boolean" if types.is_boolean(column.type) else "number"
    values = np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)
    wrong = np.flatnonzero(np.isinf(values))
    if len(wrong):
        raise PartError("the value is infinite", row=int(wrong[0]) + 1, column=name, cure="leave the cell empty")
    return kind, values


def _qualities(column: Any) -> _Qualities:
    """Codes from codes or names; a missing one is good."""
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        found: list[Any] = column.to_pylist()
    elif _is_text(column.type):
        found = _texts(column)
    else:
        raise PartError(f"qualities of type {column.type} mean nothing", column="quality", cure="send names or codes")
    codes: dict[Any, int] = {None: Quality.GOOD}
    for row, each in enumerate(found):
        if each not in codes:
            try:
                codes[each] = parse_quality(each)
            except ValueError as error:
                raise PartError(str(error), row=row + 1, column="quality") from error
    return np.fromiter((codes[each] for each in found), np.uint8, len(found))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _texts(column: Any) -> list[str | None]:
    """Each text once in memory, however often a dictionary column repeats it."""
    import pyarrow as pa

    if not _is_text(column.type):
        raise PartError(f"text belongs here, not {column.type}")
    if not pa.types.is_dictionary(column.type):
        found: list[str | None] = column.to_pylist()
        return found
    words = [*column.dictionary.to_pylist(), None]
    rows = column.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    return [words[row] for row in rows.tolist()]


def _no_texts(count: int) -> list[str | None]:
    return [None] * count


def _bounded(name: str, texts: dict[int, str]) -> dict[int, str]:
    if sum(map(len, texts.values())) > _MAX_TEXT:
        raise PartError(f"more than {_MAX_TEXT} characters of text", column=name, cure="send smaller parts")
    return texts
