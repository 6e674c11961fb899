"""The host's side: births, order, gaps, deaths and rebirths, decision by decision."""

from __future__ import annotations

import pytest

from andon.kit.quality import Quality
from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.messages import (
    State,
    decode_state,
    encode_state,
    host_birth,
    host_will,
    rebirth_command,
)
from andon.wire.sparkplug.model import Metric, Payload, Property
from andon.wire.sparkplug.payload import decode, encode
from andon.wire.sparkplug.session import Born, Data, Died, HostSession, Ignored, RebirthWanted, SessionLimits
from wire.sparkplug.plant import NOW, NOW_MS, SECOND, edge, signals, tell, tell_all, values


def host_of(limits: SessionLimits | None = None, **births: list[Metric]) -> HostSession:
    """A host that has seen the birth of a node and of devices with these metrics."""
    host = HostSession(limits)
    host.receive("NBIRTH", None, encode(Payload(NOW_MS, [bd_seq(0)], 0)), NOW)
    for seq, (device, metrics) in enumerate(births.items(), start=1):
        host.receive("DBIRTH", device, encode(Payload(NOW_MS, metrics, seq)), NOW)
    return host


def bd_seq(number: int) -> Metric:
    return Metric("bdSeq", datatype=DataType.INT64, value=number)


def ddata(seq: int | None, *metrics: Metric, at: int | None = NOW_MS) -> bytes:
    return encode(Payload(at, list(metrics), seq))


def force(value: float, **more: object) -> Metric:
    return Metric("Force", datatype=DataType.DOUBLE, value=value, **more)  # type: ignore[arg-type]


def test_a_birth_tells_the_metrics_with_unit_and_range() -> None:
    host, node = HostSession(), edge("press-1")
    born = [event for event in tell_all(host, node.birth(NOW_MS)) if isinstance(event, Born)]
    assert [event.device_id for event in born] == [None, "press-1"]
    force_of, strokes = born[1].definitions
    assert (force_of.name, force_of.eng_unit, force_of.eng_low, force_of.eng_high) == ("Force", "kN", 0.0, 800.0)
    assert (force_of.kind, strokes.kind, strokes.eng_unit) == ("number", "number", None)
    assert [definition.is_control for definition in born[0].definitions] == [True, True, False]
    assert host.online
    assert host.in_sync
    assert host.devices == ["press-1"]


def test_data_are_readings_with_time_value_and_quality() -> None:
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    (data,) = tell(host, node.data("press-1", {"Force": 12.5, "Strokes": -3}, NOW_MS + 7))
    assert isinstance(data, Data)
    assert (data.device_id, data.in_sync, data.rejected) == ("press-1", True, [])
    assert [(r[0].name, *r[1:]) for r in data.readings] == [
        ("Force", (NOW_MS + 7) * 1000, 12.5, Quality.GOOD, False),
        ("Strokes", (NOW_MS + 7) * 1000, -3, Quality.GOOD, False),
    ]


def test_what_the_application_binds_to_a_metric_comes_with_its_readings() -> None:
    host, node = HostSession(), edge("press-1")
    born = tell_all(host, node.birth(NOW_MS))[-1]
    assert isinstance(born, Born)
    for number, definition in enumerate(born.definitions):
        definition.binding = 100 + number
    (data,) = tell(host, node.data("press-1", {"Strokes": 1}, NOW_MS))
    assert isinstance(data, Data)
    assert data.readings[0][0].binding == 101


def test_a_metric_without_a_time_has_that_of_its_message() -> None:
    host = host_of(press=signals())
    (data,) = host.receive("DDATA", "press", ddata(2, force(1.0)), NOW)
    assert isinstance(data, Data)
    assert data.readings[0][1] == NOW
    (data,) = host.receive("DDATA", "press", ddata(3, force(1.0), at=None), NOW)
    assert isinstance(data, Data)
    assert data.readings[0][1] is None


def test_null_is_bad_and_the_quality_property_counts() -> None:
    host = host_of(press=signals())
    stale = {"Quality": Property(DataType.INT32, 500)}
    payload = ddata(2, force(1.0, properties=stale), Metric("Strokes", datatype=DataType.INT32, value=None))
    (data,) = host.receive("DDATA", "press", payload, NOW)
    assert isinstance(data, Data)
    assert [(r[2], r[3]) for r in data.readings] == [(1.0, Quality.STALE), (None, Quality.BAD)]


def test_the_first_readings_of_a_birth_carry_their_quality() -> None:
    host = HostSession()
    stale = {"Quality": Property(DataType.INT32, 500)}
    metrics = [
        force(1.0, properties=stale),
        Metric("Strokes", datatype=DataType.INT32, value=None),
        Metric("Old", datatype=DataType.INT32, value=1, is_historical=True),
    ]
    (born,) = host.receive("NBIRTH", None, encode(Payload(NOW_MS, metrics, 0)), NOW)
    assert isinstance(born, Born)
    assert [(r[3], r[4]) for r in born.readings] == [
        (Quality.STALE, False),
        (Quality.BAD, False),
        (Quality.GOOD, True),
    ]


def test_one_bad_value_does_not_take_the_others_with_it() -> None:
    host = host_of(press=[force(0.0), Metric("Small", datatype=DataType.INT8, value=0)])
    payload = ddata(
        2, Metric("Small", datatype=DataType.INT32, value=300), force(2.0), Metric("Small", datatype=12, value="x")
    )
    (data,) = host.receive("DDATA", "press", payload, NOW)
    assert isinstance(data, Data)
    assert values([data]) == [("press", "Force", 2.0)]
    assert [(one.metric, one.reason) for one in data.rejected] == [("Small", "out_of_range"), ("Small", "wrong_type")]


def test_a_time_after_the_year_9999_is_refused() -> None:
    host = host_of(press=signals())
    payload = ddata(2, force(1.0, timestamp_ms=2**63), force(2.0))
    (data,) = host.receive("DDATA", "press", payload, NOW)
    assert isinstance(data, Data)
    assert values([data]) == [("press", "Force", 2.0)]
    assert data.rejected[0].reason == "invalid_timestamp"


def test_broken_bytes_are_an_error_and_change_nothing() -> None:
    host = host_of(press=signals())
    for kind in ("NBIRTH", "NDEATH", "DBIRTH", "DDATA", "NDATA", "DDEATH"):
        with pytest.raises(PayloadError):
            host.receive(kind, "press", b"\xff\xff", NOW)  # type: ignore[arg-type]
    assert values(host.receive("DDATA", "press", ddata(2, force(1.0)), NOW)) == [("press", "Force", 1.0)]


def test_a_birth_metric_without_name_or_with_a_taken_alias_is_reported() -> None:
    host = HostSession()
    metrics = [
        force(1.0, alias=1),
        Metric("Torque", 1, datatype=DataType.DOUBLE, value=2.0),
        Metric(alias=5, value=1, datatype=3),
    ]
    (born,) = host.receive("NBIRTH", None, encode(Payload(NOW_MS, metrics, 0)), NOW)
    assert isinstance(born, Born)
    assert [one.reason for one in born.rejected] == ["duplicate_alias", "missing_name"]
    (data,) = host.receive("NDATA", None, ddata(1, Metric(alias=1, datatype=DataType.DOUBLE, value=9.0)), NOW)
    assert values([data]) == [(None, "Force", 9.0)]


# Before the birth, and what nobody announced


def test_data_before_any_birth_ask_for_a_rebirth() -> None:
    assert HostSession().receive("DDATA", "press", ddata(7, force(1.0)), NOW) == [
        Ignored("not_born", "DDATA before NBIRTH"),
        RebirthWanted("not_born"),
    ]


def test_data_of_an_unborn_device_ask_for_a_rebirth() -> None:
    ignored, wanted = host_of().receive("DDATA", "press", ddata(1, force(1.0)), NOW)
    assert isinstance(ignored, Ignored)
    assert wanted == RebirthWanted("unknown_device")


def test_an_unknown_alias_asks_for_a_rebirth_and_the_rest_is_taken() -> None:
    host = host_of(press=signals())
    payload = ddata(2, Metric(alias=99, datatype=DataType.INT32, value=1), force(3.0))
    events = host.receive("DDATA", "press", payload, NOW)
    assert values(events) == [("press", "Force", 3.0)]
    assert events[-1] == RebirthWanted("unknown_metric")


def test_payloads_sequence_num_always_included() -> None:
    host = host_of(press=signals())
    events = host.receive("DDATA", "press", ddata(None, force(3.0)), NOW)
    assert values(events) == [("press", "Force", 3.0)]
    assert events[-1] == RebirthWanted("missing_seq")


def test_commands_of_hosts_are_none_of_the_hosts_business() -> None:
    assert HostSession().receive("NCMD", None, rebirth_command("Plant", "edge-1", NOW_MS).payload, NOW) == []


# Order


def test_the_sequence_goes_on_from_255_to_0() -> None:
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    for i in range(600):
        (data,) = tell(host, node.data("press-1", {"Strokes": i}, NOW_MS))
        assert isinstance(data, Data)
        assert data.in_sync


def test_operational_behavior_host_reordering_success() -> None:
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    one, two, three = (node.data("press-1", {"Strokes": i}, NOW_MS) for i in (1, 2, 3))
    assert tell(host, three) == []
    assert tell(host, two) == []
    assert not host.in_sync
    assert [value for _, _, value in values(tell(host, one))] == [1, 2, 3]
    assert host.in_sync
    assert host.due(NOW + 60 * SECOND) == []


def test_operational_behavior_host_reordering_rebirth() -> None:
    host, node = HostSession(SessionLimits(reorder_timeout_s=2)), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    node.data("press-1", {"Strokes": 1}, NOW_MS)
    assert tell(host, node.data("press-1", {"Strokes": 2}, NOW_MS)) == []
    assert host.due(NOW + 2 * SECOND - 1) == []
    events = host.due(NOW + 2 * SECOND)
    assert values(events) == [("press-1", "Strokes", 2)]
    assert events[-1] == RebirthWanted("sequence_gap")
    assert not host.in_sync


def test_operational_behavior_host_reordering_param_of_zero_does_not_wait() -> None:
    host, node = HostSession(SessionLimits(reorder_timeout_s=0)), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    node.data("press-1", {"Strokes": 1}, NOW_MS)
    events = tell(host, node.data("press-1", {"Strokes": 2}, NOW_MS))
    assert values(events) == [("press-1", "Strokes", 2)]
    assert events[-1] == RebirthWanted("sequence_gap")


def test_after_a_gap_the_data_go_on_and_say_so() -> None:
    host, node = HostSession(SessionLimits(reorder_timeout_s=0)), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    node.data("press-1", {"Strokes": 1}, NOW_MS)
    tell(host, node.data("press-1", {"Strokes": 2}, NOW_MS))
    (data,) = tell(host, node.data("press-1", {"Strokes": 3}, NOW_MS))
    assert isinstance(data, Data)
    assert not data.in_sync
    tell_all(host, node.birth(NOW_MS))
    (data,) = tell(host, node.data("press-1", {"Strokes": 4}, NOW_MS))
    assert isinstance(data, Data)
    assert data.in_sync


def test_late_data_are_taken_and_a_late_birth_is_not() -> None:
    host, node = HostSession(SessionLimits(reorder_timeout_s=0)), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    late_birth = node.add_device("press-2", signals(), NOW_MS)[0]
    late_data = node.data("press-1", {"Strokes": 1}, NOW_MS)
    tell(host, node.data("press-1", {"Strokes": 2}, NOW_MS))
    assert values(tell(host, late_data)) == [("press-1", "Strokes", 1)]
    (ignored,) = tell(host, late_birth)
    assert isinstance(ignored, Ignored)
    assert ignored.reason == "late"
    assert host.devices == ["press-1"]


def test_only_so_many_messages_are_held() -> None:
    host, node = HostSession(SessionLimits(max_held=3)), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    node.data("press-1", {"Strokes": 0}, NOW_MS)
    events = tell_all(host, [node.data("press-1", {"Strokes": i}, NOW_MS) for i in range(1, 5)])
    assert [value for _, _, value in values(events)] == [1, 2, 3, 4]
    assert events[-1] == RebirthWanted("sequence_gap")


def test_a_lost_device_birth_does_not_give_its_aliases_to_others() -> None:
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    node.add_device("press-2", signals(), NOW_MS)
    tell(host, node.data("press-2", {"Force": 5.0}, NOW_MS))
    events = host.due(NOW + 10 * SECOND)
    assert values(events) == []
    assert RebirthWanted("unknown_device") in events


# Deaths


def test_operational_behavior_edge_node_termination_host_action_ndeath() -> None:
    """…-node-offline, -node-tags-stale, -devices-offline, -devices-tags-stale"""
    host, node = HostSession(), edge("press-1", "press-2")
    tell_all(host, node.birth(NOW_MS))
    assert tell(host, node.death(NOW_MS)) == [Died([None, "press-1", "press-2"])]
    assert (host.online, host.devices) == (False, [])
    assert tell(host, node.data("press-1", {"Force": 1.0}, NOW_MS))[-1] == RebirthWanted("not_born")


def test_payloads_ndeath_bdseq() -> None:
    """The will of an earlier connection that comes after the new birth kills nobody."""
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    old_will = node.death(NOW_MS)
    node.connect(NOW_MS)
    tell_all(host, node.birth(NOW_MS))
    (ignored,) = tell(host, old_will)
    assert isinstance(ignored, Ignored)
    assert ignored.reason == "stale_death"
    assert host.online


def test_operational_behavior_edge_node_termination_host_action_ddeath() -> None:
    """…-devices-offline and -devices-tags-stale, of this device alone."""
    host, node = HostSession(), edge("press-1", "press-2")
    tell_all(host, node.birth(NOW_MS))
    assert tell_all(host, node.remove_device("press-1", NOW_MS)) == [Died(["press-1"])]
    assert host.devices == ["press-2"]
    assert host.in_sync


def test_a_second_death_is_no_news() -> None:
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    tell(host, node.death(NOW_MS))
    (ignored,) = tell(host, node.death(NOW_MS))
    assert isinstance(ignored, Ignored)
    assert ignored.reason == "already_dead"


def test_messages_that_wait_for_another_are_not_lost_when_the_node_dies() -> None:
    host, node = HostSession(), edge("press-1")
    tell_all(host, node.birth(NOW_MS))
    node.data("press-1", {"Strokes": 1}, NOW_MS)
    tell(host, node.data("press-1", {"Strokes": 2}, NOW_MS))
    events = tell(host, node.death(NOW_MS))
    assert values(events) == [("press-1", "Strokes", 2)]
    assert events[-1] == Died([None, "press-1"])


def test_a_device_that_does_not_come_back_after_a_rebirth_is_dead() -> None:
    host, node = HostSession(SessionLimits(birth_grace_s=10)), edge("press-1", "press-2")
    tell_all(host, node.birth(NOW_MS))
    births = node.birth(NOW_MS)
    tell_all(host, births[:2])
    assert host.due(NOW + 10 * SECOND - 1) == []
    assert host.due(NOW + 10 * SECOND) == [Died(["press-2"])]
    assert host.due(NOW + 20 * SECOND) == []


# Rebirths


def test_a_rebirth_is_asked_for_once_then_ever_more_rarely() -> None:
    host = HostSession(SessionLimits(rebirth_interval_s=60, rebirth_interval_max_s=200))
    asked = []
    for second in range(1_000):
        events = host.receive("DDATA", "press", ddata(second % 256, force(1.0)), NOW + second * SECOND)
        events += host.due(NOW + second * SECOND)
        asked += [second for event in events if isinstance(event, RebirthWanted)]
    assert asked == [0, 60, 180, 380, 580, 780, 980]


def test_a_rebirth_that_got_lost_is_asked_for_again_without_new_data() -> None:
    host = HostSession(SessionLimits(rebirth_interval_s=60))
    host.receive("DDATA", "press", ddata(0, force(1.0)), NOW)
    assert host.due(NOW + 59 * SECOND) == []
    assert host.due(NOW + 60 * SECOND) == [RebirthWanted("not_born")]


def test_a_birth_ends_the_asking_and_so_does_a_death() -> None:
    host, node = HostSession(), edge("press-1")
    node.birth(NOW_MS)
    tell(host, node.data("press-1", {"Force": 1.0}, NOW_MS))
    tell_all(host, node.birth(NOW_MS))
    assert host.due(NOW + 3_600 * SECOND) == []


def test_the_rebirth_command_is_as_the_standard_wants_it() -> None:
    """operational-behavior-data-commands-ncmd-rebirth-verb, -name, -value; payloads-ncmd-seq, -qos, -retain"""
    message = rebirth_command("Plant", "edge-1", NOW_MS)
    assert (message.topic, message.qos, message.retain) == ("spBv1.0/Plant/NCMD/edge-1", 0, False)
    payload = decode(message.payload)
    (metric,) = payload.metrics
    assert (payload.timestamp_ms, payload.seq) == (NOW_MS, None)
    assert (metric.name, metric.datatype, metric.value) == ("Node Control/Rebirth", DataType.BOOLEAN, True)


# Limits


def test_a_node_may_have_only_so_many_metrics() -> None:
    many = [Metric(f"m{i}", i, datatype=DataType.INT32, value=i) for i in range(5)]
    host = host_of(SessionLimits(max_metrics=3))  # bdSeq is the first of them
    born, ignored = host.receive("DBIRTH", "press", encode(Payload(NOW_MS, many, 1)), NOW)
    assert isinstance(born, Born)
    assert [definition.name for definition in born.definitions] == ["m0", "m1"]
    assert ignored == Ignored("too_many_metrics", "3 metrics over the limit of a node (max_metrics)")


def test_the_same_device_born_again_does_not_count_twice() -> None:
    host = host_of(SessionLimits(max_metrics=3), press=signals())
    for seq in range(2, 12):
        (event,) = host.receive("DBIRTH", "press", encode(Payload(NOW_MS, signals(), seq)), NOW)
        assert isinstance(event, Born)
        assert len(event.definitions) == 2


def test_a_node_may_have_only_so_many_devices() -> None:
    host = host_of(SessionLimits(max_devices=2), a=signals(), b=signals())
    (ignored,) = host.receive("DBIRTH", "c", encode(Payload(NOW_MS, signals(), 3)), NOW)
    assert isinstance(ignored, Ignored)
    assert ignored.reason == "too_many_devices"
    assert host.devices == ["a", "b"]


# STATE of the host


def test_host_topic_phid_birth() -> None:
    """…-qos, -retain, -topic, -payload, -payload-timestamp"""
    birth = host_birth("andon", NOW_MS)
    assert (birth.topic, birth.qos, birth.retain) == ("spBv1.0/STATE/andon", 1, True)
    assert birth.payload == b'{"online":true,"timestamp":%d}' % NOW_MS


def test_host_topic_phid_death() -> None:
    """…-qos, -retain, -topic, -payload, -payload-connect: the will has the time of its birth"""
    will = host_will("andon", NOW_MS)
    assert (will.topic, will.qos, will.retain) == ("spBv1.0/STATE/andon", 1, True)
    assert decode_state(will.payload) == State(False, decode_state(host_birth("andon", NOW_MS).payload).timestamp)


@pytest.mark.parametrize("payload", [b"", b"ONLINE", b"{}", b'{"online":1,"timestamp":1}', b'{"online":true}', b"\xff"])
def test_a_state_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError, match="STATE"):
        decode_state(payload)


def test_a_state_comes_back_as_it_was_sent() -> None:
    assert decode_state(encode_state(True, NOW_MS)) == State(True, NOW_MS)
