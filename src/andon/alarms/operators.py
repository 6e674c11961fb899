"""What operators do to alarms: checked first, then stored with its comment and its audit record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy.orm import Session

from andon.alarms import repository
from andon.alarms.engine import Action, AlarmEngine
from andon.alarms.records import Alarm, Comment, format_id, parse_id, unknown_alarm
from andon.identity import audit
from andon.identity.model import Principal
from andon.kit.errors import AndonError, ConflictError, NotFoundError

Verb = Literal["acknowledge", "resolve"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one id: an action, or the error that says why not."""

    id: str
    action: Action | None
    error: AndonError | None = None

    @property
    def missing(self) -> bool:
        """No open alarm has this id."""
        return isinstance(self.error, NotFoundError)


def plan(
    engine: AlarmEngine, verb: Verb, ids: Sequence[str], principal: Principal, comment: str | None, now: int
) -> list[Outcome]:
    """What the action would do to each alarm; an id that is named twice counts once."""
    note = Comment(now, principal.username, comment) if comment else None
    open_alarms = engine.book.by_id(principal.organisation_id)
    act = engine.acknowledge if verb == "acknowledge" else engine.resolve
    outcomes: list[Outcome] = []
    for text in dict.fromkeys(ids):
        alarm_id = parse_id(text)
        alarm = open_alarms.get(alarm_id) if alarm_id is not None else None
        if alarm is None:
            outcomes.append(Outcome(text, None, unknown_alarm(text)))
            continue
        action = act(alarm, principal.username, note, now)
        outcomes.append(Outcome(text, action, None if action else _acknowledged_already(text, alarm)))
    return outcomes


def explain(session: Session, outcomes: Sequence[Outcome], organisation_id: str) -> list[Outcome]:
    """The same outcomes; an alarm that was not found open, but is in the journal, is over."""
    missing = {alarm_id for each in outcomes if each.missing and (alarm_id := parse_id(each.id)) is not None}
    over = repository.existing(session, organisation_id, missing)
    return [
        replace(each, error=_over_already(each.id)) if each.missing and parse_id(each.id) in over else each
        for each in outcomes
    ]


def _acknowledged_already(text: str, alarm: Alarm) -> ConflictError:
    return ConflictError(f"{text} is acknowledged already, by {alarm.acknowledged_by or 'somebody'}", field="id")


def _over_already(text: str) -> ConflictError:
    return ConflictError(f"{text} is over", field="id", cure="there is nothing left to do about it")


def record_actions(
    session: Session, verb: Verb, actions: Sequence[Action], principal: Principal, comment: str | None
) -> None:
    """Store the alarms as the actions leave them, the comments, and who did it."""
    repository.save(session, [action.alarm for action in actions])
    for action in actions:
        alarm_id = action.alarm.id
        assert alarm_id is not None  # only stored alarms can be named by an id
        if comment:
            repository.add_comments(session, [(alarm_id, action.alarm.comments[-1])])
        detail = {"device": action.alarm.device_id, "change": action.change.value, "comment": comment}
        audit.record(session, principal, f"alert.{verb}", format_id(alarm_id), detail)
