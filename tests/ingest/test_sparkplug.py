"""The host application: births, data, deaths, gaps, devices that are known and that are not.

Tests named `tck_…` show the normative statement of Sparkplug 3.0 with that id.
"""

from __future__ import annotations

from typing import Any

import pytest

from andon.ingest.adoption import Adoption
from andon.kit.clock import now_us
from andon.kit.limits import Limits
from andon.kit.quality import Quality
from andon.registry.model import DeviceChanges, NewDevice
from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.messages import Outgoing, decode_state
from andon.wire.sparkplug.model import Metric, Payload, Property
from andon.wire.sparkplug.payload import decode, encode
from andon.wire.sparkplug.session import EdgeSession

from .conftest import MakePlant, Plant

GROUP, NODE = "Plant", "edge-1"


def now_ms() -> int:
    return now_us() // 1_000


def metric(name: str, value: Any, datatype: DataType = DataType.DOUBLE, **properties: Any) -> Metric:
    typed = {
        key: Property(DataType.STRING if isinstance(item, str) else DataType.DOUBLE, item)
        for key, item in properties.items()
    }
    return Metric(name, datatype=datatype, value=value, properties=typed)


class Edge:
    """An edge node with one device, and what the host sends it."""

    def __init__(self, plant: Plant, monkeypatch: pytest.MonkeyPatch, device: str, metrics: list[Metric]) -> None:
        self.plant = plant
        self.sent: list[Outgoing] = []
        self.session = EdgeSession(GROUP, NODE)
        self.session.connect(now_ms())
        self.device = device
        self.session.add_device(device, metrics, now_ms())
        monkeypatch.setattr(plant.ingest.sparkplug, "_publish", self.sent.append)

    def publish(self, *messages: Outgoing) -> None:
        for message in messages:
            self.plant.send(message.topic, message.payload, qos=0)

    def born(self) -> None:
        self.publish(*self.session.birth(now_ms()))

    def data(self, **values: Any) -> Outgoing:
        return self.session.data(self.device, values, now_ms())

    def rebirths(self) -> list[Outgoing]:
        return [message for message in self.sent if "/NCMD/" in message.topic]


PRESS = [
    metric("force", 12.5, engUnit="kn", engLow=0.0, engHigh=800.0),
    metric("running", True, DataType.BOOLEAN),
    metric("strokes", 7, DataType.UINT64),
    metric("recipe", "A", DataType.STRING),
]


@pytest.fixture
def press(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> Edge:
    """The demo's press, which is registered without tags."""
    return Edge(plant, monkeypatch, "press-1", PRESS)


async def test_a_birth_gives_a_known_device_its_tags_with_units_and_range(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    tags = {tag.name: tag for tag in plant.device("press-1").tags}
    assert {name: tag.kind for name, tag in tags.items()} == {
        "force": "number",
        "running": "boolean",
        "strokes": "number",
        "recipe": "text",
    }
    assert tags["force"].unit == "kn"
    assert tags["force"].limits == Limits(normal_min=0, normal_max=800)
    assert tags["strokes"].decimals == 0


async def test_the_values_of_the_birth_and_of_data_are_stored(plant: Plant, press: Edge) -> None:
    press.born()
    press.publish(press.data(force=13.5, running=False, strokes=8, recipe="B"))
    assert await plant.values("press-1", "force") == [12.5, 13.5]
    assert await plant.values("press-1", "running") == [1, 0]
    assert await plant.values("press-1", "strokes") == [7, 8]
    assert await plant.values("press-1", "recipe") == ["A", "B"]
    assert await plant.letters() == []


async def test_historical_data_keep_their_time(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    press.publish(press.session.data("press-1", {"force": 1.0}, now_ms(), measured_ms=1_400_000_000_000))
    rows = await plant.rows()
    assert rows[-1][1] == 1_400_000_000_000_000


async def test_a_death_of_the_node_marks_the_last_values_stale(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    press.publish(press.session.death(now_ms()))
    stale = [row for row in await plant.rows() if row[3] == Quality.STALE]
    assert {row[2] for row in stale} == {12.5, 1.0, 7.0, "A"}


async def test_a_death_of_the_device_marks_the_last_values_stale(plant: Plant, press: Edge) -> None:
    press.born()
    press.publish(press.data(force=99.0))
    await plant.settle()
    press.publish(*press.session.remove_device("press-1", now_ms()))
    stale = [row[2] for row in await plant.rows() if row[3] == Quality.STALE]
    assert 99.0 in stale


async def test_a_death_of_an_earlier_connection_changes_nothing(plant: Plant, press: Edge) -> None:
    old_will = press.session.death(now_ms())
    press.session.connect(now_ms())
    press.born()
    await plant.settle()
    press.publish(old_will)
    assert [row for row in await plant.rows() if row[3] == Quality.STALE] == []
    assert await plant.letters() == []


async def test_data_before_the_birth_ask_for_a_rebirth_and_are_kept_as_a_letter(plant: Plant, press: Edge) -> None:
    press.session.birth(now_ms())  # never arrives
    press.publish(press.data(force=1.0))
    (command,) = press.rebirths()
    assert command.topic == f"spBv1.0/{GROUP}/NCMD/{NODE}"
    (asked,) = decode(command.payload).metrics
    assert (asked.name, asked.value) == ("Node Control/Rebirth", True)
    assert await plant.reasons() == ["not_born"]


async def test_such_a_letter_can_be_replayed_after_the_birth(plant: Plant, press: Edge) -> None:
    press.session.birth(now_ms())
    press.publish(press.data(force=1.5))
    await plant.settle()
    press.born()
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    result = await plant.ingest.replay(plant.organisation, [letter.id])
    assert result.failed == []
    assert 1.5 in await plant.values("press-1", "force")


async def test_births_and_deaths_cannot_be_replayed(plant: Plant, press: Edge) -> None:
    birth = press.session.birth(now_ms())[0]
    press.publish(Outgoing(birth.topic, b"\xff", 0, False))
    await plant.settle()
    (letter,) = await plant.ingest.dead_letters.recent(plant.organisation)
    result = await plant.ingest.replay(plant.organisation, [letter.id])
    assert "births" in result.failed[0][1]


async def test_a_gap_that_is_not_filled_asks_for_a_rebirth(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    press.data(force=1.0)  # lost
    press.publish(press.data(force=2.0))
    assert press.rebirths() == []
    plant.ingest.sparkplug.tick(now_us() + 5_000_000)
    assert len(press.rebirths()) == 1
    assert (await plant.values("press-1", "force"))[-1] == 2.0


async def test_an_unknown_device_is_discovered_with_its_signals(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Edge(plant, monkeypatch, "drill-1", PRESS)
    edge.born()
    edge.publish(edge.data(force=20.0))
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert (found.device_id, found.protocol, found.topic) == ("drill-1", "sparkplug", f"spBv1.0/{GROUP}/{NODE}/drill-1")
    assert {name: signal.kind for name, signal in found.signals.items()} == {
        "force": "number",
        "running": "boolean",
        "strokes": "number",
        "recipe": "text",
    }
    assert found.signals["force"].suggested() == Limits(normal_min=0, normal_max=800)
    assert found.signals["force"].last == 20.0


async def test_an_adopted_device_is_live_at_once(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Edge(plant, monkeypatch, "drill-1", PRESS)
    edge.born()
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    device = await plant.ingest.adopt(plant.admin, found.key, Adoption(name="Drill"))
    assert device.protocol == "sparkplug"
    edge.publish(edge.data(force=30.0))
    assert await plant.values("drill-1", "force") == [12.5, 30.0]
    assert len(edge.rebirths()) == 1


async def test_a_device_registered_by_hand_is_found_too(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Edge(plant, monkeypatch, "drill-1", PRESS)
    edge.born()
    plant.registry.create_device(plant.organisation, NewDevice("drill-1", "drill", protocol="sparkplug"), plant.admin)
    plant.ingest.sparkplug.tick(now_us())
    await plant.settle()
    edge.publish(edge.data(force=30.0))
    assert await plant.values("drill-1", "force") == [30.0]


async def test_two_nodes_with_a_device_of_the_same_id_are_not_mixed(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    other = EdgeSession(GROUP, "edge-2")
    other.connect(now_ms())
    other.add_device("press-1", PRESS, now_ms())
    press.publish(*other.birth(now_ms()))
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert found.device_id == f"{GROUP}:edge-2:press-1"
    await plant.ingest.adopt(plant.admin, found.key, Adoption())
    press.publish(other.data("press-1", {"force": 77.0}, now_ms()))
    assert (await plant.values(f"{GROUP}:edge-2:press-1", "force"))[-1] == 77.0
    assert 77.0 not in await plant.values("press-1", "force")


async def test_names_that_cannot_be_ids_get_one_that_can(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Edge(plant, monkeypatch, "Säge <1>", PRESS)
    edge.born()
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    device = await plant.ingest.adopt(plant.admin, found.key, Adoption(name="Säge <1>"))
    assert device.name == "Säge <1>"
    edge.publish(edge.data(force=30.0))
    assert (await plant.values(device.device_id, "force"))[-1] == 30.0


async def test_nan_is_refused_and_the_others_are_taken(plant: Plant, press: Edge) -> None:
    press.born()
    press.publish(press.data(force=float("nan"), strokes=9))
    assert await plant.values("press-1", "strokes") == [7, 9]
    assert await plant.values("press-1", "force") == [12.5]
    assert await plant.reasons() == ["not_a_number"]


async def test_a_null_is_the_last_value_marked_bad(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    press.publish(press.data(force=None))
    row = (await plant.rows())[-1]
    assert (row[2], row[3]) == (12.5, Quality.BAD)


async def test_values_are_converted_to_the_unit_that_people_chose(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    changes = DeviceChanges(tags={"force": {"unit": "n"}})
    plant.registry.update_device(plant.organisation, "press-1", changes, plant.admin)
    press.publish(press.data(force=2.0))
    assert (await plant.values("press-1", "force"))[-1] == 2_000


async def test_absurd_timestamps_are_refused(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    for at in (now_ms() + 600_000, 946_684_800_000):
        press.publish(press.session.data("press-1", {"force": 5.0}, at))
    assert await plant.reasons() == ["timestamp_in_future", "timestamp_too_old"]
    assert await plant.values("press-1", "force") == [12.5]


async def test_a_metric_that_no_birth_named_is_refused_and_births_are_asked_for(plant: Plant, press: Edge) -> None:
    press.born()
    await plant.settle()
    good = press.data(force=5.0)
    payload = decode(good.payload)
    payload.metrics[0].datatype = DataType.DOUBLE
    payload.metrics.append(Metric(alias=999, datatype=DataType.DOUBLE, value=1.0))
    press.publish(Outgoing(good.topic, encode(payload), 0, False))
    assert await plant.reasons() == ["unknown_metric"]
    assert (await plant.values("press-1", "force"))[-1] == 5.0
    assert len(press.rebirths()) == 1


async def test_tck_host_birth_is_published_again_when_an_old_will_overwrote_it(plant: Plant, press: Edge) -> None:
    host = plant.ingest.sparkplug
    plant.send(host.will.topic, host.will.payload)
    (birth,) = press.sent
    assert decode_state(birth.payload).online
    assert birth.retain
    assert decode_state(birth.payload).timestamp == decode_state(host.will.payload).timestamp


async def test_the_hosts_own_commands_are_ignored(plant: Plant, press: Edge) -> None:
    plant.send(f"spBv1.0/{GROUP}/NCMD/{NODE}", b"anything")
    assert await plant.letters() == []


async def test_edge_nodes_and_their_metrics_are_bounded(make_plant: MakePlant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant: Plant = await make_plant(max_edge_nodes=3, max_edge_metrics=10)
    edge = Edge(plant, monkeypatch, "big", [metric(f"m{i}", 1.0) for i in range(20)])
    edge.born()
    for i in range(10):
        plant.send(f"spBv1.0/G/NBIRTH/n{i}", encode(Payload(now_ms(), [], 0)), qos=0)
    assert len(plant.ingest.sparkplug._nodes) <= 3
    assert plant.ingest.sparkplug._nodes.metrics <= 10
    assert {"too_many_metrics", "too_many_edge_nodes"} <= set(await plant.reasons())


async def test_data_that_come_while_tags_are_registered_are_not_lost(plant: Plant, press: Edge) -> None:
    press.born()
    for value in range(20):
        press.publish(press.data(force=float(value)))
    assert await plant.values("press-1", "force") == [12.5, *range(20)]
