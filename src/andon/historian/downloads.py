"""Exports that a browser fetches by a plain link: prepared by who is signed in, fetched once, watched and stopped.

A link brings no token, so what it brings is a ticket: it is good for one file, once, and for a minute.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Literal

from andon.historian.export import Export, FileWriter, Gone, file_parts
from andon.historian.model import Columns
from andon.historian.selection import Series
from andon.historian.service import Historian
from andon.identity.model import Principal
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import ConflictError, NotFoundError, UnavailableError
from andon.kit.ids import new_id

State = Literal["ready", "running", "finished", "stopped", "failed", "expired"]

TICKET_S: Final = 60
_TOLD_S: Final = 3_600
_MOST: Final = 1_000


@dataclass(slots=True)
class Download:
    """One file. `rows_total` is about how many rows will come; `rows` and `bytes` are those that were sent."""

    id: str
    organisation_id: str
    user_id: str
    ticket: str
    export: Export
    writer: FileWriter
    rows_total: int
    expires_at: int
    state: State = "ready"
    rows: int = 0
    bytes: int = 0

    @property
    def file_name(self) -> str:
        """As the browser keeps it."""
        return self.export.file_name(self.writer.ending)


class Downloads:
    """Those of this process. Called on the event loop."""

    def __init__(self, clock: Callable[[], int] = now_us) -> None:
        self._clock = clock
        self._known: dict[str, Download] = {}

    def prepare(self, principal: Principal, export: Export, writer: FileWriter, rows: int) -> Download:
        """A download that waits to be fetched. UnavailableError when too many wait."""
        self._forget()
        if len(self._known) >= _MOST:
            raise UnavailableError(f"{_MOST} exports are known", cure="try again in a minute")
        made = Download(
            id=new_id(),
            organisation_id=principal.organisation_id,
            user_id=principal.user_id,
            ticket=secrets.token_urlsafe(24),
            export=export,
            writer=writer,
            rows_total=rows,
            expires_at=self._clock() + TICKET_S * US_PER_S,
        )
        self._known[made.id] = made
        return made

    def of(self, principal: Principal, download_id: str) -> Download:
        """The download of this user. NotFoundError without one."""
        self._expire()
        found = self._known.get(download_id)
        mine = (principal.organisation_id, principal.user_id)
        if found is None or (found.organisation_id, found.user_id) != mine:
            raise _unknown(download_id)
        return found

    def fetch(self, download_id: str, ticket: str) -> Download:
        """The download that a ticket is for, which is used up. NotFoundError when it is not, or no more."""
        self._expire()
        found = self._known.get(download_id)
        if found is None or found.state != "ready" or not hmac.compare_digest(found.ticket, ticket):
            raise _unknown(download_id)
        found.state = "running"
        return found

    def stop(self, download: Download) -> None:
        """End it: its connection breaks, so that the browser keeps no half file. ConflictError when it is over."""
        if download.state not in ("ready", "running"):
            raise ConflictError(f"the export is {download.state}", field="id")
        download.state = "stopped"

    def _expire(self) -> None:
        now = self._clock()
        for each in self._known.values():
            if each.state == "ready" and each.expires_at <= now:
                each.state = "expired"

    def _forget(self) -> None:
        self._expire()
        before = self._clock() - _TOLD_S * US_PER_S
        over = [each.id for each in self._known.values() if each.state != "running" and each.expires_at < before]
        for download_id in over:
            del self._known[download_id]


class _Counting:
    """A writer that counts the rows that pass."""

    def __init__(self, writer: FileWriter, download: Download) -> None:
        self._writer = writer
        self._download = download
        self.media_type = writer.media_type
        self.ending = writer.ending

    def begin(self) -> bytes:
        return self._writer.begin()

    def page(self, series: Series, columns: Columns) -> bytes:
        found = self._writer.page(series, columns)
        self._download.rows += len(columns)
        return found

    def finish(self) -> Iterable[bytes]:
        return self._writer.finish()

    def close(self) -> None:
        self._writer.close()


async def download_parts(historian: Historian, download: Download, gone: Gone) -> AsyncGenerator[bytes]:
    """The file in pieces; what came is counted, how it ended is kept in its state. Ends early when it is stopped."""

    async def over() -> bool:
        return download.state == "stopped" or await gone()

    parts = file_parts(historian, download.export, _Counting(download.writer, download), over)
    try:
        async with aclosing(parts):
            async for part in parts:
                if download.state == "stopped":
                    return
                if part:
                    yield part
                    download.bytes += len(part)
        _end(download, "stopped" if await gone() else "finished")
    except (GeneratorExit, asyncio.CancelledError):
        _end(download, "stopped")
        raise
    finally:
        _end(download, "failed")


def _end(download: Download, state: State) -> None:
    if download.state == "running":
        download.state = state


def _unknown(download_id: str) -> NotFoundError:
    return NotFoundError(
        f"there is no export {download_id[:60]!r} to fetch", field="id", cure="prepare it again: POST /history/exports"
    )
