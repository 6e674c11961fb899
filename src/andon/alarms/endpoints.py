"""`/alerts`: what is in alarm, what was, and what operators do about it. The wire says alert, the code alarm."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Query, Request, Response

from andon.alarms.model import State
from andon.alarms.operators import Verb
from andon.alarms.reader import AlarmReader
from andon.alarms.records import Alarm, parse_id, unknown_alarm
from andon.alarms.repository import AlarmFilter
from andon.alarms.schemas import (
    AcknowledgedMany,
    AcknowledgedMeta,
    Alert,
    AlertList,
    AlertsMeta,
    CommentBody,
    ManyBody,
    Severity,
    StatusFilter,
)
from andon.alarms.service import AlarmService
from andon.alarms.views import alert_body, listing_meta
from andon.historian.ranges import parse_moment
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.clock import now_us
from andon.kit.contract import answers
from andon.kit.envelope import success

router = APIRouter(tags=["alerts"])


def _reader(request: Request) -> AlarmReader:
    reader: AlarmReader = request.app.state.alarm_reader
    return reader


def _alarms(request: Request) -> AlarmService:
    alarms: AlarmService = request.app.state.alarms
    return alarms


Readable = Annotated[AlarmReader, Depends(_reader)]
Service = Annotated[AlarmService, Depends(_alarms)]
Reader = Annotated[Principal, Depends(requires("alerts:read"))]
Manager = Annotated[Principal, Depends(requires("alerts:manage"))]
DeviceId = Annotated[str | None, Query(alias="deviceId", max_length=100)]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]

_UNKNOWN = {404: "There is no such alert in your organisation"}
_CONFLICT = {**_UNKNOWN, 409: "It is acknowledged or over already"}


@router.get("/alerts", summary="List alerts: by default all that are open")
@answers(AlertList, AlertsMeta)
async def list_alerts(
    alarms: Readable,
    principal: Reader,
    status: StatusFilter = "active",
    severity: Severity | None = None,
    device_id: DeviceId = None,
    limit: Limit = 200,
    offset: Offset = 0,
) -> Response:
    """`active`: every open alert, the most urgent first; an acknowledged one is open until its condition has
    returned, and one that has returned until it is acknowledged. `acknowledged`: the open ones somebody has
    taken. `resolved`: those that are over. `meta` counts all that match.
    """
    if status in ("resolved", "all"):
        wanted = AlarmFilter(open=False if status == "resolved" else None, severity=severity, device_id=device_id)
        found, counts = await alarms.search(principal.organisation_id, wanted, limit, offset)
        return _answer(found, counts)
    await alarms.caught_up()
    matching = [
        alarm
        for alarm in alarms.open_alarms(principal.organisation_id)
        if (status == "active" or alarm.state is State.ACKNOWLEDGED)
        and (severity is None or alarm.severity == severity)
        and (device_id is None or alarm.device_id == device_id)
    ]
    return _answer(matching[offset : offset + limit], Counter(alarm.severity for alarm in matching))


@router.get("/alerts/history", summary="All alerts of a time range, newest first")
@answers(AlertList, AlertsMeta)
async def alert_history(
    alarms: Readable,
    principal: Reader,
    start: Annotated[str | None, Query(alias="from", max_length=40)] = None,
    end: Annotated[str | None, Query(alias="to", max_length=40)] = None,
    severity: Severity | None = None,
    device_id: DeviceId = None,
    limit: Limit = 200,
    offset: Offset = 0,
) -> Response:
    """Those that were raised from `from` up to `to` (ISO 8601, epoch, or relative such as `-24h`)."""
    now = now_us()
    wanted = AlarmFilter(
        severity=severity,
        device_id=device_id,
        start=parse_moment(start, now, "from") if start else None,
        end=parse_moment(end, now, "to") if end else None,
    )
    found, counts = await alarms.search(principal.organisation_id, wanted, limit, offset)
    return _answer(found, counts)


@router.get("/alerts/{alert_id}", summary="One alert")
@answers(Alert, refuses=_UNKNOWN)
async def get_alert(alert_id: str, alarms: Readable, principal: Reader) -> dict[str, Any]:
    """Open or over, with its comments."""
    number = parse_id(alert_id)
    alarm = await alarms.find(principal.organisation_id, number) if number is not None else None
    if alarm is None:
        raise unknown_alarm(alert_id)
    return success(alert_body(alarm))


@router.post("/alerts/acknowledge", summary="Acknowledge many alerts at once")
@answers(AcknowledgedMany, AcknowledgedMeta)
async def acknowledge_many(body: ManyBody, alarms: Service, principal: Manager) -> dict[str, Any]:
    """What can be acknowledged is; the answer says which could not, and why."""
    outcomes = await alarms.act("acknowledge", body.ids, principal, body.comment)
    done = [alert_body(each.action.alarm) for each in outcomes if each.action is not None]
    failed = [{"id": each.id, "reason": each.error.message} for each in outcomes if each.error is not None]
    return success({"alerts": done, "failed": failed}, {"acknowledged": len(done), "failed": len(failed)})


@router.put("/alerts/{alert_id}/acknowledge", summary="Acknowledge an alert")
@router.post("/alerts/{alert_id}/acknowledge", summary="Acknowledge an alert (the same as PUT)")
@answers(Alert, refuses=_CONFLICT)
async def acknowledge(
    alert_id: str, alarms: Service, principal: Manager, body: Annotated[CommentBody | None, Body()] = None
) -> dict[str, Any]:
    """Somebody has seen it; it is over once its condition has returned as well."""
    return await _act(alarms, "acknowledge", alert_id, principal, body)


@router.put("/alerts/{alert_id}/resolve", summary="Resolve an alert")
@router.post("/alerts/{alert_id}/resolve", summary="Resolve an alert (the same as PUT)")
@answers(Alert, refuses=_CONFLICT)
async def resolve(
    alert_id: str, alarms: Service, principal: Manager, body: Annotated[CommentBody | None, Body()] = None
) -> dict[str, Any]:
    """Ends it. A limit that stays violated raises a new alert after a while."""
    return await _act(alarms, "resolve", alert_id, principal, body)


async def _act(
    alarms: AlarmService, verb: Verb, alert_id: str, principal: Principal, body: CommentBody | None
) -> dict[str, Any]:
    (outcome,) = await alarms.act(verb, [alert_id], principal, body.comment if body else None)
    if outcome.action is None:
        raise outcome.error or unknown_alarm(alert_id)
    return success(alert_body(outcome.action.alarm))


def _answer(found: list[Alarm], counts: dict[str, int]) -> Response:
    body = success({"alerts": [alert_body(alarm) for alarm in found if alarm.id is not None]}, listing_meta(counts))
    return Response(msgspec.json.encode(body), media_type="application/json")
