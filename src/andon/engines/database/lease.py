"""A lease: of all processes that share a database, at most one does what may be done by one alone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from andon.engines.database.base import Base
from andon.engines.database.database import Database
from andon.kit.errors import UnavailableError
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

_NOBODY = ""


class LeaseRow(Base):
    """Who holds a lease. `beat` grows while the holder lives."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    beat: Mapped[int] = mapped_column(BigInteger)


class LeaseLostError(UnavailableError):
    """Another process does this now."""


class Lease:
    """`acquire` it, work while it is `held`, and have every unit of work that counts call `guard`.

    Nobody's clock is compared with another's: a holder whose `beat` did not move for `expires_s`, as the one who waits
    measures it, is taken for dead. `owner` names a process so that two that live never have the same one; a process
    that comes back under its name takes up at once what it held. A holder that was only asleep is stopped by `guard`.

    `outlasts`: the holder goes on while it does not reach the database. Nobody else can become the holder meanwhile,
    unless it is only this way to it that is cut: for work that two may do at a time without harm.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        owner: str,
        *,
        outlasts: bool = False,
        beat_s: float = 1.0,
        expires_s: float = 5.0,
    ) -> None:
        self.name = name
        self.owner = owner
        self._database = database
        self._outlasts = outlasts
        self._beat_s = beat_s
        self._expires_s = expires_s
        self._lost = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None
        self._seen: tuple[str, int] | None = None
        self._seen_since = 0.0

    @property
    def held(self) -> bool:
        """Whether it is ours, as far as we know."""
        return self._beating is not None and not self._lost.is_set()

    async def acquire(self) -> None:
        """Wait until it is ours; an absent database is waited out."""
        await self._end_beating()
        told = None
        while (why := await self._attempt()) is not None:
            if why != told:
                logger.info(why, extra={"lease": self.name})
            told = why
            await asyncio.sleep(self._beat_s)
        self._lost.clear()
        self._beating = asyncio.create_task(self._beat(), name=f"lease {self.name}")
        logger.info("this process does it now", extra={"lease": self.name})

    async def lost(self) -> None:
        """Until it is not ours any more."""
        await self._lost.wait()

    async def release(self) -> None:
        """Give it up, so that one who waits need not find out."""
        held = self.held
        await self._end_beating()
        self._lost.set()
        if held:
            with contextlib.suppress(UnavailableError):
                await asyncio.to_thread(self._give_up)

    def guard(self, session: Session) -> None:
        """LeaseLostError unless the lease is ours until this unit of work is committed."""
        row = session.get(LeaseRow, self.name)
        if row is None or row.owner != self.owner:
            self._lost_to(row.owner if row else _NOBODY)

    async def _attempt(self) -> str | None:
        """None when it is ours now, else why not."""
        try:
            taken = await asyncio.to_thread(self._take)
        except UnavailableError:
            return "the database is away, standing by"
        return None if taken else "another process does this, standing by"

    def _take(self) -> bool:
        with self._database.session() as session:
            row = session.get(LeaseRow, self.name)
            if row is None:
                session.add(LeaseRow(name=self.name, owner=self.owner, beat=1))
                return True
            if row.owner not in (_NOBODY, self.owner) and not self._dead(row):
                return False
            row.owner, row.beat = self.owner, row.beat + 1
            return True

    def _dead(self, row: LeaseRow) -> bool:
        now = time.monotonic()
        if self._seen != (row.owner, row.beat):
            self._seen, self._seen_since = (row.owner, row.beat), now
        return now - self._seen_since >= self._expires_s

    async def _beat(self) -> None:
        alive = time.monotonic()
        while True:
            await asyncio.sleep(self._beat_s)
            began = time.monotonic()
            try:
                await self._renewed(self._expires_s - (0 if self._outlasts else began - alive))
                alive = began
            except LeaseLostError as error:
                logger.warning("lost to another process", extra={"lease": self.name, "reason": error.message})
                break
            except (UnavailableError, TimeoutError):
                if not self._outlasts and time.monotonic() - alive >= self._expires_s:
                    logger.warning("the database is away for too long to go on", extra={"lease": self.name})
                    break
        self._lost.set()

    async def _renewed(self, within_s: float) -> None:
        """TimeoutError when the database does not answer in time: others may take us for dead by now."""
        renewing = asyncio.create_task(asyncio.to_thread(self._renew))
        try:
            async with asyncio.timeout(max(within_s, 0)):
                await asyncio.shield(renewing)
        except TimeoutError:
            renewing.add_done_callback(_forget)  # it cannot be stopped, and changes nothing any more
            raise

    def _renew(self) -> None:
        with self._database.session() as session:
            row = session.get(LeaseRow, self.name)
            if row is None or row.owner != self.owner:
                self._lost_to(row.owner if row else _NOBODY)
            else:
                row.beat += 1

    def _give_up(self) -> None:
        with self._database.session() as session:
            row = session.get(LeaseRow, self.name)
            if row is not None and row.owner == self.owner:
                row.owner = _NOBODY

    def _lost_to(self, owner: str) -> None:
        raise LeaseLostError(f"{self.name} is done by {owner or 'nobody'} now", cure="this process stands by")

    async def _end_beating(self) -> None:
        if self._beating is not None:
            await end_tasks(self._beating)
            self._beating = None


def _forget(renewing: asyncio.Task[None]) -> None:
    if not renewing.cancelled():
        renewing.exception()
