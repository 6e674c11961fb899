"""Retention as it goes on: the store is told what people decided, and drops what is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from andon.engines.database import Database
from andon.historian.policies import resolved
from andon.historian.port import HistoryStore
from andon.historian.retention import Dropped, Retention, RetentionPolicies
from andon.kit.clock import now_us
from andon.kit.errors import UnavailableError

logger = logging.getLogger(__name__)

LOOK_S = 30.0
"""How often what people decided is looked at; a change of it is applied at once then."""


class Housekeeper:
    """Applies retention every `interval_s`, and when somebody changed it, here or through another process."""

    def __init__(
        self,
        database: Database,
        store: HistoryStore,
        organisation: Callable[[], str],
        default: Retention,
        *,
        interval_s: float = 600.0,
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._database = database
        self._store = store
        self._organisation = organisation
        self.default = default
        self._interval_s = interval_s
        self._clock = clock
        self.applied: RetentionPolicies | None = None
        self._due = 0.0

    async def run(self) -> None:
        """Keep house until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> list[Dropped]:
        """Apply retention when it is due or changed; what was dropped. A store that is away is asked again later."""
        now = asyncio.get_running_loop().time()
        try:
            policies = await asyncio.to_thread(self._read)
            if policies == self.applied and now < self._due:
                return []
            dropped = await self._store.retain(policies, self._clock())
        except (UnavailableError, DBAPIError) as error:
            logger.warning("retention waits", extra={"error": str(error)[:200]})
            return []
        self.applied, self._due = policies, now + self._interval_s
        for each in dropped:
            logger.info(
                "history was dropped by retention",
                extra={"tier": each.tier, "rows": each.rows, "bytes": each.bytes, "start": each.start, "end": each.end},
            )
        return dropped

    def _read(self) -> RetentionPolicies:
        with self._database.reading() as session:
            return resolved(session, self._organisation(), self.default)
