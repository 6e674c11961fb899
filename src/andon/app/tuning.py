"""How the interpreter and the C library are set for a server that lives long and works on many small arrays."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging

logger = logging.getLogger(__name__)

# Few long-lived objects are garbage: by default the collector pauses the live stream for 0.1 s now and then.
GC_THRESHOLD = (50_000, 50, 100)
# With that the oldest generation is next to never looked at by itself. What is not frozen is little: milliseconds.
COLLECT_EVERY_S = 120.0

# glibc's mallopt. By default blocks from 128 KiB on go back to the kernel at once and come again page by page, until
# glibc has learnt better: statistics of 1000 tags take three times as long until then. So much is kept ready instead.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP_BYTES = 8 << 20
_MMAP_BYTES = 1 << 20


def keep_freed_memory() -> None:
    """Have freed memory used again instead of given back; call it early. Does nothing on other C libraries."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        logger.debug("this C library has no mallopt")
        return
    mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
    mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)


def collect_rarely() -> None:
    """From the start on: what starts a server makes hundreds of thousands of objects, and next to none is garbage."""
    gc.set_threshold(*GC_THRESHOLD)


def spare_the_collector() -> None:
    """What was made until now stays for good: the collector never looks at it again. Call it once all is running."""
    gc.collect()
    gc.freeze()


async def collect_now_and_then() -> None:
    """Free what is caught in reference cycles, so that months of uptime cost no memory."""
    while True:
        await asyncio.sleep(COLLECT_EVERY_S)
        gc.collect()
