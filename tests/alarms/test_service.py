"""Alarms that run: stored once, published, restored after a crash, and served to operators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from alarms.plant import row
from alarms.running import Plant
from andon.alarms.repository import AlarmFilter
from andon.identity.tables import AuditRow
from andon.kit.errors import ConflictError, NotFoundError, UnavailableError
from andon.kit.samples import IMPORTED, SampleBatch
from andon.registry.model import DeviceChanges
from support.databases import on_both as database_url  # noqa: F401 (the same tests on SQLite and PostgreSQL)


async def act(plant: Plant, verb: Any, alarm_id: str, comment: str | None = None) -> None:
    (outcome,) = await plant.service.act(verb, [alarm_id], plant.operator, comment)
    if outcome.error:
        raise outcome.error


async def test_an_alarm_reads_as_the_seeds_print_it(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    alert = plant.events[0].alert
    assert alert["id"] == "alert-001"
    assert (alert["deviceId"], alert["type"], alert["alertType"]) == (
        "device-002",
        "high_pressure",
        "threshold_exceeded",
    )
    assert alert["message"] == "Pressure sensor reading above threshold"
    assert (alert["severity"], alert["level"], alert["value"], alert["threshold"]) == ("high", "warning", 58.5, 55.0)
    assert (alert["status"], alert["state"], alert["lifecycle"]) == ("active", "unacknowledged", "triggered")
    assert alert["triggeredAt"] == "2025-10-09T08:53:20.000Z"


async def test_the_whole_life_of_an_alarm_is_told_and_published(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    await plant.tick(2)
    await act(plant, "acknowledge", "alert-001", "on my way")
    await plant.send(row(tag, 3, 40.0))
    assert plant.lifecycles() == ["triggered", "acknowledged", "resolved"]
    assert plant.open() == []
    assert [each["event"] for each in plant.published()] == ["triggered", "acknowledged", "resolved"]
    last = plant.published()[-1]["alert"]
    assert (last["status"], last["acknowledgedBy"], last["lastValue"]) == ("resolved", "jo", 40.0)
    assert last["comments"][0]["text"] == "on my way"


async def test_an_alarm_that_returned_stays_listed_until_somebody_acknowledges_it(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5), row(tag, 1, 40.0))
    assert [(a["state"], a["status"]) for a in plant.open()] == [("rtn_unacknowledged", "resolved")]
    assert plant.service.device_levels(plant.org) == {"device-002": ("info", 1)}
    await act(plant, "acknowledge", "alert-001")
    assert plant.open() == []


async def test_there_is_one_open_alarm_however_often_the_limit_is_violated(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    for second in range(0, 40, 2):
        await plant.send(row(tag, second, 58.5), row(tag, second + 1, 40.0))
    assert len(await plant.journal()) == 1


async def test_counts_and_levels_are_at_hand(plant: Plant) -> None:
    one = plant.add_device("device-001", severity="critical")
    two = plant.add_device("device-002", severity="low")
    await plant.start()
    await plant.send(row(one, 0, 99.0), row(two, 0, 99.0))
    assert plant.service.severity_counts(plant.org) == {"critical": 1, "high": 0, "medium": 0, "low": 1}
    assert plant.service.device_levels(plant.org) == {"device-001": ("critical", 1), "device-002": ("info", 1)}
    assert plant.service.severity_counts("another organisation")["critical"] == 0


async def test_a_silent_device_is_an_alarm_and_a_heard_one_is_not(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 40.0))
    await plant.tick(30)
    assert plant.open() == []
    await plant.tick(31)
    assert [a["type"] for a in plant.open()] == ["device_offline"]
    alert = plant.events[0].alert
    assert (alert["threshold"], alert["unit"]) == (30.0, "s")
    assert alert["message"] == "No data received for more than 30 seconds"
    await plant.send(row(tag, 40, 40.0))
    await plant.tick(41)
    assert plant.lifecycles() == ["triggered", "resolved"]


async def test_five_minutes_without_acknowledgement_escalate(plant: Plant) -> None:
    tag = plant.add_device(off_delay_s=1.0)
    await plant.start()
    for second in range(0, 310, 10):
        await plant.send(row(tag, second, 58.5))
        await plant.tick(second + 5)
    assert plant.lifecycles() == ["triggered", "escalated"]
    assert plant.events[1].alert["lifecycle"] == "escalated"


async def test_limits_changed_while_an_alarm_is_open_hold_at_once(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    change = DeviceChanges(primary={"alert_max": 57.0, "severity": "critical"})
    plant.registry.update_device(plant.org, "device-002", change, plant.operator)
    await plant.tick(1)
    (alarm,) = plant.service.open_alarms(plant.org)
    assert (alarm.threshold, alarm.severity, alarm.state.value) == (57.0, "critical", "unacknowledged")
    plant.registry.update_device(plant.org, "device-002", DeviceChanges(primary={"alert_max": 60.0}), plant.operator)
    await plant.tick(2)
    assert plant.lifecycles() == ["triggered", "resolved"]


async def test_a_deleted_device_leaves_its_alarm_to_be_acknowledged_and_kept(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    await plant.tick(31)
    plant.registry.delete_device(plant.org, "device-002", plant.operator)
    await plant.tick(32)
    assert {a["state"] for a in plant.open()} == {"rtn_unacknowledged"}
    await act(plant, "acknowledge", "alert-001")
    await act(plant, "resolve", "alert-002")
    assert plant.open() == []
    assert len(await plant.journal()) == 2


async def test_acknowledging_twice_or_too_late_says_so(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    await act(plant, "acknowledge", "alert-001")
    with pytest.raises(ConflictError, match="acknowledged already, by jo"):
        await act(plant, "acknowledge", "alert-001")
    await act(plant, "resolve", "1")
    with pytest.raises(ConflictError, match="is over"):
        await act(plant, "resolve", "alert-001")
    for unknown in ("alert-999", "nonsense", "99999999999999"):
        with pytest.raises(NotFoundError):
            await act(plant, "acknowledge", unknown)


async def test_what_operators_do_is_in_the_audit_log(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    await act(plant, "acknowledge", "alert-001", "seen")
    with plant.database.reading() as session:
        (entry,) = session.scalars(select(AuditRow).where(AuditRow.action == "alert.acknowledge"))
    assert (entry.actor, entry.target, entry.detail["comment"]) == ("jo", "alert-001", "seen")


async def test_another_organisation_neither_sees_nor_touches_an_alarm(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    stranger = replace(plant.operator, organisation_id="another")
    (outcome,) = await plant.service.act("resolve", ["alert-001"], stranger, None)
    assert isinstance(outcome.error, NotFoundError)
    assert await plant.service.find("another", 1) is None
    assert await plant.service.search("another", AlarmFilter(), 10, 0) == ([], {})
    assert len(plant.open()) == 1


async def test_transitions_wait_while_the_database_is_away_and_none_is_lost(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = plant.add_device()
    await plant.start()
    working = plant.service._in_thread

    async def away(*_: Any, **__: Any) -> Any:
        raise UnavailableError("the database is away")

    monkeypatch.setattr(plant.service, "_in_thread", away)
    position = plant.append(row(tag, 0, 58.5))
    for _ in range(3):  # the consumer tries again with the same record
        with pytest.raises(UnavailableError):
            await plant.deliver(position)
    with pytest.raises(UnavailableError):
        await plant.service.tick()
    assert plant.events == []  # nothing is told that is not stored
    monkeypatch.setattr(plant.service, "_in_thread", working)
    await plant.deliver(position)
    assert plant.lifecycles() == ["triggered"]
    assert len(await plant.journal()) == 1


async def test_an_action_that_cannot_be_stored_did_not_happen(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    working = plant.service._in_thread

    async def away(*_: Any, **__: Any) -> Any:
        raise UnavailableError("the database is away")

    monkeypatch.setattr(plant.service, "_in_thread", away)
    with pytest.raises(UnavailableError):
        await act(plant, "acknowledge", "alert-001")
    assert plant.open()[0]["state"] == "unacknowledged"
    monkeypatch.setattr(plant.service, "_in_thread", working)
    await act(plant, "acknowledge", "alert-001")
    assert plant.open()[0]["state"] == "acknowledged"


async def test_events_wait_while_the_log_is_away(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    plant.log.away = True
    await plant.send(row(tag, 0, 58.5))
    assert plant.lifecycles() == ["triggered"]
    assert plant.published() == []
    plant.log.away = False
    await plant.tick(1)
    assert [each["event"] for each in plant.published()] == ["triggered"]


async def test_a_listener_that_fails_does_not_silence_the_others(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()

    def broken(_: object) -> None:
        raise RuntimeError("broken listener")

    unsubscribe = plant.service.subscribe(broken)
    told: list[str] = []
    plant.service.subscribe(lambda event: told.append(event.lifecycle))
    await plant.send(row(tag, 0, 58.5))
    assert told == ["triggered"]
    unsubscribe()


async def test_imported_samples_raise_nothing_whatever_their_time(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.service.handle(SampleBatch.from_rows([row(tag, 0, 58.5)]).with_marks(IMPORTED), 1)
    assert plant.open() == []
    await plant.service.handle(SampleBatch.from_rows([row(tag, 0, 58.5)]), 2)
    assert len(plant.open()) == 1
