"""`andon export`: a running Andon's history as a file; nothing half written is left under its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from andon.cli.server import Server
from andon.kit.errors import InvalidError, UnavailableError

FORMATS: Final = ("csv", "json", "parquet", "xlsx")
_BLOCK: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Exported:
    """Bytes written so far; `rows`: about how many the file will have."""

    bytes: int
    rows: int


def run_export(
    server: Server, query: Mapping[str, Any], file: Path, on_progress: Callable[[Exported], None] = lambda done: None
) -> Exported:
    """Download `GET /history/export` into `file`. AndonError says what is wrong; then the file is as it was."""
    part = file.with_name(file.name + ".part")
    done = Exported(0, 0)
    try:
        with server.download("/history/export", query) as answer, part.open("wb") as out:
            rows = int(answer.headers.get("x-total-rows") or 0)
            while block := answer.read(_BLOCK):
                out.write(block)
                done = Exported(done.bytes + len(block), rows)
                on_progress(done)
        part.replace(file)
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise UnavailableError(f"the connection broke off: {error}", cure="run the command again") from error
        raise InvalidError(
            f"{file} cannot be written: {error.strerror or error}", field="output", cure="name another file"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return done


def format_of(file: Path, asked: str | None) -> str:
    """The format that was asked for, or that the file's name says. InvalidError when it is none."""
    found = asked or file.suffix.removeprefix(".").lower()
    if found not in FORMATS:
        raise InvalidError(
            f"{found!r} is no format of files" if found else f"{file} does not say its format",
            field="format",
            cure=f"use --format with one of {', '.join(FORMATS)}",
        )
    return found
