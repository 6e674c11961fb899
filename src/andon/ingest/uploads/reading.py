"""Asks a process of its own to read a file, and ends it when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from andon.engines.broker.child import die_with_parent
from andon.ingest.imports.files.model import ReadOptions
from andon.ingest.uploads.frames import LENGTHS, Frame
from andon.kit.errors import InvalidError

_FLAGS: Final = re.compile(r" \(--[a-z-]+\)")
_SMALLER: Final = "cut the file into smaller ones, or raise the setting import_reader_bytes"


class FileReader:
    """Reads the files of one spool. `memory`: most bytes of each process."""

    def __init__(self, memory: int) -> None:
        self._memory = memory

    async def preview(self, path: Path, name: str, read: ReadOptions, patience_s: float) -> dict[str, Any]:
        """See `files.preview`. InvalidError when the file cannot be read at all; TimeoutError."""
        async with asyncio.timeout(patience_s), contextlib.aclosing(self._ask(path, name, read, "preview")) as frames:
            found = (await anext(frames)).head
        problem = found["problem"]
        if problem is not None:
            found["problem"] = _said(problem, path, name)
        return found

    def parts(
        self, path: Path, name: str, read: ReadOptions, units: Mapping[str, str], rows: int | None
    ) -> AsyncGenerator[Frame]:
        """First `source` and `rowsTotal`, then the parts, last what was left out. InvalidError names row and column."""
        return self._ask(path, name, read, "parts", units=dict(units), rows=rows)

    async def _ask(self, path: Path, name: str, read: ReadOptions, do: str, **more: Any) -> AsyncGenerator[Frame]:
        job = {"do": do, "path": str(path), "read": asdict(read), "memory": self._memory, **more}
        process = await _start()
        assert process.stdin is not None and process.stdout is not None  # both are pipes
        try:
            process.stdin.write(json.dumps(job).encode())
            process.stdin.close()
            ended = False
            while (frame := await _frame(process.stdout)) is not None:
                if "error" in frame.head:
                    raise InvalidError(**_said(frame.head["error"], path, name))
                if "memory" in frame.head:
                    raise _too_much(name)
                ended = do == "preview" or "end" in frame.head
                yield frame
            if not ended:
                raise _too_much(name) if await process.wait() == -signal.SIGKILL else _unreadable(name)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "andon.ingest.uploads.reader"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        preexec_fn=die_with_parent(),
    )


async def _frame(source: asyncio.StreamReader) -> Frame | None:
    """The next one; None when the reader has ended, whether it was done or died."""
    try:
        head, body = LENGTHS.unpack(await source.readexactly(LENGTHS.size))
        return Frame(json.loads(await source.readexactly(head)), await source.readexactly(body))
    except asyncio.IncompleteReadError:
        return None


def _said(error: Mapping[str, Any], path: Path, name: str) -> dict[str, Any]:
    """The error about the user's file; options of the command line mean nothing here."""
    cure = error["cure"]
    return {
        "message": error["message"].replace(path.name, name),
        "field": error["field"],
        "cure": None if cure is None else _FLAGS.sub("", cure),
    }


def _too_much(name: str) -> InvalidError:
    return InvalidError(f"reading {name} takes more memory than is allowed", field="file", cure=_SMALLER)


def _unreadable(name: str) -> InvalidError:
    return InvalidError(f"{name} cannot be read: its reader died", field="file", cure="check the file")
