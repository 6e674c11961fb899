"""Which messages a connection had before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.engines.broker import copies
from andon.engines.broker.copies import Copies

TOPIC = "factory-plus/devices/a/data"


def test_a_second_copy_is_one_whether_the_first_is_acknowledged_or_not() -> None:
    had = Copies()
    assert not had.is_second(7, False, TOPIC, b"1")
    assert had.is_second(7, True, TOPIC, b"1")
    had.acknowledge(7)
    assert had.is_second(7, True, TOPIC, b"1")


def test_what_is_sent_again_after_a_connection_broke_is_new_to_the_next_one() -> None:
    assert not Copies().is_second(7, True, TOPIC, b"1")


@pytest.mark.parametrize(("topic", "payload"), [(TOPIC, b"2"), ("factory-plus/devices/b/data", b"1")])
def test_another_message_of_the_same_packet_id_is_new(topic: str, payload: bytes) -> None:
    had = Copies()
    had.is_second(7, False, TOPIC, b"1")
    had.acknowledge(7)
    assert not had.is_second(7, True, topic, payload)
    assert had.is_second(7, True, topic, payload), "and is known from then on"


def test_a_message_that_a_device_sends_twice_is_two_messages() -> None:
    had = Copies()
    had.is_second(7, False, TOPIC, b"on")
    had.acknowledge(7)
    assert not had.is_second(7, False, TOPIC, b"on")


def test_what_only_looks_like_an_old_message_is_taken_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(copies.time, "monotonic", lambda: now)
    had = Copies(forget_s=300)
    had.is_second(7, False, TOPIC, b"on")
    now += 3_000
    assert had.is_second(7, True, TOPIC, b"on"), "it is not acknowledged yet"
    had.acknowledge(7)
    now += 299
    assert had.is_second(7, True, TOPIC, b"on")
    now += 2
    assert not had.is_second(7, True, TOPIC, b"on")


@given(st.lists(st.tuples(st.integers(1, 65_535), st.binary(max_size=4)), max_size=30))
def test_packet_ids_do_not_disturb_each_other(messages: list[tuple[int, bytes]]) -> None:
    had = Copies()
    newest: dict[int, bytes] = {}
    for packet_id, payload in messages:
        assert had.is_second(packet_id, True, TOPIC, payload) == (newest.get(packet_id) == payload)
        newest[packet_id] = payload
