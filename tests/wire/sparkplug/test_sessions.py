"""Edge node and host together over a network that loses, repeats and swaps messages."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.messages import Outgoing
from andon.wire.sparkplug.model import Metric, Payload
from andon.wire.sparkplug.payload import encode
from andon.wire.sparkplug.session import Data, HostSession, RebirthWanted, SessionLimits
from wire.sparkplug.plant import NOW, NOW_MS, SECOND, edge, signals, tell, tell_all, values

COUNT = 40
FATES = st.lists(
    st.sampled_from(["arrives", "arrives", "arrives", "lost", "twice", "late"]), min_size=COUNT, max_size=COUNT
)


def network(messages: list[Outgoing], fates: list[str]) -> list[Outgoing]:
    """What comes out at the other end."""
    out: list[Outgoing] = []
    late: list[Outgoing] = []
    for message, fate in zip(messages, fates, strict=True):
        if fate == "late":
            late.append(message)
            continue
        if fate != "lost":
            out += [message] * (2 if fate == "twice" else 1)
            out += late
            late = []
    return out + late


@given(st.permutations(range(20)))
def test_any_order_within_the_reorder_timeout_is_put_right(order: list[int]) -> None:
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    messages = [node.data("press-1", {"Strokes": i}, NOW_MS + i) for i in range(20)]
    events = tell_all(host, [messages[i] for i in order])
    assert [value for _, _, value in values(events)] == list(range(20))
    assert all(isinstance(event, Data) and event.in_sync for event in events)
    assert host.in_sync


@given(FATES)
@settings(max_examples=60)
def test_what_arrives_is_taken_and_a_loss_leads_to_a_rebirth_that_heals(fates: list[str]) -> None:
    host, node = HostSession(SessionLimits(reorder_timeout_s=2)), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    messages = [node.data("press-1", {"Strokes": i}, NOW_MS + i) for i in range(COUNT)]
    arriving = network(messages, fates)
    events = tell_all(host, arriving)
    events += host.due(NOW + 2 * SECOND)

    taken = {value for _, _, value in values(events)}
    assert taken == {i for i, fate in enumerate(fates) if fate != "lost"}
    gaps = any(fate == "lost" for fate in fates[: _last_arrival(fates)])
    if gaps:
        assert any(isinstance(event, RebirthWanted) for event in events)
    if any(isinstance(event, RebirthWanted) for event in events):
        tell_all(host, node.birth(NOW_MS))
    final = tell(host, node.data("press-1", {"Strokes": -1}, NOW_MS), NOW + 3 * SECOND)
    if _last_arrival(fates) == COUNT or gaps:
        assert values(final) == [("press-1", "Strokes", -1)]
        assert host.in_sync


def _last_arrival(fates: list[str]) -> int:
    return max((i + 1 for i, fate in enumerate(fates) if fate != "lost"), default=0)


KINDS = ["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"]
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from("ab"), st.integers(0, 255), st.integers(0, 3)), max_size=40
)


@given(STEPS)
def test_a_host_survives_a_node_gone_mad_and_understands_its_next_birth(steps: list[tuple[str, str, int, int]]) -> None:
    host = HostSession(SessionLimits(max_held=4))
    now = NOW
    for kind, device, seq, seconds in steps:
        now += seconds * SECOND
        metrics = [Metric("bdSeq", datatype=DataType.INT64, value=seconds), *signals()]
        device_id = None if kind.startswith("N") else device
        events = host.receive(kind, device_id, encode(Payload(NOW_MS, metrics, seq)), now)  # type: ignore[arg-type]
        assert len(events) <= 4 + 2 * 4, "more came out than can have been held"
        host.due(now)
    node = edge("press-1")
    tell_all(host, node.birth(NOW_MS), now)
    assert host.in_sync
    assert host.devices == ["press-1"]
    assert values(tell(host, node.data("press-1", {"Force": 2.0}, NOW_MS), now)) == [("press-1", "Force", 2.0)]
