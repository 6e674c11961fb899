"""Tasks that run beside others, and how they are ended."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

logger = logging.getLogger(__name__)

_AGAIN_S = 0.2


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel `tasks` and wait until all are done; an error that one ended with is logged.

    They are cancelled again until they end: before Python 3.12 `asyncio.wait_for`, which libraries use, loses a
    cancellation that comes at the moment when what it waits for is done, and the task would run on for ever.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_AGAIN_S)
    for task in tasks:
        _tell(task)


def _tell(task: asyncio.Task[Any]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        logger.error("a task had ended with an error", extra={"task": task.get_name()}, exc_info=error)
