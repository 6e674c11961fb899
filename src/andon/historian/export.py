"""History as a file of any size: read a page at a time, written by a worker thread, ended when nobody takes it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from andon.historian.model import Columns
from andon.historian.selection import QualityFilter, Series, filtered
from andon.historian.service import Historian
from andon.kit.clock import to_iso

Gone = Callable[[], Awaitable[bool]]
"""Whether the reader has closed the connection."""


@dataclass(frozen=True, slots=True)
class Export:
    """What to export: signals one after the other, each oldest first; start ≤ timestamp < end. `name`: of the file."""

    name: str
    series: Sequence[Series]
    start: int
    end: int
    quality: QualityFilter = "all"

    def file_name(self, ending: str) -> str:
        """A name that every file system takes."""
        days = f"{to_iso(self.start)[:10]}_{to_iso(self.end - 1)[:10]}"
        return re.sub(r"[^A-Za-z0-9_.-]", "_", f"{self.name}_{days}.{ending}")


class FileWriter(Protocol):
    """Turns pages into the bytes of a file. Called by one thread at a time, never by the event loop's.

    What it needs it gets in `begin`, so that one which never began holds nothing.
    """

    media_type: str
    ending: str

    def begin(self) -> bytes:
        """The file's beginning; may be empty, as any part."""
        ...

    def page(self, series: Series, columns: Columns) -> bytes:
        """The bytes that a page adds; may be empty while the format gathers more."""
        ...

    def finish(self) -> Iterable[bytes]:
        """The rest of the file, in pieces that are not empty."""
        ...

    def close(self) -> None:
        """Let go of what was held; also called when the export was given up."""
        ...


async def pages(historian: Historian, export: Export) -> AsyncIterator[tuple[Series, Columns]]:
    """Everything that is to be exported, a bounded page at a time."""
    for series in export.series:
        async for page in historian.pages(series.tag.id, export.start, export.end):
            fitting = filtered(page, export.quality)
            if len(fitting):
                yield series, fitting


async def file_parts(historian: Historian, export: Export, writer: FileWriter, gone: Gone) -> AsyncGenerator[bytes]:
    """The file in pieces. Ends at the next page when the reader is gone."""
    loop = asyncio.get_running_loop()
    # One thread of its own: what it was given last is done before the writer is closed, also when this is cancelled.
    worker = ThreadPoolExecutor(1, thread_name_prefix="export")
    try:
        yield await loop.run_in_executor(worker, writer.begin)
        async for series, columns in pages(historian, export):
            if await gone():
                return
            yield await loop.run_in_executor(worker, writer.page, series, columns)
        rest = iter(await loop.run_in_executor(worker, writer.finish))
        while part := await loop.run_in_executor(worker, next, rest, b""):
            yield part
    finally:
        worker.submit(writer.close)
        worker.shutdown(wait=False)
