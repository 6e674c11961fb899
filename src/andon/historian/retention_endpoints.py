"""`GET` and `PUT /storage/retention`: how long history is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session

from andon.engines.database.session import RequestSession
from andon.historian.housekeeping import Housekeeper
from andon.historian.parameters import UNKNOWN, History
from andon.historian.policies import OrganisationPolicy, policy_of, replace_policy
from andon.historian.retention import PRESETS, Retention
from andon.historian.schemas_storage import (
    OverrideBody,
    PolicyBody,
    RetentionBody,
    RetentionView,
    policy_view,
    preset_of,
)
from andon.historian.service import Historian
from andon.identity.audit import record
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.contract import answers
from andon.kit.envelope import success
from andon.kit.errors import InvalidError

router = APIRouter(tags=["storage"])

SystemReader = Annotated[Principal, Depends(requires("system:read"))]
SystemWriter = Annotated[Principal, Depends(requires("system:write"))]


def _housekeeper(request: Request) -> Housekeeper:
    found: Housekeeper = request.app.state.housekeeper
    return found


Keeper = Annotated[Housekeeper, Depends(_housekeeper)]


@router.get("/storage/retention", summary="How long history is kept")
@answers(RetentionView)
def get_retention(
    historian: History, keeper: Keeper, session: RequestSession, principal: SystemReader
) -> dict[str, Any]:
    """Of your organisation. Samples are kept for `rawDays`, sums of minutes and hours for longer; pinned samples
    (imported history) until somebody decides otherwise.
    """
    return success(_view(historian, principal.organisation_id, policy_of(session, principal.organisation_id), keeper))


@router.put("/storage/retention", summary="Decide how long history is kept")
@answers(RetentionView, refuses=UNKNOWN)
def put_retention(
    body: RetentionBody, historian: History, keeper: Keeper, session: RequestSession, principal: SystemWriter
) -> dict[str, Any]:
    """Replaces all that was decided before. It holds within a minute: what is older then is dropped for good."""
    policy = _decided(historian, principal.organisation_id, body)
    replace_policy(session, principal.organisation_id, policy)
    view = _view(historian, principal.organisation_id, policy, keeper)
    _record(session, principal, view)
    return success(view)


def _record(session: Session, principal: Principal, view: dict[str, Any]) -> None:
    detail = {name: view[name] for name in ("preset", "policy", "overrides")}
    record(session, principal, "retention.update", "history", detail)


def _decided(historian: Historian, organisation_id: str, body: RetentionBody) -> OrganisationPolicy:
    """InvalidError and NotFoundError name what is wrong."""
    own = _chosen(body.preset, body.policy, "policy")
    devices: dict[str, Retention] = {}
    tags: dict[int, Retention] = {}
    for place, each in enumerate(body.overrides):
        field = f"overrides.{place}"
        retention = _chosen(each.preset, each.policy, f"{field}.policy")
        uuid, tag_id = _target(historian, organisation_id, each)
        if (uuid in devices) if tag_id is None else (tag_id in tags):
            raise InvalidError(
                f"{each.device_id} {each.tag or ''} is there twice".replace("  ", " "), field=field, cure="keep one"
            )
        if tag_id is None:
            devices[uuid] = retention
        else:
            tags[tag_id] = retention
    return OrganisationPolicy(own, devices, tags)


def _chosen(preset: str | None, policy: PolicyBody | None, field: str) -> Retention:
    if (preset is None) == (policy is None):
        raise InvalidError("give either a preset or days", field=field, cure='send "preset": "s2", or "policy"')
    return PRESETS[preset] if preset is not None else policy.to_retention()  # type: ignore[union-attr]


def _target(historian: Historian, organisation_id: str, each: OverrideBody) -> tuple[str, int | None]:
    device = historian.device(organisation_id, each.device_id)
    return device.uuid, None if each.tag is None else historian.tags(device, each.tag)[0].id


def _view(
    historian: Historian, organisation_id: str, policy: OrganisationPolicy, keeper: Housekeeper
) -> dict[str, Any]:
    own = policy.own or keeper.default
    return {
        "preset": preset_of(own),
        "policy": policy_view(own),
        "overrides": sorted(_overrides(historian, organisation_id, policy), key=_by_name),
        "presets": {name: policy_view(preset) for name, preset in PRESETS.items()},
    }


def _overrides(historian: Historian, organisation_id: str, policy: OrganisationPolicy) -> Iterable[dict[str, Any]]:
    """Those of devices that were deleted are not shown; they hold on."""
    for device in historian.devices(organisation_id):
        if device.uuid in policy.devices:
            yield {"deviceId": device.device_id, "tag": None, "policy": policy_view(policy.devices[device.uuid])}
        for tag in device.tags:
            if tag.id in policy.tags:
                yield {"deviceId": device.device_id, "tag": tag.name, "policy": policy_view(policy.tags[tag.id])}


def _by_name(override: dict[str, Any]) -> tuple[str, str]:
    return override["deviceId"], override["tag"] or ""
