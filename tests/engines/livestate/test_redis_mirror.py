"""However messages and snapshots interleave, a mirror ends up as its publisher."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.engines.livestate import redis_messages as messages
from andon.engines.livestate.memory import MemoryLiveState
from andon.engines.livestate.redis_messages import SnapshotNote
from andon.engines.livestate.redis_mirror import Mirror
from andon.engines.livestate.snapshot import encode_counts, encode_part
from andon.kit.clock import US_PER_S
from andon.kit.samples import Row, SampleBatch, encode
from engines.livestate.equal import assert_equal

NOW = 1_760_000_000 * US_PER_S
TAGS = [1, 2, 3, 4]
EPOCH = b"epoch--1"
ROWS = st.lists(
    st.tuples(
        st.sampled_from(TAGS),
        st.integers(-4_000, 0).map(lambda seconds: NOW + seconds * US_PER_S),
        st.one_of(st.integers(-1000, 1000).map(float), st.just("on")),
        st.sampled_from([0, 192]),
        st.just(NOW),
    ),
    min_size=1,
    max_size=4,
)


class Publisher:
    """Numbers batches as the real one does; a snapshot's parts are taken at moments of the test's choice."""

    def __init__(self, epoch: bytes = EPOCH) -> None:
        self.epoch = epoch
        self.live = MemoryLiveState()
        self.number = 0
        self.sent: list[bytes] = []
        self.started = 0
        self.parts: list[bytes] = []

    def apply(self, rows: list[Row]) -> bytes:
        batch = SampleBatch.from_rows(rows)
        self.live.apply(batch)
        self.number += 1
        message = messages.batches(self.epoch, self.number, [encode(batch)])
        self.sent.append(message)
        return message

    def begin_snapshot(self) -> None:
        self.started, self.parts = self.number, []
        self.seen = self.live.seen()

    def export_part(self, index: int) -> None:
        tags = self.seen[self.seen % 2 == index]
        self.parts.append(encode_part(self.live.export(tags, NOW), self.number))

    def end_snapshot(self) -> bytes:
        self.parts.append(encode_counts(self.live.received.export(), self.number))
        return messages.snapshot_note(self.epoch, SnapshotNote(self.started, ["a", "b", "counts"]))


@given(st.data())
@settings(max_examples=80)
def test_a_mirror_that_is_warmed_amid_traffic_equals_its_publisher(data: st.DataObject) -> None:
    publisher, mirror = Publisher(), Mirror()
    some = st.lists(ROWS, max_size=3)
    for rows in data.draw(some):
        publisher.apply(rows)  # before the mirror listens

    async def run() -> None:
        mirror.take(messages.beat(EPOCH, publisher.number + 1))
        traffic = [publisher.apply(rows) for rows in data.draw(some)]
        publisher.begin_snapshot()
        for step in (0, 1):
            traffic += [publisher.apply(rows) for rows in data.draw(some)]
            publisher.export_part(step)
        traffic += [publisher.apply(rows) for rows in data.draw(some)]
        note = publisher.end_snapshot()
        for message in traffic:
            mirror.take(message)
            mirror.take(message)  # a message that was sent again is taken once
        snapshot = mirror.take(note)
        assert snapshot is not None
        warming = asyncio.create_task(mirror.warm(publisher.parts, snapshot.term))
        for rows in data.draw(some):
            mirror.take(publisher.apply(rows))
            await asyncio.sleep(0)
        await warming

    asyncio.run(run())
    assert not mirror.warming
    assert_equal(publisher.live, mirror.live, TAGS, NOW)


def row(tag: int, seconds: int, value: float) -> Row:
    return (tag, NOW + seconds * US_PER_S, value, 192, NOW)


def complete() -> tuple[Publisher, Mirror]:
    publisher, mirror = Publisher(), Mirror()
    mirror.take(messages.beat(EPOCH, 1))
    warm(publisher, mirror)
    return publisher, mirror


def warm(publisher: Publisher, mirror: Mirror) -> None:
    publisher.begin_snapshot()
    publisher.export_part(0)
    publisher.export_part(1)
    snapshot = mirror.take(publisher.end_snapshot())
    assert snapshot is not None
    asyncio.run(mirror.warm(publisher.parts, snapshot.term))
    assert not mirror.warming


def test_a_missing_message_is_noticed_with_the_next_one_and_mended_by_a_snapshot() -> None:
    publisher, mirror = complete()
    mirror.take(publisher.apply([row(1, 0, 1.0)]))
    publisher.apply([row(1, 1, 2.0)])  # lost
    mirror.take(publisher.apply([row(2, 2, 3.0)]))
    assert (mirror.gaps, mirror.warming) == (1, True)
    found = mirror.live.current(2)
    assert found is not None and found.value == 3.0, "meanwhile it goes on with what comes"
    warm(publisher, mirror)
    assert_equal(publisher.live, mirror.live, TAGS, NOW)


def test_a_missing_last_message_is_noticed_with_the_heartbeat() -> None:
    publisher, mirror = complete()
    publisher.apply([row(1, 0, 1.0)])  # lost
    mirror.take(messages.beat(EPOCH, publisher.number + 1))
    assert (mirror.gaps, mirror.warming) == (1, True)


def test_another_publisher_begins_anew() -> None:
    publisher, mirror = complete()
    mirror.take(publisher.apply([row(1, 0, 1.0)]))
    other = Publisher(b"epoch--2")
    other.live.apply(SampleBatch.from_rows([row(3, 0, 7.0)]))
    mirror.take(other.apply([row(2, 0, 5.0)]))
    assert mirror.warming
    warm(other, mirror)
    assert mirror.live.current(1) is None
    assert_equal(other.live, mirror.live, TAGS, NOW)


def test_a_snapshot_from_before_we_listened_does_not_serve() -> None:
    publisher, mirror = Publisher(), Mirror()
    publisher.begin_snapshot()
    publisher.apply([row(1, 0, 1.0)])  # before we listened, and after the snapshot began
    mirror.take(messages.beat(EPOCH, publisher.number + 1))
    assert mirror.take(publisher.end_snapshot()) is None


def test_something_lost_while_warming_waits_for_the_next_snapshot() -> None:
    publisher, mirror = Publisher(), Mirror()
    mirror.take(messages.beat(EPOCH, 1))
    publisher.begin_snapshot()
    publisher.export_part(0)
    publisher.export_part(1)
    snapshot = mirror.take(publisher.end_snapshot())
    assert snapshot is not None

    async def run() -> None:
        warming = asyncio.create_task(mirror.warm(publisher.parts, snapshot.term))
        publisher.apply([row(1, 0, 1.0)])  # lost
        mirror.take(publisher.apply([row(1, 1, 2.0)]))
        await warming

    asyncio.run(run())
    assert mirror.warming
    warm(publisher, mirror)
    assert_equal(publisher.live, mirror.live, TAGS, NOW)


def test_what_waits_for_a_snapshot_is_bounded() -> None:
    publisher, mirror = Publisher(), Mirror(buffer_bytes=500)
    mirror.take(messages.beat(EPOCH, 1))
    publisher.begin_snapshot()
    for second in range(20):
        mirror.take(publisher.apply([row(1, second, 1.0)]))
    assert mirror.take(publisher.end_snapshot()) is None, "what followed it was not kept"
    warm(publisher, mirror)
    assert_equal(publisher.live, mirror.live, TAGS, NOW)


def test_listeners_get_each_batch_once() -> None:
    publisher, mirror = complete()
    heard: list[int] = []
    mirror.listeners.append(lambda batch: heard.append(len(batch)))
    message = publisher.apply([row(1, 0, 1.0), row(2, 0, 1.0)])
    mirror.take(message)
    mirror.take(message)
    assert heard == [2]


def test_something_else_on_the_channel_is_refused() -> None:
    mirror = Mirror()
    for data in (b"", b"hello there, this is no message", b"AL1\x09" + bytes(16)):
        with pytest.raises(ValueError, match=r"message|not a valid Kind"):
            mirror.take(data)
