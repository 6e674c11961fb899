"""A store on a database of its own, and what it is told of tags."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.historian.stores.influx.signals import Place, place_of, unregistered
from andon.historian.stores.influx.store import InfluxStore
from andon.kit.clock import now_us

QUICK = InfluxLimits(
    names_age_s=0, count_age_s=0, maintenance=False, first_pause_s=0.05, connect_timeout_s=1, timeout_s=10
)
LOOM_TAGS = ("bbw_value", "temperature", "vibration", "quality_flag")


def access(url: str) -> Access:
    """Of a fixture's `http://host:port/database`."""
    parts = urlsplit(url)
    return Access(f"{parts.scheme}://{parts.netloc}", parts.path.strip("/"))


def looms(tag_id: int) -> Place:
    """Tags 1 to 4 are those of the first loom, 5 to 8 of the second; from 1000 on nobody knows them."""
    if tag_id >= 1000:
        return unregistered(tag_id)
    loom, tag = divmod(tag_id - 1, len(LOOM_TAGS))
    return place_of("loom", "org-1", f"weaving-line-{loom // 20 + 1}", f"loom-{loom + 1:03d}", LOOM_TAGS[tag])


@asynccontextmanager
async def opened(
    url: str, limits: InfluxLimits = QUICK, clock: Callable[[], int] = now_us
) -> AsyncIterator[InfluxStore]:
    """A store that knows the looms."""
    store = await InfluxStore.open(access(url), limits, clock)
    store.describe = looms
    try:
        yield store
    finally:
        await store.close()
