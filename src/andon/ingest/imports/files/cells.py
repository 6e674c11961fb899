"""Cells of text to numbers, booleans and texts, a column at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from andon.ingest.imports.files.model import Skipped, wrong_cell

ABSENT: Final = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", "?")
"""What recorders write where there is no value, in any case."""

_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_FORMULAS: Final = ("'=", "'+", "'-", "'@", "'\t", "'\r", "'\n")


def without_absent(texts: Any) -> Any:
    """Trimmed texts, null where a cell holds no value."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(texts)
    absent = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(ABSENT))
    return pc.if_else(absent, pa.scalar(None, pa.string()), trimmed)


def number_of(text: str, decimal_comma: bool) -> float | None:
    """The finite number that a cell holds; None for anything else."""
    try:
        number = float(text.replace(",", ".") if decimal_comma else text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def is_infinite(text: str) -> bool:
    """Whether a cell holds an infinite number."""
    try:
        return math.isinf(float(text))
    except ValueError:
        return False


def kind_of(cells: Sequence[str], decimal_comma: bool) -> str | None:
    """`number`, `boolean` or `text`, by what most cells hold, so that odd ones are found; None when all are empty."""
    held = [cell.strip() for cell in cells if cell.strip().casefold() not in ABSENT]
    if not held:
        return None
    if 2 * sum(number_of(cell, decimal_comma) is not None for cell in held) >= len(held):
        return "number"
    return "boolean" if 2 * sum(cell.casefold() in _TRUE + _FALSE for cell in held) >= len(held) else "text"


class CellReader:
    """Turns columns of texts into columns of values. `first_row` counts from 1, without the header."""

    def __init__(self, skipped: Skipped, *, decimal_comma: bool, skip_bad: bool) -> None:
        self._skipped = skipped
        self._decimal_comma = decimal_comma
        self._skip_bad = skip_bad

    def column(self, name: str, kind: str, texts: Any, first_row: int) -> Any:
        """The values of a column; null where there is none. InvalidError names the first cell that is none."""
        texts = without_absent(texts)
        if kind == "text":
            return texts
        return self._booleans(name, texts, first_row) if kind == "boolean" else self._numbers(name, texts, first_row)

    def finite(self, name: str, numbers: Any, first_row: int) -> Any:
        """Numbers as they are; an infinite one is none, as in a column of texts."""
        import pyarrow as pa
        import pyarrow.compute as pc

        infinite = pc.is_inf(numbers)
        if not pc.any(infinite).as_py():
            return numbers
        found = pc.if_else(infinite, pa.scalar(None, pa.float64()), numbers)
        self.count_bad(name, numbers.to_pylist(), found.to_pylist(), first_row, "a number")
        return found

    def _numbers(self, name: str, texts: Any, first_row: int) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        plain = pc.replace_substring(texts, ",", ".") if self._decimal_comma else texts
        try:
            numbers = plain.cast(pa.float64())
            if not pc.any(pc.is_inf(numbers)).as_py():
                return numbers
        except pa.ArrowInvalid:
            pass
        found = [None if text is None else number_of(text, self._decimal_comma) for text in texts.to_pylist()]
        self.count_bad(name, texts.to_pylist(), found, first_row, "a number")
        return pa.array(found, pa.float64())

    def _booleans(self, name: str, texts: Any, first_row: int) -> Any:
        import pyarrow as pa

        words = {**dict.fromkeys((*_TRUE, "1"), True), **dict.fromkeys((*_FALSE, "0"), False)}
        found = [None if text is None else words.get(text.casefold()) for text in texts.to_pylist()]
        self.count_bad(name, texts.to_pylist(), found, first_row, "true or false")
        return pa.array(found, pa.bool_())

    def count_bad(self, name: str, held: Sequence[object], found: Sequence[object], first_row: int, what: str) -> None:
        """Count the cells that hold something in which nothing was found. InvalidError names the first one."""
        for row, (text, value) in enumerate(zip(held, found, strict=True)):
            if text is not None and value is None:
                error = wrong_cell(first_row + row, name, text, what)
                if not self._skip_bad:
                    raise error
                self._skipped.cells += 1
                self._skipped.note(error.message)


def unguarded(texts: Any) -> list[str | None]:
    """Texts of an export without the apostrophe that keeps spreadsheets from running them."""
    return [text[1:] if text is not None and text.startswith(_FORMULAS) else text for text in texts.to_pylist()]
