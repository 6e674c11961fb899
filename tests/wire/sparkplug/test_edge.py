"""The edge node keeps its word: every message has the shape and the order that Sparkplug B 3.0 wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.errors import PayloadError, SequenceError
from andon.wire.sparkplug.messages import State, rebirth_command, write_command
from andon.wire.sparkplug.model import Metric, Payload
from andon.wire.sparkplug.payload import decode, encode
from andon.wire.sparkplug.session import EdgeSession
from wire.sparkplug.plant import NOW_MS, edge, signals


def named(payload: Payload, name: str) -> Metric:
    return next(metric for metric in payload.metrics if metric.name == name)


def test_topics_nbirth_topic_and_topics_dbirth_topic() -> None:
    births = edge("press-1", "press-2").birth(NOW_MS)
    assert [message.topic for message in births] == [
        "spBv1.0/Plant/NBIRTH/edge-1",
        "spBv1.0/Plant/DBIRTH/edge-1/press-1",
        "spBv1.0/Plant/DBIRTH/edge-1/press-2",
    ]


def test_topics_nbirth_mqtt_and_the_others_are_qos_0_and_not_retained() -> None:
    session = edge("press-1")
    messages = [
        *session.birth(NOW_MS),
        session.data(None, {"Uptime": 1}, NOW_MS),
        session.data("press-1", {"Force": 1.0}, NOW_MS),
        *session.remove_device("press-1", NOW_MS),
    ]
    assert {(message.qos, message.retain) for message in messages} == {(0, False)}


def test_message_flow_edge_node_birth_publish_will_message() -> None:
    """…-topic, -payload, -payload-bdSeq, -qos and -will-retained; payloads-ndeath-seq: no seq."""
    will = EdgeSession("Plant", "edge-1", bd_seq=7).connect(NOW_MS)
    assert (will.topic, will.qos, will.retain) == ("spBv1.0/Plant/NDEATH/edge-1", 1, False)
    payload = decode(will.payload)
    assert [(metric.name, metric.datatype, metric.value) for metric in payload.metrics] == [
        ("bdSeq", DataType.INT64, 7)
    ]
    assert payload.seq is None


def test_topics_nbirth_bdseq_matching() -> None:
    session = EdgeSession("Plant", "edge-1", bd_seq=7)
    for _ in range(3):
        will = decode(session.connect(NOW_MS).payload)
        birth = decode(session.birth(NOW_MS)[0].payload)
        assert named(birth, "bdSeq").value == named(will, "bdSeq").value == session.bd_seq


def test_topics_nbirth_bdseq_increment() -> None:
    session = EdgeSession("Plant", "edge-1", bd_seq=254)
    numbers = []
    for _ in range(4):
        session.connect(NOW_MS)
        numbers.append(session.bd_seq)
    assert numbers == [254, 255, 0, 1]


def test_payloads_nbirth_bdseq_repeat() -> None:
    session = edge(bd_seq=3)
    assert [named(decode(session.birth(NOW_MS)[0].payload), "bdSeq").value for _ in range(3)] == [3, 3, 3]


def test_topics_nbirth_rebirth_metric() -> None:
    """operational-behavior-data-commands-rebirth-name, -name-aliases, -datatype and -value."""
    rebirth = named(decode(edge().birth(NOW_MS)[0].payload), "Node Control/Rebirth")
    assert (rebirth.datatype, rebirth.value, rebirth.alias) == (DataType.BOOLEAN, False, None)


def test_topics_nbirth_metric_reqs() -> None:
    """Every metric of a birth has a name, a data type, a time and its present value."""
    session = edge("press-1")
    for message in session.birth(NOW_MS):
        payload = decode(message.payload)
        assert payload.timestamp_ms == NOW_MS
        for metric in payload.metrics:
            assert metric.name
            assert metric.datatype
            assert metric.timestamp_ms
            assert metric.value is not None


def test_payloads_sequence_num_zero_nbirth() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    session.data("press-1", {"Force": 1.0}, NOW_MS)
    assert [decode(message.payload).seq for message in session.birth(NOW_MS)] == [0, 1]


def test_payloads_sequence_num_incrementing() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    numbers = [decode(session.data("press-1", {"Strokes": i}, NOW_MS).payload).seq for i in range(600)]
    assert numbers == [(i + 2) % 256 for i in range(600)]


def test_a_refused_value_takes_no_sequence_number() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    with pytest.raises(PayloadError, match="does not fit INT32"):
        session.data("press-1", {"Strokes": 2**40}, NOW_MS)
    assert decode(session.data("press-1", {"Strokes": 1}, NOW_MS).payload).seq == 2


def test_payloads_alias_uniqueness() -> None:
    births = [decode(message.payload) for message in edge("press-1", "press-2").birth(NOW_MS)]
    aliases = [metric.alias for payload in births for metric in payload.metrics if metric.alias is not None]
    assert len(aliases) == len(set(aliases)) == 5


def test_payloads_alias_data_cmd_requirement() -> None:
    """Data carry the alias alone, and (payloads-metric-datatype-not-req) no data type."""
    session = edge("press-1")
    born = named(decode(session.birth(NOW_MS)[1].payload), "Force")
    (metric,) = decode(session.data("press-1", {"Force": 3.5}, NOW_MS + 5).payload).metrics
    assert (metric.name, metric.alias, metric.datatype) == (None, born.alias, DataType.UNKNOWN)
    assert (metric.value, metric.timestamp_ms) == (3.5, NOW_MS + 5)


def test_message_flow_device_birth_publish_nbirth_wait() -> None:
    session = edge()
    assert session.add_device("press-1", signals(), NOW_MS) == []
    session.birth(NOW_MS)
    (late,) = session.add_device("press-2", signals(), NOW_MS)
    assert (late.topic, decode(late.payload).seq) == ("spBv1.0/Plant/DBIRTH/edge-1/press-2", 2)


def test_payloads_ndata_order_and_payloads_ddata_order() -> None:
    session = edge("press-1")
    for device in (None, "press-1"):
        with pytest.raises(SequenceError, match=r"birth\(\) comes before"):
            session.data(device, {}, NOW_MS)


def test_after_a_new_connection_the_birth_comes_first_again() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    session.connect(NOW_MS)
    with pytest.raises(SequenceError):
        session.data("press-1", {"Force": 1.0}, NOW_MS)


def test_the_will_comes_before_the_birth() -> None:
    session = EdgeSession("Plant", "edge-1")
    for step in (session.birth, session.death):
        with pytest.raises(SequenceError, match="connect"):
            step(NOW_MS)


def test_a_birth_carries_the_present_values() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    session.data("press-1", {"Force": 12.5}, NOW_MS + 1)
    session.update("press-1", {"Strokes": 9}, NOW_MS + 2)
    payload = decode(session.birth(NOW_MS + 3)[1].payload)
    assert [(m.value, m.timestamp_ms) for m in payload.metrics] == [(12.5, NOW_MS + 1), (9, NOW_MS + 2)]


def test_values_of_the_past_are_historical_and_not_the_present_ones() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    message = session.data("press-1", {"Force": 99.0}, NOW_MS, measured_ms=NOW_MS - 60_000)
    (metric,) = decode(message.payload).metrics
    assert (metric.is_historical, metric.timestamp_ms, metric.value) == (True, NOW_MS - 60_000, 99.0)
    assert named(decode(session.birth(NOW_MS)[1].payload), "Force").value == 0.0


def test_a_value_that_is_missing_travels_as_null() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    assert decode(session.data("press-1", {"Force": None}, NOW_MS).payload).metrics[0].is_null


def test_operational_behavior_device_ddeath() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    (death,) = session.remove_device("press-1", NOW_MS)
    assert death.topic == "spBv1.0/Plant/DDEATH/edge-1/press-1"
    assert (decode(death.payload).seq, decode(death.payload).timestamp_ms) == (2, NOW_MS)
    assert len(session.birth(NOW_MS)) == 1


def test_a_device_that_was_never_born_does_not_die() -> None:
    assert edge("press-1").remove_device("press-1", NOW_MS) == []


def test_operational_behavior_edge_node_intentional_disconnect_ndeath() -> None:
    session = edge(bd_seq=5)
    session.birth(NOW_MS)
    assert named(decode(session.death(NOW_MS).payload), "bdSeq").value == 5


def test_operational_behavior_data_commands_rebirth_action() -> None:
    session = edge("press-1")
    session.birth(NOW_MS)
    commands = session.command(None, rebirth_command("Plant", "edge-1", NOW_MS).payload)
    assert commands.rebirth
    assert commands.writes == {}


def test_operational_behavior_data_commands_dcmd_metric_name() -> None:
    session = edge("press-1")
    alias = named(decode(session.birth(NOW_MS)[1].payload), "Strokes").alias
    by_name = Metric("Strokes", datatype=DataType.INT32, value=-4)
    by_alias = Metric(alias=alias, datatype=DataType.INT32, value=-4)
    for metric in (by_name, by_alias):
        message = write_command("Plant", "edge-1", "press-1", [metric], NOW_MS)
        assert message.topic == "spBv1.0/Plant/DCMD/edge-1/press-1"
        assert session.command("press-1", message.payload) == (False, {"Strokes": -4})


@pytest.mark.parametrize(
    ("device", "metric"),
    [(None, Metric("Nothing", value=None)), (None, Metric(alias=77)), ("press-9", Metric("Force")), (None, Metric())],
)
def test_a_command_for_what_is_not_there_is_refused(device: str | None, metric: Metric) -> None:
    with pytest.raises(PayloadError, match="edge-1 has no"):
        edge("press-1").command(device, encode(Payload(NOW_MS, [metric])))


def test_a_rebirth_is_asked_for_with_true_alone() -> None:
    for value in (False, None):
        metric = Metric("Node Control/Rebirth", datatype=DataType.BOOLEAN, value=value)
        assert not edge().command(None, encode(Payload(NOW_MS, [metric]))).rebirth


def test_message_flow_edge_node_birth_publish_phid_wait() -> None:
    session = EdgeSession("Plant", "edge-1", host_id="andon")
    session.connect(NOW_MS)
    with pytest.raises(SequenceError, match="andon is not online"):
        session.birth(NOW_MS)
    assert session.host_state(State(True, NOW_MS)) == "came"
    assert session.birth(NOW_MS)


def test_operational_behavior_edge_node_termination_host_offline() -> None:
    session = EdgeSession("Plant", "edge-1", host_id="andon")
    session.connect(NOW_MS)
    assert session.host_state(State(False, NOW_MS)) is None
    assert session.host_state(State(True, NOW_MS + 1)) == "came"
    assert session.host_state(State(True, NOW_MS + 2)) is None
    assert session.host_state(State(False, NOW_MS + 2)) == "went"


def test_operational_behavior_edge_node_termination_host_offline_timestamp() -> None:
    session = EdgeSession("Plant", "edge-1", host_id="andon")
    session.connect(NOW_MS)
    session.host_state(State(True, NOW_MS))
    assert session.host_state(State(False, NOW_MS - 1)) is None
    assert session.may_be_born


@pytest.mark.parametrize("names", [["a", "a"], [""], [None], ["bdSeq"], ["Node Control/Rebirth"]])
def test_metric_names_are_unique_and_not_reserved(names: list[str | None]) -> None:
    with pytest.raises(PayloadError, match="metric name"):
        EdgeSession("Plant", "edge-1", [Metric(name, datatype=DataType.INT32, value=1) for name in names])


def test_a_present_value_that_does_not_fit_is_refused_at_once() -> None:
    session = edge("press-1")
    with pytest.raises(PayloadError, match="does not fit"):
        session.update("press-1", {"Force": "strong"}, NOW_MS)
    with pytest.raises(PayloadError, match="no metric 'Colour'"):
        session.update("press-1", {"Colour": 1}, NOW_MS)
    assert session.birth(NOW_MS)


STEPS = st.lists(st.sampled_from(["connect", "birth", "data", "node data", "add", "remove", "refused"]), max_size=60)


@given(STEPS)
def test_payloads_sequence_num_always_included(steps: list[str]) -> None:
    """Whatever happens in whatever order: after an NBIRTH with 0 each message has the next number."""
    session = edge("press-1")
    expected = None
    for step in steps:
        sent = []
        try:
            match step:
                case "connect":
                    session.connect(NOW_MS)
                case "birth":
                    sent, expected = session.birth(NOW_MS), 0
                case "data":
                    sent = [session.data("press-1", {"Force": 1.0}, NOW_MS)]
                case "node data":
                    sent = [session.data(None, {"Uptime": 2}, NOW_MS)]
                case "add":
                    sent = session.add_device("press-1", signals(), NOW_MS)
                case "remove":
                    sent = session.remove_device("press-1", NOW_MS)
                case "refused":
                    session.data(None, {"Uptime": "long"}, NOW_MS)
        except (SequenceError, PayloadError):
            continue
        for message in sent:
            assert expected is not None
            assert decode(message.payload).seq == expected
            expected = (expected + 1) % 256
