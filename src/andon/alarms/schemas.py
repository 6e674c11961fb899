"""What callers send to the alarm endpoints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_IDS = 1_000

CommentText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
StatusFilter = Literal["active", "acknowledged", "resolved", "all"]
Severity = Literal["critical", "high", "medium", "low"]


class CommentBody(BaseModel):
    """An optional note for the journal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"comment": "valve replaced"}})

    comment: CommentText | None = None


class ManyBody(CommentBody):
    """Many alarms at once."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"ids": ["alert-001", "alert-002"], "comment": "on my way"}}
    )

    ids: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(min_length=1, max_length=MAX_IDS)]
