"""What an endpoint answers, said beside it. Nothing is built or checked until the OpenAPI document is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

QualityName = Literal["good", "uncertain", "bad", "stale"]
Trend = Literal["increasing", "decreasing", "stable"]
Value = float | bool | str | None
"""A sample's value as JSON; null where there is none, never 0."""

_CONTRACT = "__contract__"
Handler = TypeVar("Handler", bound=Callable[..., Any])


def camel(name: str) -> str:
    """`device_id` as `deviceId`; digits stay as they are (`avg24h`)."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


class Answer(BaseModel):
    """A part of a response body. Fields are named as on the wire by `camel`; one with a default may be absent."""

    model_config = ConfigDict(defer_build=True, extra="forbid", alias_generator=camel)


def example(body: Mapping[str, Any]) -> ConfigDict:
    """The `model_config` of an answer with an example."""
    return ConfigDict(json_schema_extra={"examples": [dict(body)]})


@dataclass(frozen=True, slots=True)
class Contract:
    """`data` and `meta` of the envelope, or the body itself when it is `bare`.

    `refuses`: why each further status is answered, with the error body; `also`: statuses with the body of `data`.
    """

    data: type[Answer]
    meta: type[Answer] | None = None
    bare: bool = False
    refuses: Mapping[int, str] = field(default_factory=dict)
    also: Mapping[int, str] = field(default_factory=dict)


def answers(
    data: type[Answer],
    meta: type[Answer] | None = None,
    *,
    bare: bool = False,
    refuses: Mapping[int, str] | None = None,
    also: Mapping[int, str] | None = None,
) -> Callable[[Handler], Handler]:
    """Declare what a handler answers; stands beneath the route's decorator. See `Contract`."""
    contract = Contract(data, meta, bare, refuses or {}, also or {})

    def declare(handler: Handler) -> Handler:
        setattr(handler, _CONTRACT, contract)
        return handler

    return declare


def contract_of(handler: Callable[..., Any]) -> Contract | None:
    """What was declared, None when nothing was."""
    found: Contract | None = getattr(handler, _CONTRACT, None)
    return found
