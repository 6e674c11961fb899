"""Values of a CSV file with a sample a row: each is a number or a text, whatever the others of its tag are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from andon.ingest.imports.files.cells import ABSENT, CellReader, is_infinite, number_of, unguarded


class LongValues:
    """Reads the column `value`, a batch of rows after the other.

    `NaN`, `null` and the like may be words of a text signal. They hold no value, and an infinite number is a bad cell,
    where the signal has held numbers and in this batch holds no other text.
    """

    def __init__(self, cells: CellReader) -> None:
        self._cells = cells
        self._held_numbers: set[str | None] = set()

    def read(self, tags: Sequence[str | None], column: Any, texts: Sequence[str], row: int) -> tuple[Any, Any]:
        """(numbers, texts) of the rows from `row` on, null where there is none; `texts`: what stands beside the values.

        A row without a tag is somebody else's: nothing in it is bad. InvalidError names the first infinite number.
        """
        import pyarrow as pa

        cells = column.to_pylist()
        numbers = [number_of(cell, False) for cell in cells]  # what was guarded is a text
        rows = list(zip(tags, cells, numbers, strict=True))
        numeric = self._numeric(rows)
        infinite = [
            cell if number is None and tag in numeric and is_infinite(cell) else None for tag, cell, number in rows
        ]
        self._cells.count_bad("value", infinite, numbers, row, "a number")
        words = [None if tag in numeric else word for tag, word in zip(tags, unguarded(column), strict=True)]
        found = [
            (text or word or None) if number is None else None
            for text, word, number in zip(texts, words, numbers, strict=True)
        ]
        return pa.array(numbers, pa.float64()), pa.array(found, pa.string())

    def _numeric(self, rows: Sequence[tuple[str | None, str, float | None]]) -> set[str | None]:
        """The tags whose words are no texts."""
        self._held_numbers |= {tag for tag, _, number in rows if tag is not None and number is not None}
        return self._held_numbers - {tag for tag, cell, number in rows if number is None and _is_text(cell)}


def _is_text(cell: str) -> bool:
    return cell.strip().casefold() not in ABSENT and not is_infinite(cell)
