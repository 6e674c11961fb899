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
from andon.kit.clock import US_PER_HOUR, US_PER_S, now_us
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage

logger = logging.getLogger(__name__)

AHEAD_US = US_PER_HOUR
TRUST_AFTER_S = 86_400.0
LOOK_S = 30.0
"""How often what people decided is looked at; a change of it is applied at once then."""


class Housekeeper:
    """Applies retention every `interval_s`, and when somebody changed it, here or through another process.

    A clock that jumps ahead while it watches drops nothing: time goes on as it went, for a day in which the clock can
    be set right. What retention has dropped cannot be brought back.
    """

    def __init__(
        self,
        database: Database,
        store: HistoryStore,
        organisation: Callable[[], str],
        default: Retention,
        *,
        interval_s: float = 600.0,
        clock: Callable[[], int] = now_us,
        trust_after_s: float = TRUST_AFTER_S,
    ) -> None:
        self._database = database
        self._store = store
        self._organisation = organisation
        self.default = default
        self._interval_s = interval_s
        self._clock = clock
        self.applied: RetentionPolicies | None = None
        self._due = 0.0
        self._outage = Outage(logger, "retention waits", "retention goes on")
        self._trust_after_s = trust_after_s
        self._known: tuple[int, float] | None = None  # the time as we know it, and the loop's time then
        self._ahead_since: float | None = None

    async def run(self) -> None:
        """Keep house until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> list[Dropped]:
        """Apply retention when it is due or changed; what was dropped. A store that is away is asked again later."""
        now = asyncio.get_running_loop().time()
        time = self._time(now)
        try:
            policies = await asyncio.to_thread(self._read)
            if policies == self.applied and now < self._due:
                return []
            dropped = await self._store.retain(policies, time)
        except (UnavailableError, DBAPIError) as error:
            self._outage.begin(str(error)[:200])
            return []
        self._outage.end()
        self.applied, self._due = policies, now + self._interval_s
        for each in dropped:
            logger.info(
                "history was dropped by retention",
                extra={"tier": each.tier, "rows": each.rows, "bytes": each.bytes, "start": each.start, "end": each.end},
            )
        return dropped

    def _time(self, now: float) -> int:
        """The time, µs UTC: the clock's, unless that has jumped ahead."""
        clock, known = self._clock(), self._known
        expected = clock if known is None else known[0] + round((now - known[1]) * US_PER_S)
        if clock - expected <= AHEAD_US:
            self._ahead_since = None
        elif self._ahead_since is None:
            self._ahead_since, hours = now, (clock - expected) / US_PER_HOUR
            logger.warning("the clock jumped ahead: retention does not follow it yet", extra={"hours": round(hours, 1)})
        if self._ahead_since is not None and now - self._ahead_since < self._trust_after_s:
            clock = expected
        self._known = (clock, now)
        return clock

    def _read(self) -> RetentionPolicies:
        with self._database.reading() as session:
            return resolved(session, self._organisation(), self.default)
