"""A steady beat that does not drift, and does not race after a pause."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator


async def beats(interval_s: float, phase_s: float = 0.0) -> AsyncIterator[None]:
    """An item each `interval_s`, the first after `phase_s`; what was missed (a machine that slept) is left out."""
    loop = asyncio.get_running_loop()
    due = loop.time() + phase_s
    while True:
        await asyncio.sleep(max(0.0, due - loop.time()))
        yield
        due += interval_s
        missed = math.floor((loop.time() - due) / interval_s)
        if missed > 0:
            due += missed * interval_s
