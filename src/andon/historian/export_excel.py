"""Exports as an Excel workbook (Office Open XML), sent while it is written: the sheets first, their list at the end."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Final
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Columns
from andon.historian.selection import Series
from andon.historian.sink import Sink
from andon.historian.views import quality_column, value_column
from andon.kit.clock import US_PER_DAY, US_PER_S
from andon.kit.errors import TooLargeError

SHEET_ROWS: Final = 1_048_575
"""Rows of samples that one sheet takes: Excel's limit but for the header."""

_LONGEST_TEXT: Final = 32_767
_LEVEL: Final = 2  # three times as fast as the usual 6, and a tenth larger
_EPOCH: Final = 25_569  # 1970-01-01 in days of Excel
_OFFSET_SPAN: Final = 900 * US_PER_S  # no zone changes its clock within a quarter of an hour
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_HEADS: Final = ("time (UTC)", "time ({zone})", "device", "tag", "value", "unit", "quality")
_WIDTHS: Final = (24, 24, 16, 16, 14, 12, 10)
_STYLES: Final = (
    f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" '
    'formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/></numFmts><fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
    '<xf/><xf numFmtId="164" applyNumberFormat="1"/><xf fontId="1" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def check_rows(rows: int, most: int) -> None:
    """TooLargeError for more rows than a workbook may have."""
    if rows > most:
        raise TooLargeError(
            f"about {rows} rows are too many for an Excel file; {most} are allowed (export_excel_rows)",
            field="format",
            cure="export csv or parquet, which may be of any size, or a shorter range",
        )


class ExcelWriter:
    """Sheets of at most `sheet_rows` samples; times of UTC and of the site, as Excel's own. Text never is a formula."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ending = "xlsx"

    def __init__(self, zone: ZoneInfo, sheet_rows: int = SHEET_ROWS) -> None:
        self._zone = zone
        self._sheet_rows = sheet_rows
        self._sheets = 0
        self._row = 0
        self._words: dict[str, int] = {}
        self._sink = Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._sheet: IO[bytes] | None = None

    def begin(self) -> bytes:
        """The beginning of the first sheet."""
        self._new_sheet()
        return self._sink.drain()

    def page(self, series: Series, columns: Columns) -> bytes:
        """A row for each sample, in as many sheets as it takes."""
        cells = self._cells(series, columns)
        start = 0
        while start < len(cells):
            if self._row > self._sheet_rows:
                self._new_sheet()
            end = min(len(cells), start + self._sheet_rows + 1 - self._row)
            numbered = zip(range(self._row + 1, self._row + 1 + end - start), cells[start:end], strict=True)
            self._write("".join([f'<row r="{row}">{each}</row>' for row, each in numbered]))
            self._row += end - start
            start = end
        return self._sink.drain()

    def finish(self) -> Iterable[bytes]:
        """The end of the last sheet, and what lists the sheets."""
        self._end_sheet()
        numbers = range(1, self._sheets + 1)
        for name, content in _parts(numbers, list(self._words)).items():
            self._zip.writestr(name, content)
        self._zip.close()
        return (self._sink.drain(),)

    def close(self) -> None:
        """Ends the sheet in hand, of an export that was given up too: the archive insists on it."""
        self._end_sheet()
        self._zip.close()

    def _cells(self, series: Series, columns: Columns) -> list[str]:
        """The cells of each row."""
        # Cells without a reference stand one after the other; only an absent value needs the next one to say where.
        device, tag = self._word(series.device.device_id), self._word(series.tag.name)
        unit = self._word(series.tag.unit)
        qualities = {name: self._word(name) for name in ("good", "uncertain", "bad", "stale")}
        utc = _serials(columns.timestamps)
        local = _serials(columns.timestamps + _offsets(columns.timestamps, self._zone))
        values = [_value(value) for value in value_column(columns.values)]
        for row, text in columns.texts.items():
            values[row] = f'<c t="inlineStr"><is><t xml:space="preserve">{_text(text)}</t></is></c>'
        rows = zip(utc, local, values, quality_column(columns.qualities), strict=True)
        middle = f"</v></c>{device}{tag}"
        return [
            f'<c s="1"><v>{at}</v></c><c s="1"><v>{wall}{middle}{value}{unit}{qualities[quality]}'
            for at, wall, value, quality in rows
        ]

    def _word(self, text: str) -> str:
        """The cell of a text that comes often: it is kept once, with the others, at the end."""
        return f'<c t="s"><v>{self._words.setdefault(text, len(self._words))}</v></c>'

    def _new_sheet(self) -> None:
        self._end_sheet()
        self._sheets += 1
        self._sheet = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w", force_zip64=True)
        columns = "".join(
            f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
            for number, width in enumerate(_WIDTHS, 1)
        )
        heads = "".join(
            f'<c s="2" t="inlineStr"><is><t>{_text(head.format(zone=self._zone.key))}</t></is></c>' for head in _HEADS
        )
        self._write(
            f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
            '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
            f'<cols>{columns}</cols><sheetData><row r="1">{heads}</row>'
        )
        self._row = 1

    def _end_sheet(self) -> None:
        if self._sheet is not None:
            self._write("</sheetData></worksheet>")
            self._sheet.close()
            self._sheet = None

    def _write(self, text: str) -> None:
        assert self._sheet is not None
        self._sheet.write(text.encode())


def _value(value: float | None) -> str:
    return "<c/>" if value is None else f"<c><v>{value!r}</v></c>"


def _serials(times: NDArray[np.int64]) -> list[str]:
    """Days of Excel since 1900, to the millisecond."""
    return [f"{day:.9f}" for day in (times / US_PER_DAY + _EPOCH).tolist()]


def _offsets(times: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """µs by which the clock on the wall is ahead of UTC."""
    spans, rows = np.unique(times // _OFFSET_SPAN, return_inverse=True)
    found = []
    for span in spans.tolist():
        offset = datetime.fromtimestamp(span * _OFFSET_SPAN // US_PER_S, UTC).astimezone(zone).utcoffset()
        found.append(0 if offset is None else round(offset.total_seconds()) * US_PER_S)
    return np.array(found, np.int64)[rows]


def _text(text: str) -> str:
    """Text for XML; what XML cannot hold as Excel writes it (`_x000B_`)."""
    clean = _ILLEGAL.sub(_coded, text[:_LONGEST_TEXT])
    return escape(clean)


def _coded(match: re.Match[str]) -> str:
    found = match[0]
    return f"_x005F{found}" if len(found) > 1 else f"_x{ord(found):04X}_"


def _parts(numbers: Sequence[int], words: Sequence[str]) -> dict[str, str]:
    """The files of the package beside the sheets, by name."""
    names = ["history" if number == 1 else f"history {number}" for number in numbers]
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        for name, number in zip(names, numbers, strict=True)
    )
    last = len(numbers)
    others = (("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml"))
    links = [(number, "worksheet", f"worksheets/sheet{number}.xml") for number in numbers]
    links += [(last + place, kind, file) for place, (kind, file) in enumerate(others, 1)]
    types = [(f"/xl/{file}", kind) for _, kind, file in links]
    items = "".join(f'<si><t xml:space="preserve">{_text(word)}</t></si>' for word in words)
    return {
        "xl/workbook.xml": f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations([(n, f"{_OFFICE}/{kind}", file) for n, kind, file in links]),
        "xl/styles.xml": _STYLES,
        "xl/sharedStrings.xml": f'{_XML}<sst xmlns="{_MAIN}">{items}</sst>',
        "_rels/.rels": _relations([(1, f"{_OFFICE}/officeDocument", "xl/workbook.xml")]),
        "[Content_Types].xml": _content_types([("/xl/workbook.xml", "sheet.main"), *types]),
    }


def _relations(links: Iterable[tuple[int, str, str]]) -> str:
    found = "".join(f'<Relationship Id="rId{n}" Type="{kind}" Target="{file}"/>' for n, kind, file in links)
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{found}</Relationships>'


def _content_types(types: Iterable[tuple[str, str]]) -> str:
    found = "".join(f'<Override PartName="{name}" ContentType="{_SHEET_TYPE}.{kind}+xml"/>' for name, kind in types)
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{found}</Types>'
    )
