"""Exports as an Excel workbook, through temporary files, so that memory stays small."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from andon.historian.model import Columns
from andon.historian.selection import Series
from andon.historian.views import quality_column, value_column
from andon.kit.errors import TooLargeError, UnavailableError

SHEET_ROWS: Final = 1_048_575
"""Rows of samples that one sheet takes: Excel's limit but for the header."""

_LONGEST_TEXT: Final = 32_767
_NAME: Final = "export.xlsx"
_PIECE: Final = 256 << 10
_BYTES_A_ROW: Final = 500  # of the temporary files, generously
_EPOCH: Final = datetime(1970, 1, 1)  # Excel knows no time zones
_WIDTHS: Final = (25, 25, 16, 16, 14, 12, 10)


def check_room(rows: int, most: int) -> None:
    """Refuse a workbook that cannot be: TooLargeError over the limit, UnavailableError without room on the disk."""
    if rows > most:
        raise TooLargeError(
            f"about {rows} rows are too many for an Excel file; {most} are allowed (export_excel_rows)",
            field="format",
            cure="export csv or parquet, which may be of any size, or a shorter range",
        )
    if rows * _BYTES_A_ROW > shutil.disk_usage(tempfile.gettempdir()).free:
        raise UnavailableError(
            "there is no room for the temporary files of an Excel file",
            field="format",
            cure=f"export csv or parquet, or make room in {tempfile.gettempdir()}",
        )


class ExcelWriter:
    """Sheets of at most `SHEET_ROWS` samples; times of UTC and of the site, as Excel's own. Text never is a formula."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ending = "xlsx"

    def __init__(self, zone: ZoneInfo, most_rows: int, sheet_rows: int = SHEET_ROWS) -> None:
        self._zone = zone
        self._left = self._most = most_rows
        self._sheet_rows = sheet_rows
        self._row = 0
        self._folder: Path | None = None
        self._book: Any = None
        self._sheet: Any = None

    def begin(self) -> bytes:
        """Opens the workbook; nothing can be sent before it is complete."""
        import xlsxwriter

        self._folder = Path(tempfile.mkdtemp(prefix="andon-export-"))
        options = {"constant_memory": True, "tmpdir": str(self._folder)}
        self._book = xlsxwriter.Workbook(str(self._folder / _NAME), options)
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._bold = self._book.add_format({"bold": True})
        self._new_sheet()
        return b""

    def page(self, series: Series, columns: Columns) -> bytes:
        """Writes the rows to the temporary file. TooLargeError when there are more than was allowed."""
        self._left -= len(columns)
        if self._left < 0:
            check_room(self._most - self._left, self._most)
        device, tag, unit = series.device.device_id, series.tag.name, series.tag.unit
        values = value_column(columns.values)
        qualities = quality_column(columns.qualities)
        for row, at in enumerate(columns.timestamps.tolist()):
            self._write(at, device, tag, columns.texts.get(row, values[row]), unit, qualities[row])
        return b""

    def finish(self) -> Iterable[bytes]:
        """Completes the workbook, then gives it out piece by piece."""
        book, self._book = self._book, None
        book.close()
        assert self._folder is not None
        return _pieces(self._folder / _NAME)

    def close(self) -> None:
        """Removes the temporary files."""
        if self._book is not None:
            # A workbook that is given up still holds its sheets' temporary files open.
            for sheet in self._book.worksheets():
                sheet._opt_close()
            self._book = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _new_sheet(self) -> None:
        count = len(self._book.worksheets())
        self._sheet = self._book.add_worksheet("history" if count == 0 else f"history {count + 1}")
        heads = ("time (UTC)", f"time ({self._zone.key})", "device", "tag", "value", "unit", "quality")
        for column, (head, width) in enumerate(zip(heads, _WIDTHS, strict=True)):
            self._sheet.set_column(column, column, width)
            self._sheet.write_string(0, column, head, self._bold)
        self._row = 1

    def _write(self, at: int, device: str, tag: str, value: float | str | None, unit: str, quality: str) -> None:
        if self._row > self._sheet_rows:
            self._new_sheet()
        sheet, row = self._sheet, self._row
        utc = _EPOCH + timedelta(microseconds=at)
        sheet.write_datetime(row, 0, utc, self._moment)
        sheet.write_datetime(row, 1, _on_the_wall(utc, self._zone), self._moment)
        sheet.write_string(row, 2, device)
        sheet.write_string(row, 3, tag)
        if isinstance(value, str):
            sheet.write_string(row, 4, value[:_LONGEST_TEXT])
        elif value is not None:
            sheet.write_number(row, 4, value)
        sheet.write_string(row, 5, unit)
        sheet.write_string(row, 6, quality)
        self._row = row + 1


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _on_the_wall(utc: datetime, zone: ZoneInfo) -> datetime:
    return utc.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
