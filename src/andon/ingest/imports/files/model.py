"""A recording as it is read: chunks of rows, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from andon.kit.errors import InvalidError

if TYPE_CHECKING:
    from andon.ingest.imports.files.times import Clock

TIME_NAMES: Final = ("timestamp", "datetime", "date_time", "time", "date", "ts", "_time")
LONG_COLUMNS: Final = ("timestamp", "tag", "value")
"""A file with these columns, as Andon's own exports have them, holds a sample a row."""
MOST_EXAMPLES: Final = 10
NO_TIME: Final = -1
"""Stands in for the time of a row that has none, until the row is left out."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a file is to be read. `columns`: those to take, empty for all with values; `timezone`: of times that name
    none; `skip_bad`: leave out cells that cannot be read instead of stopping. `device`: of files that hold several.
    """

    device: str
    columns: tuple[str, ...] = ()
    time_column: str | None = None
    time_format: str | None = None
    timezone: str = "UTC"
    encoding: str = "utf-8"
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows: `times` int64 µs UTC, `columns` Arrow arrays of the same length by signal name.

    Of a file with a sample a row the columns are `tag`, `value`, `text`, `unit` and `quality`.
    """

    times: NDArray[np.int64]
    columns: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.times)

    def timed(self) -> Chunk:
        """The rows that have a time."""
        kept = self.times != NO_TIME
        return self if kept.all() else self.where(kept)

    def where(self, kept: NDArray[np.bool_]) -> Chunk:
        """The rows of a mask."""
        import pyarrow as pa

        mask = pa.array(kept)
        return Chunk(self.times[kept], {name: column.filter(mask) for name, column in self.columns.items()})


@dataclass(slots=True)
class Skipped:
    """What was left out of a file while it was read; `examples` say the first of it with row and column.

    `contradicted`: rows that came after another one of the same signal and time with another value, as far as they are
    near each other. The last one counts.
    """

    cells: int = 0
    rows: int = 0
    contradicted: int = 0
    columns: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Keep an example, unless there are enough."""
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(what)


class Recording(Protocol):
    """A file that was looked at: its signals are known, its rows are not read yet."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def rows(self) -> int:
        """Its rows; of CSV an estimate where cells span lines."""
        ...

    @property
    def long(self) -> bool:
        """Whether each row holds a sample of any tag, as exports have it."""
        ...

    @property
    def signals(self) -> Sequence[str]:
        """The columns that are taken; empty when each row holds a sample of any tag."""
        ...

    @property
    def skipped(self) -> Skipped:
        """What was left out so far."""
        ...

    @property
    def clock(self) -> Clock:
        """Reads its times; tells whether they named a zone."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """The rows in the file's order. InvalidError names row and column."""
        ...


def wrong_cell(row: int, column: str, text: object, what: str) -> InvalidError:
    """The error for a cell; rows count from 1, without the header."""
    return InvalidError(
        f"row {row}, column {column!r}: {str(text)[:60]!r} is not {what}",
        field=column,
        cure="correct the cell, choose other columns (--column), or leave out what cannot be read (--skip-bad)",
    )


def chosen(path: Path, asked: Sequence[str], there: Sequence[str]) -> list[str]:
    """The columns that were asked for, by name or by name without case. InvalidError for one that is not there."""
    folded = {name.casefold(): name for name in there}
    found = []
    for name in asked:
        column = name if name in there else folded.get(name.casefold())
        if column is None:
            raise InvalidError(
                f"{path.name} has no column {name!r}", field="column", cure=f"choose of {', '.join(there[:20])}"
            )
        found.append(column)
    return list(dict.fromkeys(found))


def find_time(path: Path, names: Sequence[str], asked: str | None, are_times: Mapping[str, bool]) -> str:
    """The column of times: the one asked for, one with a time's name, or the first that holds dates."""
    if asked is not None:
        return chosen(path, [asked], names)[0]
    by_folded = {name.casefold(): name for name in names}
    for wanted in TIME_NAMES:
        name = by_folded.get(wanted)
        if name is not None and are_times.get(name, False):
            return name
    return next((name for name in names if are_times.get(name)), "") or _no_time(path, names)


def _no_time(path: Path, names: Sequence[str]) -> str:
    raise InvalidError(
        f"{path.name} has no column of times",
        field="time-column",
        cure=f"name one (--time-column), and its pattern (--time-format); there are {', '.join(names[:20])}",
    )
