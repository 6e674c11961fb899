"""Who gets what, and when: a quiet client at once, a busy one paced, a slow one the newest values when it is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.port import LiveState
from andon.kit.samples import SampleBatch
from andon.realtime.clients import Audience, Client, Feed
from andon.realtime.frames import LatestTable
from andon.realtime.render import Message, Renderer
from andon.realtime.settings import RealtimeSettings
from andon.realtime.subscriptions import Selection
from andon.registry.directory import Directory


@dataclass(slots=True)
class FanOutCounters:
    """`delivered` messages queued in sockets, `passed_over` deliveries that found a client not ready."""

    delivered: int = 0
    passed_over: int = 0


class FanOut:
    """Takes batches in and queues messages. Belongs to the event loop; never waits."""

    def __init__(self, directory: Directory, livestate: LiveState, settings: RealtimeSettings) -> None:
        self.table = LatestTable(settings.max_tags)
        self.render = Renderer(self.table, directory, livestate, settings)
        self.position = 0
        self.clients: dict[str, Client] = {}
        self.counters = FanOutCounters()
        self._directory = directory
        self._livestate = livestate
        self._settings = settings
        self._audiences: dict[Selection, Audience] = {}
        self._watchers: dict[int, set[Audience]] = {}

    @property
    def audiences(self) -> Iterable[Audience]:
        """All groups of clients that watch the same."""
        return self._audiences.values()

    def on_batch(self, batch: SampleBatch, position: int) -> None:
        """New samples: those who watch them get them now, or when their next delivery is due."""
        self.position = position
        changed = self.table.apply(batch)
        if not self._watchers:
            return
        concerned: set[Audience] = set()
        for tag in changed.tolist():
            audiences = self._watchers.get(tag)
            if audiences:
                concerned |= audiences
        now = asyncio.get_running_loop().time()
        for audience in concerned:
            self._plan(audience, now)

    def watch(self, client: Client, selection: Selection, seen: int | None = None) -> Feed | None:
        """Have the client watch `selection` in place of what it watched as the same kind; None when it is empty.

        `seen` is the change up to which it needs nothing (0: it wants the present values of all); by default
        it stays where it was, and a new feed begins with the next change.
        """
        old = client.feeds.pop(selection.kind, None)
        if old is not None:
            seen = old.seen if seen is None else min(seen, old.seen)
            self._leave(old)
        if selection.empty:
            return None
        audience = self._audience(selection)
        feed = Feed(client, audience, self.table.change if seen is None else seen, old is not None and old.held)
        audience.feeds[feed] = None
        client.feeds[selection.kind] = feed
        if feed.seen < self.table.change:
            self._plan(audience, asyncio.get_running_loop().time())
        return feed

    def show(self, feed: Feed, tags: NDArray[np.int32]) -> None:
        """Send the present values of these tags to one client, or all of its own later when it is not ready."""
        tags = tags.astype(np.int32, copy=False)
        self._fill(tags)
        if not self._ready(feed.client):
            feed.seen = 0
            self._plan(feed.audience, asyncio.get_running_loop().time())
            return
        found = self.render.live(feed.audience.selection.kind, self.table.owed(tags, 0), self.position)
        self.deliver(feed.client, found)

    def release(self, feed: Feed) -> None:
        """The client has caught up: from here on it is told what changes."""
        feed.held = False
        self._plan(feed.audience, asyncio.get_running_loop().time())

    def deliver(self, client: Client, found: list[Message]) -> None:
        """Queue messages for one client."""
        if found and not client.ended:
            client.outlet.send(found)
            self.counters.delivered += len(found)

    def leave(self, client: Client) -> None:
        """The client is gone."""
        for feed in client.feeds.values():
            self._leave(feed)
        client.feeds.clear()
        self.clients.pop(client.id, None)

    def directory_changed(self) -> None:
        """Devices or tags came, went, or were renamed: resolve all selections anew."""
        self.render.forget()
        self._watchers.clear()
        for audience in self._audiences.values():
            before = audience.tags
            audience.tags = audience.selection.tags(self._directory)
            self._register(audience)
            self._make_up(audience, np.setdiff1d(audience.tags, before, assume_unique=True))

    def close(self) -> None:
        """Cancel all planned deliveries."""
        for audience in self._audiences.values():
            audience.cancel()

    def _make_up(self, audience: Audience, new: NDArray[np.int32]) -> None:
        """What new tags had before their audience was found for them has reached nobody yet."""
        had = self.table.owed(new, 0)
        if not len(had):
            return
        for feed in tuple(audience.feeds):
            missed = np.setdiff1d(had, self.table.owed(had, feed.seen), assume_unique=True)
            if feed.held:
                feed.seen = 0
            elif len(missed):
                self.show(feed, missed)
        self._plan(audience, asyncio.get_running_loop().time())

    def _plan(self, audience: Audience, now: float) -> None:
        if audience.timer is not None:
            return
        if now >= audience.due:
            self._deliver(audience)
        else:
            audience.timer = asyncio.get_running_loop().call_at(audience.due, self._deliver, audience)

    def _deliver(self, audience: Audience) -> None:
        audience.timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        audience.due = now + self._settings.interval_s(len(self.clients))
        newest = self.table.change
        made: dict[int, list[Message]] = {}
        waiting = False
        for feed in tuple(audience.feeds):
            if feed.held or feed.seen == newest:
                continue
            if not self._ready(feed.client):
                waiting = True
                continue
            if feed.seen not in made:
                owed = self.table.owed(audience.tags, feed.seen)
                made[feed.seen] = self.render.live(audience.selection.kind, owed, self.position)
            self.deliver(feed.client, made[feed.seen])
            feed.seen = newest
        if waiting:
            audience.timer = loop.call_at(audience.due, self._deliver, audience)

    def _ready(self, client: Client) -> bool:
        if client.outlet.backlog() < self._settings.ready_backlog:
            client.behind_since = None
            return True
        self.counters.passed_over += 1
        if client.behind_since is None:
            client.behind_since = asyncio.get_running_loop().time()
        return False

    def _audience(self, selection: Selection) -> Audience:
        audience = self._audiences.get(selection)
        if audience is None:
            audience = self._audiences[selection] = Audience(selection, selection.tags(self._directory))
            self._register(audience)
        return audience

    def _register(self, audience: Audience) -> None:
        for tag in audience.tags.tolist():
            self._watchers.setdefault(tag, set()).add(audience)

    def _leave(self, feed: Feed) -> None:
        audience = feed.audience
        audience.feeds.pop(feed, None)
        if audience.feeds:
            return
        audience.cancel()
        self._audiences.pop(audience.selection, None)
        for tag in audience.tags.tolist():
            watching = self._watchers.get(tag)
            if watching is not None:
                watching.discard(audience)
                if not watching:
                    del self._watchers[tag]

    def _fill(self, tags: NDArray[np.int32]) -> None:
        """Values from before this service started are taken from live state."""
        rows = []
        for tag in self.table.unknown(tags).tolist():
            current = self._livestate.current(tag)
            if current is not None:
                value = current.value if current.text is None else current.text
                rows.append((tag, current.timestamp, value, current.quality, current.received))
        if rows:
            self.table.apply(SampleBatch.from_rows(rows))
