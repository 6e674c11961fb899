from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from andon.simulator.outbox import Outbox, Outgoing


def message(number: int, at: float = 0.0, size: int = 10) -> Outgoing:
    return Outgoing(f"t/{number:02}", b"x" * size, False, at)


def send_all(outbox: Outbox, first_id: int = 1) -> list[str]:
    topics = []
    while (taken := outbox.take()) is not None:
        outbox.sent(first_id + len(topics), taken)
        topics.append(taken.topic)
    return topics


def test_messages_leave_in_order_and_only_as_many_as_the_window_holds() -> None:
    outbox = Outbox(60, 1 << 20, window=3)
    for number in range(5):
        outbox.put(message(number))
    assert send_all(outbox) == ["t/00", "t/01", "t/02"]
    outbox.settle(2)
    assert send_all(outbox, 4) == ["t/03"]


def test_what_was_not_acknowledged_is_sent_again_first() -> None:
    outbox = Outbox(60, 1 << 20, window=3)
    for number in range(4):
        outbox.put(message(number))
    send_all(outbox)
    outbox.settle(1)
    outbox.connection_lost()
    outbox.window = 10
    assert send_all(outbox) == ["t/01", "t/02", "t/03"]


def test_over_the_byte_limit_the_oldest_messages_go() -> None:
    outbox = Outbox(60, 10 * message(0).size, window=5)
    for number in range(25):
        outbox.put(message(number))
    assert outbox.dropped == 15
    outbox.window = 100
    assert send_all(outbox) == [f"t/{number:02}" for number in range(15, 25)]


def test_messages_older_than_the_age_limit_go() -> None:
    outbox = Outbox(60, 1 << 20, window=100)
    for number in range(100):
        outbox.put(message(number, at=float(number)))
    assert outbox.dropped == 39
    assert send_all(outbox)[0] == "t/39"


def test_an_acknowledgement_that_nobody_waits_for_changes_nothing() -> None:
    outbox = Outbox(60, 1 << 20, window=1)
    outbox.settle(9)
    assert (len(outbox), outbox.acknowledged, outbox.bytes) == (0, 0, 0)


@given(st.lists(st.sampled_from(["put", "send", "ack", "lose"]), max_size=80))
def test_whatever_happens_nothing_vanishes_unless_it_is_counted(events: list[str]) -> None:
    outbox = Outbox(60, 20 * message(0).size, window=4)
    put, ids, next_id = 0, [], 1
    for event in events:
        if event == "put":
            outbox.put(message(put % 10))
            put += 1
        elif event == "send" and (taken := outbox.take()) is not None:
            outbox.sent(next_id, taken)
            ids.append(next_id)
            next_id += 1
        elif event == "ack" and ids:
            outbox.settle(ids.pop(0))
        elif event == "lose":
            outbox.connection_lost()
            ids.clear()
        assert put == len(outbox) + outbox.acknowledged + outbox.dropped
        assert outbox.bytes == len(outbox) * message(0).size <= 20 * message(0).size
