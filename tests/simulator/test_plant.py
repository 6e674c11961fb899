"""The whole simulated plant against a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from andon.kit.quality import Quality
from andon.simulator.config import BrokerConfig, LoomConfig, PressConfig, SimulatorConfig
from andon.simulator.machines.sensors import S1_SENSORS
from andon.simulator.service import Simulation, run_simulator
from andon.wire.json_messages import decode_loom_raw, decode_loom_status
from andon.wire.sparkplug.messages import rebirth_command
from andon.wire.sparkplug.payload import decode
from simulator.mqtt_broker import Broker, Observer, eventually

PRESS = "spBv1.0/Andon-Demo"
QUICK_SENSORS = tuple(msgspec.structs.replace(spec, interval_s=0.05) for spec in S1_SENSORS)


def plant(broker: BrokerConfig, **changes: Any) -> SimulatorConfig:
    press = PressConfig(interval_s=0.05, refresh_s=0.5)
    values = {"looms": LoomConfig(count=3), "press": press, "devices": QUICK_SENSORS, "seed": 1, "health_port": 0}
    return SimulatorConfig(broker=broker, **(values | changes))


@contextlib.asynccontextmanager
async def running(config: SimulatorConfig) -> AsyncIterator[Simulation]:
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run_simulator(config, stop, lambda simulation, _: started.set_result(simulation)))
    try:
        yield await started
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


def press_messages(observer: Observer, kind: str) -> list[bytes]:
    return [message.payload for message in observer.seen if message.topic.startswith(f"{PRESS}/{kind}/")]


async def test_sensors_send_the_message_of_the_specification(broker: Broker, observe: Any) -> None:
    observer = await observe("factory-plus/#")
    async with running(plant(broker.config)):
        await eventually(lambda: all(observer.of(f"factory-plus/devices/{s.id}/data") for s in S1_SENSORS))
    body = json.loads(observer.of("factory-plus/devices/device-001/data")[0])
    assert list(body) == ["deviceId", "timestamp", "sensorType", "value", "unit", "location", "status"]
    assert (body["deviceId"], body["sensorType"], body["unit"]) == ("device-001", "temperature", "celsius")
    assert (body["location"], body["status"]) == ("assembly-line-1", "active")
    assert isinstance(body["value"], float)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])


async def test_looms_send_measurements_each_second_and_their_status(broker: Broker, observe: Any) -> None:
    observer = await observe("kaldor/#")
    async with running(plant(broker.config)):
        await eventually(lambda: len(observer.of("kaldor/loom/loom-003/bbw/raw")) >= 3)
    measured = [decode_loom_raw(payload) for payload in observer.of("kaldor/loom/loom-003/bbw/raw")]
    assert all(abs(m.bbw_value - 1_600) < 30 and m.loom_id == "loom-003" for m in measured)
    assert measured[0].temperature and measured[0].vibration is not None
    assert measured[0].quality in (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD)
    gaps = [b.time - a.time for a, b in itertools.pairwise(measured) if a.time and b.time]
    assert all(gap > 0 for gap in gaps)

    def statuses() -> list[str]:
        return [decode_loom_status(payload).status for payload in observer.of("kaldor/loom/loom-003/status")]

    assert statuses()[0] in ("running", "stopped")
    await eventually(lambda: statuses()[-1] == "offline")  # a planned end says so


async def test_a_status_is_there_for_who_comes_later(broker: Broker, observe: Any) -> None:
    async with running(plant(broker.config)) as simulation:
        await eventually(lambda: simulation.report()["brokerConnected"])
        await eventually(lambda: simulation.report()["metrics"]["buffered"] == 0)
        observer = await observe("kaldor/loom/+/status", "factory-plus/devices/+/status")
        await eventually(lambda: len({message.topic for message in observer.seen}) == 8)
        first = {message.topic: message for message in reversed(observer.seen)}
        assert all(message.retain for message in first.values())


async def test_a_large_fleet_shares_one_connection(broker: Broker, observe: Any) -> None:
    observer = await observe("kaldor/#")
    config = plant(broker.config, looms=LoomConfig(count=50), own_connections=5, devices=())
    async with running(config) as simulation:
        assert len(simulation.links) == 2
        raw = {f"kaldor/loom/loom-{n:03d}/bbw/raw" for n in range(1, 51)}
        status = {f"kaldor/loom/loom-{n:03d}/status" for n in range(1, 51)}
        await eventually(lambda: {message.topic for message in observer.seen} >= raw | status)


async def test_the_press_is_born_with_sixty_metrics_and_sends_data_by_alias(broker: Broker, observe: Any) -> None:
    observer = await observe("spBv1.0/#")
    async with running(plant(broker.config)):
        await eventually(lambda: len(press_messages(observer, "DDATA")) >= 15)
    topics = [message.topic for message in observer.seen[:3]]
    assert topics == [f"{PRESS}/{kind}" for kind in ("NBIRTH/edge-press-1", *("DBIRTH/edge-press-1/press-1",))] + [
        f"{PRESS}/DDATA/edge-press-1/press-1"
    ]
    birth = decode(press_messages(observer, "DBIRTH")[0])
    assert len(birth.metrics) == 60
    force = next(metric for metric in birth.metrics if metric.name == "Force/Peak Total")
    assert {name: held.value for name, held in force.properties.items()} == {
        "engUnit": "kN",
        "engLow": 0.0,
        "engHigh": 2_500.0,
    }
    data = [decode(payload) for payload in press_messages(observer, "DDATA")]
    assert [payload.seq for payload in data[:5]] == [2, 3, 4, 5, 6]
    assert all(metric.name is None and metric.alias is not None for metric in data[0].metrics)
    assert {len(payload.metrics) for payload in data} > {60}, "what changed, and now and then everything"


async def test_the_press_answers_a_rebirth_and_dies_in_order(broker: Broker, observe: Any) -> None:
    observer = await observe("spBv1.0/#")
    async with running(plant(broker.config)) as simulation:
        await eventually(lambda: press_messages(observer, "DDATA"))
        command = rebirth_command("Andon-Demo", "edge-press-1", 1)
        simulation.links[0].publish(command.topic, command.payload)
        await eventually(lambda: len(press_messages(observer, "NBIRTH")) >= 2)
        assert len(press_messages(observer, "DBIRTH")) >= 2
    await eventually(lambda: press_messages(observer, "NDEATH"))

    def bd_seq(kind: str) -> object:
        return next(m.value for m in decode(press_messages(observer, kind)[-1]).metrics if m.name == "bdSeq")

    assert bd_seq("NDEATH") == bd_seq("NBIRTH")
    assert len(press_messages(observer, "NDEATH")) == 1


async def test_an_outage_leaves_no_hole_behind(broker: Broker, observe: Any) -> None:
    config = plant(broker.config)
    async with running(config) as simulation:
        await eventually(lambda: simulation.report()["brokerConnected"])
        broker.stop()
        await eventually(lambda: not any(link.connected for link in simulation.links))
        assert simulation.report()["status"] == "degraded"
        measured = dict(simulation.report()["metrics"]["measured"])
        await eventually(lambda: simulation.report()["metrics"]["measured"]["press"] > measured["press"] + 5)
        await broker.start()
        observer = await observe("spBv1.0/#", "factory-plus/#")
        await eventually(lambda: simulation.report()["brokerConnected"])
        await eventually(lambda: simulation.report()["metrics"]["buffered"] == 0)
        await eventually(
            lambda: any(m.is_historical for p in press_messages(observer, "DDATA") for m in decode(p).metrics)
        )
        metrics = simulation.report()["metrics"]
    assert metrics["dropped"] == 0
    assert metrics["acknowledged"] >= metrics["measured"]["sensors"] + metrics["measured"]["looms"]


async def test_a_machine_that_vanishes_is_reported_by_its_will(broker: Broker, observe: Any) -> None:
    observer = await observe("kaldor/+/+/status", "spBv1.0/+/NDEATH/#")
    config = plant(broker.config, devices=())
    task = asyncio.create_task(run_simulator(config))
    await eventually(lambda: len(observer.seen) == 3)
    task.cancel()
    await asyncio.wait([task])
    await eventually(lambda: len(observer.seen) == 7)
    assert sorted(message.topic for message in observer.seen[3:]) == [
        "kaldor/loom/loom-001/status",
        "kaldor/loom/loom-002/status",
        "kaldor/loom/loom-003/status",
        f"{PRESS}/NDEATH/edge-press-1",
    ]


async def test_parts_of_the_plant_can_be_left_out(broker: Broker, observe: Any) -> None:
    observer = await observe("#")
    config = plant(broker.config, looms=LoomConfig(count=0), press=PressConfig(enabled=False))
    async with running(config):
        await eventually(lambda: len(observer.seen) > 10)
    assert all(message.topic.startswith("factory-plus/") for message in observer.seen)
