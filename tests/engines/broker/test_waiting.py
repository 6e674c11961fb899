"""Messages that wait: which go first, and which are dropped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from andon.engines.broker.waiting import RUN, Waiting

ROOM = 1 << 30


def _packet(qos: int, number: int) -> bytes:
    body = b"%05d" % number
    return bytes((0x30 | qos << 1, len(body))) + body


def _put(waiting: Waiting, packets: list[bytes]) -> None:
    """As they stand in one piece of what was read."""
    data, start = b"".join(packets), 0
    for packet in packets:
        waiting.add(data, start, start + len(packet))
        start += len(packet)
    waiting.close(data)


def _taken(waiting: Waiting) -> bytes:
    parts = []
    while waiting:
        run, count = waiting.next()
        assert count <= RUN
        assert run.count(b"\x05") == count
        parts.append(run)
    return b"".join(parts)


@given(st.lists(st.lists(st.sampled_from([0, 1]), max_size=3 * RUN), max_size=5))
def test_qos_1_goes_first_and_each_keeps_its_order(pieces: list[list[int]]) -> None:
    waiting, number = Waiting(ROOM), 0
    sent: list[tuple[int, bytes]] = []
    for piece in pieces:
        packets = [_packet(qos, number + place) for place, qos in enumerate(piece)]
        number += len(piece)
        sent += zip(piece, packets, strict=True)
        _put(waiting, packets)
    assert waiting.unkept == sum(not qos for qos, _ in sent)
    assert _taken(waiting) == b"".join(packet for _, packet in sorted(sent, key=lambda each: -each[0]))
    assert waiting.unkept == waiting.dropped == 0


@given(st.lists(st.integers(1, 250), min_size=1, max_size=20), st.integers(200, 20_000))
def test_beyond_the_limit_the_oldest_at_qos_0_are_dropped_and_counted(sizes: list[int], limit: int) -> None:
    waiting, sent = Waiting(limit), []
    for size in sizes:
        packets = [_packet(0, len(sent) + place) for place in range(size)]
        sent += packets
        _put(waiting, packets)
    _put(waiting, [_packet(1, 99_999)])
    dropped = waiting.dropped
    left = _taken(waiting)
    assert left == _packet(1, 99_999) + b"".join(sent[dropped:])
    assert len(left) - len(_packet(1, 99_999)) <= limit
    assert waiting.dropped == dropped


def test_where_nothing_may_be_dropped_qos_0_says_when_it_is_enough() -> None:
    waiting = Waiting(1_000, may_drop=False)
    _put(waiting, [_packet(0, number) for number in range(1_000)])
    assert waiting.full
    assert _taken(waiting).count(b"\x05") == 1_000
    assert not waiting.full
    assert waiting.dropped == 0


def test_qos_1_is_never_dropped_but_says_when_it_is_enough() -> None:
    waiting = Waiting(1_000)
    assert not waiting.full
    _put(waiting, [_packet(1, number) for number in range(1_000)])
    assert waiting.full
    assert _taken(waiting).count(b"\x05") == 1_000
    assert not waiting.full
    assert waiting.dropped == 0
