"""The processes that share a plant: each says every second which roles it runs, where, and how they are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, BigInteger, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from andon.engines.database import Base, Database
from andon.kit.clock import US_PER_HOUR, US_PER_S, now_us
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

FORGET_US = US_PER_HOUR
RUNNING = "running"


class RoleHeartbeatRow(Base):
    """What a process last said of one of its roles."""

    __tablename__ = "role_heartbeats"

    process: Mapped[str] = mapped_column(String(200), primary_key=True)
    role: Mapped[str] = mapped_column(String(50), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    url: Mapped[str | None] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)


@dataclass(frozen=True, slots=True)
class Process:
    """Who we are. `name` is one that no other living process has, and the same after a restart where that can be."""

    name: str
    host: str
    pid: int
    started_at: int


@dataclass(frozen=True, slots=True)
class RoleBeat:
    """How a role of a process is. `url` is where others reach it; `figures` are what the system page adds up."""

    process: str
    role: str
    state: str  # running, standby, starting, stopping, failed
    url: str | None
    host: str = ""
    pid: int = 0
    started_at: int = 0
    figures: Mapping[str, Any] = field(default_factory=dict)


class Fleet:
    """`start` and `stop` it. What the others say is kept in memory, so that asking waits for nothing.

    A process is gone when it said so, or when nothing came for `expires_s`: measured here, not by its clock.
    """

    def __init__(
        self,
        database: Database,
        process: Process,
        roles: Callable[[], Sequence[RoleBeat]],
        *,
        interval_s: float = 1.0,
        expires_s: float = 5.0,
    ) -> None:
        self.process = process
        self._database = database
        self._roles = roles
        self._interval_s = interval_s
        self._expires_s = expires_s
        self._heard: dict[tuple[str, str], tuple[int, float]] = {}  # when the row last changed, by our clock
        self._beats: list[RoleBeat] = []
        self._outage = Outage(logger, "the other processes cannot be heard", "the other processes are heard again")
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Say that we are here, learn who else is, and keep at it."""
        await self._turn()
        self._task = asyncio.create_task(self._run(), name="fleet")

    async def stop(self) -> None:
        """Say that we are gone."""
        if self._task is None:
            return
        await end_tasks(self._task)
        with contextlib.suppress(UnavailableError):
            await asyncio.to_thread(self._leave)

    async def tell(self) -> None:
        """Say at once how our roles are: something changed that others should not learn late."""
        await self._turn()

    def beats(self, role: str | None = None) -> list[RoleBeat]:
        """The roles of all processes that live, ours among them; those of one kind when `role` is given."""
        return [beat for beat in self._beats if role in (None, beat.role)]

    def urls(self, role: str) -> list[str]:
        """Where a role runs, in a steady order."""
        return sorted(beat.url for beat in self.beats(role) if beat.url is not None and beat.state == RUNNING)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            await self._turn()

    async def _turn(self) -> None:
        mine = list(self._roles())
        try:
            rows = await asyncio.to_thread(self._exchange, mine)
        except UnavailableError as error:
            self._outage.begin(error.message)
            return  # what was known last goes on: the others are not gone because the database is
        self._outage.end()
        self._beats = self._alive(rows)

    def _exchange(self, mine: Sequence[RoleBeat]) -> list[RoleHeartbeatRow]:
        with self._database.session() as session:
            self._write(session, mine)
            return list(session.scalars(select(RoleHeartbeatRow)))

    def _write(self, session: Session, mine: Sequence[RoleBeat]) -> None:
        now, me = now_us(), self.process
        for beat in mine:
            session.merge(
                RoleHeartbeatRow(
                    process=me.name,
                    role=beat.role,
                    state=beat.state,
                    url=beat.url,
                    host=me.host,
                    pid=me.pid,
                    started_at=me.started_at,
                    seen_at=now,
                    figures=dict(beat.figures),
                )
            )
        session.execute(delete(RoleHeartbeatRow).where(RoleHeartbeatRow.seen_at < now - FORGET_US))

    def _alive(self, rows: Sequence[RoleHeartbeatRow]) -> list[RoleBeat]:
        now, here = now_us(), time.monotonic()
        heard: dict[tuple[str, str], tuple[int, float]] = {}
        for row in rows:
            key = (row.process, row.role)
            known = self._heard.get(key)
            if known is None:
                # Met for the first time: how old it is, only its own clock can say.
                age = max(now - row.seen_at, 0) / US_PER_S
                heard[key] = (row.seen_at, here - age)
            else:
                heard[key] = known if known[0] == row.seen_at else (row.seen_at, here)
        self._heard = heard
        return [_beat(row) for row in rows if here - heard[row.process, row.role][1] < self._expires_s]

    def _leave(self) -> None:
        with self._database.session() as session:
            session.execute(delete(RoleHeartbeatRow).where(RoleHeartbeatRow.process == self.process.name))


def _beat(row: RoleHeartbeatRow) -> RoleBeat:
    return RoleBeat(row.process, row.role, row.state, row.url, row.host, row.pid, row.started_at, row.figures)
