"""Alarms in the database. Every call blocks: keep it off the loop. Reads are scoped to one organisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session

from andon.alarms.model import AlertType, PointKey, State
from andon.alarms.records import Alarm, Comment
from andon.alarms.tables import AlertCommentRow, AlertRow
from andon.engines.database.positions import ConsumerPositionRow
from andon.registry.tables import DeviceRow, TagRow

CONSUMER = "alarms"


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms are asked for; None asks for all. Times in µs UTC, `start` inclusive, `end` exclusive."""

    open: bool | None = None
    severity: str | None = None
    device_id: str | None = None
    start: int | None = None
    end: int | None = None


def positions(session: Session, stream: str) -> dict[int, int]:
    """How far alarms have been judged, by partition of a stream; those never judged are missing."""
    rows = session.scalars(select(ConsumerPositionRow).where(ConsumerPositionRow.consumer == CONSUMER))
    found = ((*row.stream.partition("/"), row.position) for row in rows)
    return {int(partition or 0): at for name, _, partition, at in found if name == stream}


def save_positions(session: Session, stream: str, positions: Mapping[int, int]) -> None:
    """Remember how far alarms have been judged; the first partition goes by the name of the stream alone."""
    for partition, at in positions.items():
        name = f"{stream}/{partition}" if partition else stream
        session.merge(ConsumerPositionRow(consumer=CONSUMER, stream=name, position=at))


def save(session: Session, alarms: Sequence[Alarm]) -> list[int]:
    """Store new and changed alarms; returns their ids in the same order."""
    new = [alarm for alarm in alarms if alarm.id is None]
    changed = [alarm for alarm in alarms if alarm.id is not None]
    if changed:
        session.execute(update(AlertRow), [{"id": alarm.id, **_columns(alarm)} for alarm in changed])
    ids: list[int] = []
    if new:
        statement = insert(AlertRow).returning(AlertRow.id, sort_by_parameter_order=True)
        ids = list(session.scalars(statement, [_columns(alarm) for alarm in new]))
    given = iter(ids)
    return [next(given) if alarm.id is None else alarm.id for alarm in alarms]


def add_comments(session: Session, comments: Iterable[tuple[int, Comment]]) -> None:
    """Store comments at alarms, as (alarm id, comment)."""
    session.add_all(
        AlertCommentRow(alert_id=alarm_id, at=each.at, author=each.author, text=each.text)
        for alarm_id, each in comments
    )


def open_alarms(session: Session) -> list[Alarm]:
    """All alarms of all organisations that are not over, for the start."""
    return _alarms(session, _select().where(AlertRow.state != State.NORMAL.value).order_by(AlertRow.id))


def find(session: Session, organisation_id: str, alarm_id: int) -> Alarm | None:
    """One alarm."""
    found = _alarms(session, _select().where(AlertRow.organization_id == organisation_id, AlertRow.id == alarm_id))
    return found[0] if found else None


# every organisation: whoever follows the alarms holds those of all of them
def of_ids(session: Session, alarm_ids: Iterable[int]) -> list[Alarm]:
    """The alarms of these ids, in the order in which they were raised."""
    return _alarms(session, _select().where(AlertRow.id.in_(alarm_ids)).order_by(AlertRow.id))


def existing(session: Session, organisation_id: str, alarm_ids: Iterable[int]) -> set[int]:
    """Those of the ids that there are."""
    found = select(AlertRow.id).where(AlertRow.organization_id == organisation_id, AlertRow.id.in_(alarm_ids))
    return set(session.scalars(found))


def search(
    session: Session, organisation_id: str, wanted: AlarmFilter, limit: int, offset: int
) -> tuple[list[Alarm], dict[str, int]]:
    """A page of alarms, newest first, and the count of all that match by severity."""
    statement = _narrow(_select(), organisation_id, wanted)
    statement = statement.order_by(AlertRow.triggered_at.desc(), AlertRow.id.desc()).limit(limit).offset(offset)
    counting = select(AlertRow.severity, func.count()).join(DeviceRow, DeviceRow.id == AlertRow.device_id)
    counts = session.execute(_narrow(counting, organisation_id, wanted).group_by(AlertRow.severity))
    return _alarms(session, statement), {str(severity): int(count) for severity, count in counts.all()}


def _select() -> Select[*tuple[Any, ...]]:
    return (
        select(AlertRow, DeviceRow.device_id, DeviceRow.name, TagRow.name)
        .join(DeviceRow, DeviceRow.id == AlertRow.device_id)
        .outerjoin(TagRow, TagRow.id == AlertRow.tag_id)
    )


def _narrow(statement: Select[*tuple[Any, ...]], organisation_id: str, wanted: AlarmFilter) -> Select[*tuple[Any, ...]]:
    statement = statement.where(AlertRow.organization_id == organisation_id)
    if wanted.open is not None:
        over = AlertRow.state == State.NORMAL.value
        statement = statement.where(~over if wanted.open else over)
    if wanted.severity is not None:
        statement = statement.where(AlertRow.severity == wanted.severity)
    if wanted.device_id is not None:
        statement = statement.where(DeviceRow.device_id == wanted.device_id)
    if wanted.start is not None:
        statement = statement.where(AlertRow.triggered_at >= wanted.start)
    if wanted.end is not None:
        statement = statement.where(AlertRow.triggered_at < wanted.end)
    return statement


def _alarms(session: Session, statement: Select[*tuple[Any, ...]]) -> list[Alarm]:
    rows = session.execute(statement).all()
    comments = _comments(session, [row[0].id for row in rows])
    return [_alarm(row, device_id, name, tag, comments) for row, device_id, name, tag in rows]


def _comments(session: Session, alarm_ids: Sequence[int]) -> dict[int, tuple[Comment, ...]]:
    found: defaultdict[int, tuple[Comment, ...]] = defaultdict(tuple)
    if alarm_ids:
        rows = select(AlertCommentRow).where(AlertCommentRow.alert_id.in_(alarm_ids)).order_by(AlertCommentRow.id)
        for row in session.scalars(rows):
            found[row.alert_id] += (Comment(row.at, row.author, row.text),)
    return found


def _alarm(
    row: AlertRow, device_id: str, device_name: str, tag: str | None, comments: dict[int, tuple[Comment, ...]]
) -> Alarm:
    return Alarm(
        id=row.id,
        organisation_id=row.organization_id,
        key=PointKey(row.device_id, row.tag_id, AlertType(row.alert_type)),
        device_id=device_id,
        device_name=device_name,
        tag=tag,
        type=row.type,
        message=row.message,
        severity=row.severity,
        unit=row.unit,
        value=row.value,
        threshold=row.threshold,
        state=State(row.state),
        triggered_at=row.triggered_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
        escalated_at=row.escalated_at,
        last_value=row.last_value,
        last_value_at=row.last_value_at,
        comments=comments.get(row.id, ()),
    )


def _columns(alarm: Alarm) -> dict[str, Any]:
    return {
        "organization_id": alarm.organisation_id,
        "device_id": alarm.key.device_uuid,
        "tag_id": alarm.key.tag_id,
        "alert_type": alarm.key.alert_type.value,
        "type": alarm.type,
        "message": alarm.message,
        "severity": alarm.severity,
        "value": alarm.value,
        "threshold": alarm.threshold,
        "unit": alarm.unit,
        "state": alarm.state.value,
        "status": alarm.status,
        "triggered_at": alarm.triggered_at,
        "acknowledged_at": alarm.acknowledged_at,
        "acknowledged_by": alarm.acknowledged_by,
        "resolved_at": alarm.resolved_at,
        "resolved_by": alarm.resolved_by,
        "escalated_at": alarm.escalated_at,
        "last_value": alarm.last_value,
        "last_value_at": alarm.last_value_at,
    }
