"""CSV recordings of machines: which column is the time, which are signals, and the rows one after the other."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from andon.kit.clock import US_PER_S, parse_timestamp
from andon.kit.errors import InvalidError

_DELIMITERS = ",;\t|"
_TIME_NAMES = ("timestamp", "datetime", "date_time", "time", "date", "ts", "_time")
_DAY_FIRST = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S.%f", "%d.%m.%Y %H:%M")
_SAMPLE_ROWS = 50
_COUNT_CHUNK = 1 << 20


class RecordedRow(NamedTuple):
    """`at` µs UTC, None when the recording has no time column; `values` by column name; `unreadable` cells left out."""

    at: int | None
    values: dict[str, float]
    unreadable: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A CSV file and how to read it. `columns` are (name, position); `row_count` counts lines, so it is an estimate
    where cells span lines. `decimal_comma` is for files whose cells are parted by something else."""

    path: Path
    delimiter: str
    has_header: bool
    time_position: int | None
    columns: tuple[tuple[str, int], ...]
    row_count: int
    decimal_comma: bool

    def rows(self) -> Iterator[RecordedRow | None]:
        """The rows in the file's order, in constant memory; None for one without a readable time or value."""
        with _open_text(self.path) as file:
            cells = _cells(file, self.delimiter)
            if self.has_header:
                next(cells, None)
            for row in cells:
                yield self._read(row)

    def _read(self, row: Sequence[str]) -> RecordedRow | None:
        at = None
        if self.time_position is not None:
            at = _time_of(row[self.time_position]) if self.time_position < len(row) else None
            if at is None:
                return None
        values: dict[str, float] = {}
        unreadable = 0
        for name, position in self.columns:
            text = row[position].strip() if position < len(row) else ""
            number = _number_of(text, self.decimal_comma)
            if number is not None:
                values[name] = number
            elif text:
                unreadable += 1
        return RecordedRow(at, values, unreadable) if values else None


def open_recording(path: Path, columns: Sequence[str] = ()) -> Recording:
    """Find out how the file is to be read. InvalidError (with field and cure) when it holds no recording, or has no
    column of a name that was asked for. Without `columns` every column with numbers is a signal."""
    with _open_text(path) as file:
        head = file.readline()
        delimiter = max(_DELIMITERS, key=head.count)
        file.seek(0)
        first, *sample = list(itertools.islice(_cells(file, delimiter), 1 + _SAMPLE_ROWS)) or [[]]
    comma = delimiter != ","
    has_header = not any(_number_of(cell, comma) is not None or _time_of(cell) is not None for cell in first)
    names = [cell.strip() for cell in first] if has_header else [f"column_{i + 1}" for i in range(len(first))]
    body = sample if has_header else [first, *sample]
    if not body:
        raise InvalidError(f"{path.name} has no rows", field="file", cure="give a CSV file with at least one row")
    time_position = _find_time(names, body)
    signals = _find_signals(path, names, body, time_position, columns, comma)
    rows = _count_lines(path) - has_header
    return Recording(path, delimiter, has_header, time_position, signals, max(rows, 1), comma)


def _open_text(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8-sig", errors="replace", newline="")
    except OSError as error:
        raise InvalidError(
            f"{path} cannot be read: {error.strerror}", field="file", cure="name a CSV file that may be read"
        ) from error


def _cells(file: TextIO, delimiter: str) -> Iterator[list[str]]:
    """Rows of cells; empty lines are left out."""
    reader = csv.reader((line.replace("\0", "") for line in file), delimiter=delimiter)
    try:
        yield from (row for row in reader if row)
    except csv.Error as error:
        raise InvalidError(
            f"line {reader.line_num} is not CSV: {error}", field="file", cure="correct that line, or take it out"
        ) from error


def _find_time(names: Sequence[str], body: Sequence[Sequence[str]]) -> int | None:
    """The column with a time's name, else the first with dates; each cell of the sample must be a time."""

    def all_are(position: int, read: Callable[[str], int | None]) -> bool:
        return all(position < len(row) and read(row[position]) is not None for row in body)

    for wanted in _TIME_NAMES:
        for position, name in enumerate(names):
            if name.casefold() == wanted and all_are(position, _time_of):
                return position
    return next((position for position in range(len(names)) if all_are(position, _date_of)), None)


def _find_signals(
    path: Path,
    names: Sequence[str],
    body: Sequence[Sequence[str]],
    time_position: int | None,
    asked: Sequence[str],
    decimal_comma: bool,
) -> tuple[tuple[str, int], ...]:
    signals = {
        name: position
        for position, name in enumerate(names)
        if name
        and position != time_position
        and any(position < len(row) and _number_of(row[position], decimal_comma) is not None for row in body)
    }
    if not signals:
        raise InvalidError(f"{path.name} has no column of numbers", field="file", cure="give a CSV file with a signal")
    by_folded = {name.casefold(): name for name in signals}
    chosen = []
    for name in asked:
        found = name if name in signals else by_folded.get(name.casefold())
        if found is None:
            raise InvalidError(
                f"{path.name} has no column of numbers named {name!r}",
                field="column",
                cure=f"choose of {', '.join(signals)}",
            )
        chosen.append(found)
    return tuple((name, signals[name]) for name in dict.fromkeys(chosen or signals))


def _count_lines(path: Path) -> int:
    """Lines of the file, also when the last one has no end."""
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_COUNT_CHUNK):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")


def _number_of(text: str, decimal_comma: bool) -> float | None:
    """The finite number that a cell holds; None for anything else, `nan` included."""
    try:
        number = float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _time_of(text: str) -> int | None:
    """µs UTC of a date or an epoch number; None when the cell is neither."""
    at = _date_of(text)
    if at is not None:
        return at
    number = _number_of(text, False)
    try:
        return None if number is None else parse_timestamp(number)
    except ValueError:
        return None


def _date_of(text: str) -> int | None:
    """µs UTC of ISO 8601 (`2014-03-07 03:41:00`) or day-first dates with dots; no zone means UTC."""
    text = text.strip()
    if len(text) < 8 or text.isdigit():
        return None
    try:
        return parse_timestamp(text)
    except ValueError:
        pass
    for pattern in _DAY_FIRST:
        try:
            moment = datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
        return round(moment.timestamp() * US_PER_S)
    return None
