"""S1's `alerts:active` and `system:metrics`: documents that are written when they change, and before they expire."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from andon.engines.livestate.redis_keys import CURRENT_TTL_S, document_entry
from andon.engines.livestate.redis_link import Pauses, RedisLink, RedisOutage
from andon.kit.tasks import end_tasks

if TYPE_CHECKING:
    import redis.asyncio

logger = logging.getLogger(__name__)

Render = Callable[[str], Awaitable[Any]]
"""The document of an organisation, as JSON can hold it."""
Organisations = Callable[[], Sequence[tuple[str, str]]]
"""Id and key prefix of each organisation, see `key_prefix`."""


class RedisDocuments:
    """Looks at each document once a second. `when`: only while it says so, such as while this process leads."""

    def __init__(
        self,
        link: RedisLink,
        documents: Mapping[str, Render],
        organisations: Organisations,
        *,
        when: Callable[[], bool] = lambda: True,
        interval_s: float = 1.0,
    ) -> None:
        self._link = link
        self._documents = documents
        self._organisations = organisations
        self._when = when
        self._interval_s = interval_s
        self._written: dict[str, tuple[bytes | None, float]] = {}
        self._outage = RedisOutage(link, "documents", logger)
        self._running: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        """Why Redis does not get what it should; None when it does."""
        return self._outage.reason

    async def start(self) -> None:
        """Begin to write as soon as Redis lets us; does not wait for it."""
        self._running = asyncio.create_task(self._run(), name="redis documents")

    async def stop(self) -> None:
        """Stop; what was written expires by itself."""
        if self._running is not None:
            await end_tasks(self._running)
            self._running = None

    async def _run(self) -> None:
        pauses = Pauses(5.0)
        while True:
            try:
                async with self._link.client() as client:
                    await self._serve(client)
            except self._link.away as error:
                self._outage.lost(error)
                self._written.clear()  # Redis may have lost everything
            except Exception:  # else the keys would never be written again
                logger.exception("a document cannot be made")
            await pauses.wait()

    async def _serve(self, client: redis.asyncio.Redis) -> None:
        while True:
            if self._when():
                await client.ping()
                self._outage.end()
                for organisation_id, prefix in self._organisations():
                    for name, render in self._documents.items():
                        await self._write(client, prefix, name, await render(organisation_id))
            else:
                self._written.clear()
            await asyncio.sleep(self._interval_s)

    async def _write(self, client: redis.asyncio.Redis, prefix: str, name: str, body: Any) -> None:
        entry = document_entry(prefix, name, body)
        held, at = self._written.get(entry.key, (None, 0.0))
        if entry.value == held and time.monotonic() - at < CURRENT_TTL_S / 2:
            return
        await client.set(entry.key, entry.value or b"", ex=entry.ttl_s)
        self._written[entry.key] = (entry.value, time.monotonic())
