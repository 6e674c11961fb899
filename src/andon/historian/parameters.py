"""What the history endpoints take from a request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from andon.historian.limits import QueryLimits
from andon.historian.service import Historian
from andon.identity.guard import requires
from andon.identity.model import Principal
from andon.kit.errors import InvalidError

MOMENT = "ISO 8601, an epoch number, `now`, or a distance from now such as `-24h`"
UNKNOWN = {404: "There is no such device or tag in your organisation"}


def get_historian(request: Request) -> Historian:
    """The application's historian."""
    found: Historian = request.app.state.historian
    return found


def get_limits(historian: Annotated[Historian, Depends(get_historian)]) -> QueryLimits:
    """What one question may cost."""
    return historian.queries


History = Annotated[Historian, Depends(get_historian)]
Limits = Annotated[QueryLimits, Depends(get_limits)]
Reader = Annotated[Principal, Depends(requires("data:read"))]
Name = Annotated[str, Query(max_length=200)]
DeviceId = Annotated[str, Path(max_length=100)]
From = Annotated[str, Query(alias="from", max_length=40, description=f"Start: {MOMENT}.")]
To = Annotated[str, Query(alias="to", max_length=40, description=f"End, not included: {MOMENT}.")]
TagName = Annotated[str | None, Query(max_length=200, description="A tag of the device.")]
# One value needs no list around it: clients may write `tag=temperature` as before.
_ONE_OR_MORE: dict[str, Any] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "maxLength": 200}}, {"type": "null"}]
}


def _several(description: str) -> Any:
    return Query(description=f"{description}; repeat it for several.", json_schema_extra=_ONE_OR_MORE)


TagNames = Annotated[list[Name] | None, _several("A tag of the device")]
SeriesNames = Annotated[
    list[Name] | None, _several("`device:tag`, `device` for its primary tag, or `device:*` for all")
]
DeviceNames = Annotated[list[Name] | None, _several("A device")]
TypeNames = Annotated[list[Name] | None, _several("A type of devices")]


def at_most(value: int, most: int, field: str, setting: str) -> int:
    """The value. InvalidError over the limit that a setting holds."""
    if value > most:
        raise InvalidError(
            f"{field} is {value}; {most} are allowed ({setting})", field=field, cure=f"ask for {most} or fewer"
        )
    return value
