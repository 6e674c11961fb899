"""CSV recordings: separators, header, time column and kinds of columns are found out from their first rows."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from andon.ingest.imports.files.cells import CellReader, kind_of, number_of, unguarded
from andon.ingest.imports.files.contradictions import counted
from andon.ingest.imports.files.long_values import LongValues
from andon.ingest.imports.files.model import LONG_COLUMNS, TIME_NAMES, Chunk, ReadOptions, Skipped, chosen, find_time
from andon.ingest.imports.files.times import Clock, looks_like_time
from andon.kit.errors import InvalidError

_DELIMITERS: Final = ",;\t|"
_SAMPLE_ROWS: Final = 200
_BLOCK: Final = 4 << 20
_COUNTED: Final = 1 << 20
_TIME_OF_DAY: Final = re.compile(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?")
_LONG_EXTRAS: Final = ("device", "text", "unit", "quality")


class CsvRecording:
    """See `Recording`. A column of text is taken only when it is asked for."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.skipped = Skipped()
        self._options = options
        self._delimiter, first, body = look_at(path, options.encoding)
        self._comma = self._delimiter != ","
        self._names, self._has_header = names_in(path, self._delimiter, first)
        sample = body if self._has_header else [first, *body]
        if not sample:
            raise InvalidError(f"{path.name} has no rows", field="file", cure="give a file with at least one row")
        self.rows = max(_count_lines(path) - self._has_header, 1)
        cells = {name: [row[i] for row in sample if i < len(row)] for i, name in enumerate(self._names)}
        self.long = set(LONG_COLUMNS) <= set(self._names) and not options.columns
        self._time = "timestamp" if self.long else self._find_time(cells)
        self._time_of_day = None if self.long else self._find_time_of_day(cells)
        self._kinds = {} if self.long else self._find_signals(cells)
        self.signals: Sequence[str] = () if self.long else tuple(self._kinds)
        self.clock = Clock(self._time, options, self.skipped)

    def chunks(self) -> Iterator[Chunk]:
        """See `Recording.chunks`."""
        return counted(self._chunks(), self.skipped, long=self.long)

    def _chunks(self) -> Iterator[Chunk]:
        clock = self.clock
        cells = CellReader(self.skipped, decimal_comma=self._comma, skip_bad=self._options.skip_bad)
        values_of_rows = LongValues(cells)
        row = 1
        for batch in self._batches():
            columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
            if self.long:
                yield self._long_chunk(columns, clock, cells, values_of_rows, row)
            else:
                times = clock.of_texts(self._times(columns), row)
                values = {name: cells.column(name, kind, columns[name], row) for name, kind in self._kinds.items()}
                yield Chunk(times, values)
            row += len(batch)

    def _times(self, columns: Mapping[str, Any]) -> Any:
        """The texts of the times; those of a date and a time of day in one."""
        import pyarrow.compute as pc

        if self._time_of_day is None:
            return columns[self._time]
        clock = pc.replace_substring_regex(columns[self._time_of_day], r"^(\d):", r"0\1:")
        return pc.binary_join_element_wise(columns[self._time], clock, " ")

    def _find_time(self, cells: Mapping[str, Sequence[str]]) -> str:
        """A column that is called a time may hold odd cells, which reading finds; any other has to hold only dates."""
        found: dict[str, bool] = {}
        for name, each in cells.items():
            dates = [looks_like_time(cell, self._options.time_format) for cell in each]
            named = name.casefold() in TIME_NAMES
            found[name] = all(dates) or (named and (2 * sum(dates) >= len(each) or _are_epochs(each, self._comma)))
        return find_time(self.path, self._names, self._options.time_column, found)

    def _find_time_of_day(self, cells: Mapping[str, Sequence[str]]) -> str | None:
        """The column behind one of bare dates, when all that it holds is times of day."""
        after = self._names[self._names.index(self._time) + 1 :][:1]
        bare = self._options.time_format is None and not any(":" in cell for cell in cells[self._time])
        return next((name for name in after if bare and all(map(_TIME_OF_DAY.fullmatch, cells[name]))), None)

    def _find_signals(self, cells: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Kind by column, of those to import."""
        of_time = (self._time, self._time_of_day)
        kinds = {name: kind_of(each, self._comma) for name, each in cells.items() if name not in of_time}
        if self._options.columns:
            names = chosen(self.path, self._options.columns, list(kinds))
            return {name: kinds[name] or "number" for name in names}
        self.skipped.columns = [name for name, kind in kinds.items() if kind in ("text", None)]
        found = {name: kind for name, kind in kinds.items() if kind in ("number", "boolean")}
        if not found:
            raise InvalidError(
                f"{self.path.name} has no column of numbers", field="file", cure="choose a column of text (--column)"
            )
        return {name: str(kind) for name, kind in found.items()}

    def _batches(self) -> Iterator[Any]:
        """Record batches of texts. InvalidError names the row that has another number of cells."""
        import pyarrow as pa
        import pyarrow.csv as pc

        bad: list[Any] = []

        def on_bad(row: Any) -> str:
            bad.append(row)
            return "skip"

        wanted = self._wanted()
        try:
            reader = pc.open_csv(
                self.path,
                pc.ReadOptions(
                    use_threads=False,  # rows are counted only then
                    block_size=_BLOCK,
                    skip_rows=int(self._has_header),
                    column_names=self._names,
                    encoding=self._options.encoding,
                ),
                pc.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=on_bad),
                pc.ConvertOptions(
                    column_types=dict.fromkeys(self._names, pa.string()),
                    include_columns=wanted,
                    strings_can_be_null=False,
                    quoted_strings_can_be_null=False,
                ),
            )
            for batch in reader:
                self._check_rows(bad)
                yield batch
            self._check_rows(bad)
        except (pa.ArrowInvalid, UnicodeDecodeError, LookupError) as error:
            raise InvalidError(
                f"{self.path.name} cannot be read as {self._options.encoding} CSV: {str(error)[:200]}",
                field="file",
                cure="name its encoding (--encoding), such as latin-1, or correct the file",
            ) from error

    def _wanted(self) -> list[str]:
        if not self.long:
            return [self._time, *filter(None, [self._time_of_day]), *self._kinds]
        return [*LONG_COLUMNS, *(name for name in _LONG_EXTRAS if name in self._names)]

    def _check_rows(self, bad: list[Any]) -> None:
        for row in bad:
            number = row.number - self._has_header if row.number is not None else "?"
            found = f"row {number} has {row.actual_columns} cells instead of {row.expected_columns}: {row.text[:60]!r}"
            if not self._options.skip_bad:
                cure = "correct the row, or leave out what cannot be read (--skip-bad)"
                raise InvalidError(found, field="file", cure=cure)
            self.skipped.note(found)
        self.skipped.rows += len(bad)
        bad.clear()

    def _long_chunk(
        self, columns: dict[str, Any], clock: Clock, cells: CellReader, values: LongValues, row: int
    ) -> Chunk:
        """A sample a row, as exports have it."""
        import pyarrow as pa

        times = clock.of_texts(columns["timestamp"], row)
        kept = np.ones(len(times), np.bool_)
        if "device" in columns:
            kept = np.array([name == self._options.device for name in unguarded(columns["device"])], np.bool_)
            self.skipped.rows += int((~kept).sum())
        found: dict[str, Any] = {
            name: pa.array(unguarded(columns[name]), pa.string()) for name in ("tag", "unit") if name in columns
        }
        tags = [tag if mine else None for tag, mine in zip(found["tag"].to_pylist(), kept.tolist(), strict=True)]
        beside = columns["text"].to_pylist() if "text" in columns else [""] * len(tags)
        found["value"], found["text"] = values.read(tags, columns["value"], beside, row)
        if "quality" in columns:
            found["quality"] = cells.column("quality", "text", columns["quality"], row)
        return Chunk(times, found).where(kept)


def look_at(path: Path, encoding: str) -> tuple[str, list[str], list[list[str]]]:
    """(delimiter, cells of the first row, of the rows after it)."""
    try:
        with path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as file:
            head = file.readline()
            delimiter = max(_DELIMITERS, key=head.count)
            file.seek(0)
            rows = (row for row in csv.reader(file, delimiter=delimiter) if row)
            first, *body = list(itertools.islice(rows, 1 + _SAMPLE_ROWS)) or [[]]
    except OSError as error:
        raise InvalidError(
            f"{path.name} cannot be read: {error.strerror}", field="file", cure="name a file that may be read"
        ) from error
    except (UnicodeError, LookupError, csv.Error) as error:
        raise InvalidError(
            f"{path.name} cannot be read as {encoding} CSV: {error}",
            field="encoding",
            cure="name its encoding (--encoding), such as latin-1 or utf-16",
        ) from error
    return delimiter, first, body


def names_in(path: Path, delimiter: str, first: Sequence[str]) -> tuple[list[str], bool]:
    """(names of the columns, whether the first row holds them). InvalidError when two are the same."""
    if any(_is_value(cell, delimiter != ",") for cell in first):
        return [f"column_{i + 1}" for i in range(len(first))], False
    names = [cell.strip() or f"column_{i + 1}" for i, cell in enumerate(first)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidError(f"{path.name} has two columns {twice!r}", field="file", cure="rename one in the header")
    return names, True


def _is_value(cell: str, decimal_comma: bool) -> bool:
    return number_of(cell, decimal_comma) is not None or looks_like_time(cell, None)


def _are_epochs(cells: Sequence[str], decimal_comma: bool) -> bool:
    return bool(cells) and all((number_of(cell, decimal_comma) or -1) >= 0 for cell in cells)


def _count_lines(path: Path) -> int:
    """Lines of the file, also when the last one has no end: an estimate of its rows."""
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_COUNTED):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")
