"""When a process is to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def stop_on_signals() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    return stopping


async def unless_stopped(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None, and the work is cancelled, when a signal comes before its end."""
    working = asyncio.create_task(work)
    await until_stopped(stopping, working)
    if not stopping.is_set():
        return await working
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return None


async def until_stopped(stopping: asyncio.Event, *tasks: asyncio.Task[Any]) -> None:
    """Until a signal comes or a task ends."""
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({asked, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
