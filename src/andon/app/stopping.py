"""When a process is to end."""

from __future__ import annotations

import asyncio
import signal


def stop_on_signals() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    return stopping


async def until_stopped(stopping: asyncio.Event, *servers: asyncio.Task[None]) -> None:
    """Until a signal comes or a server ends."""
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({asked, *servers}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
