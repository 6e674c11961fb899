"""What people decided about retention: kept in the database, resolved to the tags that the stores know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from andon.historian.policy_tables import RetentionPolicyRow
from andon.historian.retention import Retention, RetentionPolicies
from andon.kit.clock import now_us
from andon.kit.ids import new_id
from andon.registry.tables import TagRow


@dataclass(frozen=True, slots=True)
class OrganisationPolicy:
    """What one organisation decided; `own` None: the default holds. A tag's own beats its device's."""

    own: Retention | None = None
    devices: Mapping[str, Retention] = field(default_factory=dict)  # by UUID
    tags: Mapping[int, Retention] = field(default_factory=dict)


def policy_of(session: Session, organisation_id: str) -> OrganisationPolicy:
    """What an organisation decided."""
    query = select(RetentionPolicyRow).where(RetentionPolicyRow.organization_id == organisation_id)
    return _policy(session.scalars(query))


def replace_policy(session: Session, organisation_id: str, policy: OrganisationPolicy) -> None:
    """Decide anew."""
    session.execute(delete(RetentionPolicyRow).where(RetentionPolicyRow.organization_id == organisation_id))
    wanted: list[tuple[str | None, int | None, Retention]] = [
        *([(None, None, policy.own)] if policy.own is not None else []),
        *((uuid, None, each) for uuid, each in policy.devices.items()),
        *((None, tag_id, each) for tag_id, each in policy.tags.items()),
    ]
    for uuid, tag_id, each in wanted:
        session.add(
            RetentionPolicyRow(
                id=new_id(),
                organization_id=organisation_id,
                device_id=uuid,
                tag_id=tag_id,
                raw_days=each.raw_days,
                minute_days=each.minute_days,
                hour_days=each.hour_days,
                updated_at=now_us(),
            )
        )


# every organisation: the stores know tags only, and keep those of all organisations in the same files
def resolved(session: Session, default_organisation: str, default: Retention) -> RetentionPolicies:
    """What holds for each tag. The default organisation's own policy is the store's default."""
    by_organisation: dict[str, list[RetentionPolicyRow]] = {}
    for row in session.scalars(select(RetentionPolicyRow)):
        by_organisation.setdefault(row.organization_id, []).append(row)
    policies = {organisation: _policy(rows) for organisation, rows in by_organisation.items()}
    base = policies.get(default_organisation, OrganisationPolicy()).own or default
    tags: dict[int, Retention] = {}
    for tag_id, organisation, device in session.execute(select(TagRow.id, TagRow.organization_id, TagRow.device_id)):
        policy = policies.get(organisation, OrganisationPolicy())
        found = policy.tags.get(tag_id) or policy.devices.get(device) or policy.own or default
        if found != base:
            tags[tag_id] = found
    return RetentionPolicies(base, tags)


def _policy(rows: Iterable[RetentionPolicyRow]) -> OrganisationPolicy:
    own: Retention | None = None
    devices: dict[str, Retention] = {}
    tags: dict[int, Retention] = {}
    for row in rows:
        retention = Retention(row.raw_days, row.minute_days, row.hour_days)
        if row.tag_id is not None:
            tags[row.tag_id] = retention
        elif row.device_id is not None:
            devices[row.device_id] = retention
        else:
            own = retention
    return OrganisationPolicy(own, devices, tags)
