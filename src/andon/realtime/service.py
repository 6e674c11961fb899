"""The realtime service: follows the log, fans out, and keeps an eye on its clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.port import LiveState
from andon.engines.log.consumer import Consumer
from andon.engines.log.port import SENSORS_DATA, Log
from andon.identity.model import Principal
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import ForbiddenError, UnauthenticatedError
from andon.kit.samples import SampleBatch
from andon.kit.tasks import end_tasks
from andon.realtime import metrics
from andon.realtime.announce import Announcer
from andon.realtime.catchup import CatchUpLimits, Missed, missed_between
from andon.realtime.clients import Client, Feed
from andon.realtime.fanout import FanOut
from andon.realtime.log_cursor import LogCursor
from andon.realtime.presence import Presence
from andon.realtime.render import Message
from andon.realtime.settings import RealtimeSettings
from andon.registry.directory import Directory

if TYPE_CHECKING:
    from andon.alarms.events import AlarmEvent
    from andon.identity.service import IdentityService

logger = logging.getLogger(__name__)

GROUP = "realtime"
PERMISSION = "data:read"
SIGN_IN = "sign in with POST /api/v1/auth/login and connect with its accessToken as auth {token}"
RENEW = "renew it with POST /api/v1/auth/refresh and emit authenticate {token}, or connect again"
TOO_SLOW = ("too_slow", "the connection does not take its messages", "connect again, and watch fewer devices")
_RATE_WINDOW_S = 10
_PART = 200
_AHEAD_US = 60 * US_PER_S

SystemStatus = Callable[[str], Awaitable[Mapping[str, Any]]]
"""S1's `system:metrics` of one organisation: the body of `system-status`."""


class RealtimeService:
    """Give it to `SocketIoServer` and `WebSocketServer`; `start` and `stop` it; have alarms call `on_alarm`."""

    def __init__(
        self,
        log: Log,
        directory: Directory,
        livestate: LiveState,
        identity: IdentityService,
        system_status: SystemStatus,
        settings: RealtimeSettings | None = None,
    ) -> None:
        self.settings = settings or RealtimeSettings()
        self.directory = directory
        self.fanout = FanOut(directory, livestate, self.settings)
        self.announcer = Announcer(self.fanout, self.settings)
        self._log = log
        self._cursor = LogCursor(log)
        self._identity = identity
        self._system_status = system_status
        self._presence = Presence(directory, livestate)
        self._consumer: Consumer | None = None
        self._limits = CatchUpLimits(
            self.settings.catch_up_samples, self.settings.catch_up_records, self.settings.catch_up_bytes
        )
        self._catching_up = asyncio.Semaphore(self.settings.catch_up_parallel)
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        self._resolving: asyncio.TimerHandle | None = None
        self._delivered: list[int] = [0]

    async def start(self) -> None:
        """Follow the log from its end on, and watch devices and clients."""
        self._loop = asyncio.get_running_loop()
        await self._cursor.start()
        self.fanout.position = self._cursor.number
        start_at = dict(self._cursor.positions)
        self._consumer = Consumer(self._log, SENSORS_DATA, GROUP, self.handle, start_at=start_at, commit=False)
        self._presence.changes(now_us())
        self._unsubscribe = self.directory.subscribe(self._on_directory)
        work = (self._consumer.run(), self._each_second(), self._push_system_status())
        self._tasks = [asyncio.create_task(each) for each in work]
        for task in self._tasks:
            task.add_done_callback(_report)

    async def stop(self) -> None:
        """End all connections and tasks."""
        self._unsubscribe()
        for client in tuple(self.fanout.clients.values()):
            self.end(client, "shutdown", "Andon is shutting down", "connect again in a moment")
        if self._consumer is not None:
            await self._consumer.stop()
        await asyncio.gather(*self._tasks[:1], return_exceptions=True)
        await end_tasks(*self._tasks[1:])
        self._tasks = []
        if self._resolving is not None:
            self._resolving.cancel()
        self.fanout.close()

    @property
    def consumer(self) -> Consumer | None:
        """The consumer of samples, for its lag; None before `start`."""
        return self._consumer

    async def handle(self, batch: SampleBatch, position: int, partition: int) -> None:
        """New samples, up to a position of the log."""
        self.fanout.on_batch(batch.live(), self._cursor.advance(position, partition))

    def on_alarm(self, event: AlarmEvent) -> None:
        """Something happened to an alarm: tell who subscribed to alarms, or to its loom."""
        self.announcer.alarm(event)

    def counts(self) -> dict[str, int]:
        """Connected clients by protocol."""
        found = {"socketio": 0, "websocket": 0}
        for client in self.fanout.clients.values():
            found[client.protocol] += 1
        return found

    def messages_per_second(self) -> float:
        """Messages queued for clients a second, over the last ten."""
        return (self._delivered[-1] - self._delivered[0]) / max(len(self._delivered) - 1, 1)

    def authorise(self, token: str | None) -> Principal:
        """Who the token stands for. UnauthenticatedError or ForbiddenError say why the connection is refused."""
        if not token:
            raise UnauthenticatedError("nobody is signed in", field="token", cure=SIGN_IN)
        principal = self._identity.verify(token)
        if not principal.may(PERMISSION):
            raise ForbiddenError(
                f"this needs the permission {PERMISSION}, which the role {principal.role} does not have",
                field="token",
                cure=f"ask an administrator for a role with {PERMISSION}",
            )
        return principal

    def authorise_again(self, client: Client, token: str | None) -> None:
        """Go on with another token of the same user. The errors of `authorise`; the connection stays as it was."""
        principal = self.authorise(token)
        if (principal.user_id, principal.organisation_id) != (client.principal.user_id, client.organisation_id):
            raise ForbiddenError("the token is another user's", field="token", cure="open a new connection for it")
        client.principal, client.token = principal, token or ""

    def join(self, client: Client) -> None:
        """A client has connected and is authorised."""
        self.fanout.clients[client.id] = client

    def leave(self, client: Client) -> None:
        """A client is gone."""
        self.fanout.leave(client)

    def end(self, client: Client, code: str, message: str, cure: str) -> None:
        """Disconnect a client and tell it why."""
        if not client.ended:
            metrics.ENDED.labels(code).inc()
            client.end(code, message, cure)

    async def catch_up(
        self, feed: Feed, tags: NDArray[np.int32], *, since: int | None = None, after: int = 0
    ) -> Missed:
        """Send a client what these tags had after a time (`since`, µs UTC) or a number of `LogCursor`.

        Live values are held back meanwhile, and follow without a hole. UnavailableError when the log is away.
        """
        feed.held = True
        number, upto = self._cursor.number, dict(self._cursor.positions)
        try:
            async with self._catching_up:
                if since is None:
                    positions = await self._cursor.after_number(after)
                else:
                    # A sample may be stamped ahead of its arrival by as much as ingest lets through.
                    positions = await self._cursor.after_time(since - _AHEAD_US)
                    after = self._cursor.number_at(positions, since - _AHEAD_US)
                if positions is None:
                    missed = Missed(SampleBatch.empty(), truncated=True)
                else:
                    missed = await missed_between(self._log, positions, upto, tags, self._limits, since)
            found = self.fanout.render.past(feed.audience.selection.kind, missed.batch, after, number)
            await self._send_patiently(feed.client, found)
        finally:
            self.fanout.release(feed)
        return missed

    async def _send_patiently(self, client: Client, found: list[Message]) -> None:
        """A part at a time, each when the last one is on its way: a slow client holds little."""
        for start in range(0, len(found), _PART):
            self.fanout.deliver(client, found[start : start + _PART])
            try:
                async with asyncio.timeout(self.settings.slow_limit_s):
                    await client.outlet.drained()
            except TimeoutError:
                self.end(client, *TOO_SLOW)
            if client.ended:
                return

    async def system_status(self, organisation_id: str) -> Mapping[str, Any]:
        """The body of `system-status`."""
        return await self._system_status(organisation_id)

    def _on_directory(self) -> None:
        """The directory tells of changes on whichever thread made them."""
        self._loop.call_soon_threadsafe(self._directory_changed)

    def _directory_changed(self) -> None:
        """Changes come in bursts (a birth brings dozens of tags): resolve once for all of them."""
        if self._resolving is None:
            delay = self.settings.directory_delay_s
            self._resolving = asyncio.get_running_loop().call_later(delay, self._resolve)

    def _resolve(self) -> None:
        self._resolving = None
        self.fanout.directory_changed()

    async def _each_second(self) -> None:
        reported = (0, 0)
        while True:
            await asyncio.sleep(1)
            self._check_clients()
            self.announcer.presence(self._presence.changes(now_us()))
            counters = self.fanout.counters
            metrics.MESSAGES.inc(counters.delivered - reported[0])
            metrics.PASSED_OVER.inc(counters.passed_over - reported[1])
            reported = (counters.delivered, counters.passed_over)
            self._delivered = [*self._delivered[-_RATE_WINDOW_S:], counters.delivered]
            for protocol, count in self.counts().items():
                metrics.CLIENTS.labels(protocol).set(count)

    def _check_clients(self) -> None:
        now, loop_now = now_us(), asyncio.get_running_loop().time()
        for client in tuple(self.fanout.clients.values()):
            behind = loop_now - client.behind_since if client.behind_since is not None else 0.0
            if behind > self.settings.slow_limit_s or client.outlet.backlog() > self.settings.max_backlog:
                logger.warning("a client does not take its messages", extra={"client": client.id, "behind_s": behind})
                self.end(client, *TOO_SLOW)
            elif 0 < client.principal.expires_at <= now:
                self.end(client, "expired", "the access token has expired", RENEW)
            elif now - client.verified_at >= self.settings.verify_interval_s * US_PER_S:
                self._verify(client, now)

    def _verify(self, client: Client, now: int) -> None:
        """Signing out, or losing a permission, ends the connection too."""
        try:
            self.authorise(client.token)
            client.verified_at = now
        except (UnauthenticatedError, ForbiddenError) as error:
            self.end(client, "unauthenticated", error.message, error.cure or SIGN_IN)

    async def _push_system_status(self) -> None:
        failed = False
        while True:
            await asyncio.sleep(self.settings.system_interval_s)
            for organisation_id in self.announcer.organisations_watching_system():
                try:
                    body = await self._system_status(organisation_id)
                except Exception:
                    if not failed:
                        logger.exception("the system status cannot be had")
                    failed = True
                    continue
                failed = False
                self.announcer.system(organisation_id, body)


def _report(task: asyncio.Task[None]) -> None:
    """A task that ends by itself has failed: it must not do so unheard."""
    if not task.cancelled() and task.exception() is not None:
        logger.critical("a task of the realtime service has failed", exc_info=task.exception())
