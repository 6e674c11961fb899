"""What is asked of history: a range, and one of three shapes of it: samples, even buckets, or a calendar's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query

from andon.historian.calendar import Width, parse_width
from andon.historian.cursor import Remaining
from andon.historian.limits import QueryLimits
from andon.historian.paging import Order
from andon.historian.parameters import From, Limits, To, at_most
from andon.historian.ranges import parse_range
from andon.historian.selection import QualityFilter
from andon.kit.clock import now_us
from andon.kit.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Question:
    """A range and its shape: `buckets`, `bucket`, or none of them for samples."""

    asked: Remaining
    limit: int = 1000
    order: Order = "asc"
    buckets: int | None = None
    bucket: Width | None = None
    timezone: str | None = None
    quality: QualityFilter = "all"
    cursor: str | None = None

    @property
    def per_series(self) -> int:
        """Most readings of one signal in the answer."""
        return self.buckets or self.limit

    def check_size(self, series: int, limits: QueryLimits) -> None:
        """InvalidError when so many signals would make the answer too large."""
        if self.bucket is None and series * self.per_series > limits.max_answer:
            raise InvalidError(
                f"{series} series of {self.per_series} readings are too much for one answer; "
                f"{limits.max_answer} readings are allowed (history_max_answer)",
                field="buckets" if self.buckets else "limit",
                cure="ask for fewer readings a series, or fewer series",
            )


def question(
    limits: Limits,
    start: From = "-24h",
    end: To = "now",
    limit: Annotated[int, Query(ge=1, description="Most readings of a series on a page.")] = 1000,
    order: Annotated[Literal["asc", "desc"], Query(description="Oldest or newest first; of samples only.")] = "asc",
    buckets: Annotated[int | None, Query(ge=1, description="Sum up in so many buckets of equal width.")] = None,
    bucket: Annotated[
        str | None,
        Query(max_length=20, description="Sum up by the calendar of `timezone`: `15m`, `1h`, `1d`, `1w`, `1mo`."),
    ] = None,
    timezone: Annotated[
        str | None, Query(max_length=60, description="IANA name; without it that of the device's site.")
    ] = None,
    quality: Annotated[QualityFilter, Query(description="Which samples count.")] = "all",
    cursor: Annotated[
        str | None, Query(max_length=400, description="`meta.nextCursor` of the page before; it holds the range.")
    ] = None,
) -> Question:
    """The question of a request. InvalidError names the parameter at fault."""
    _check_shape(buckets, bucket, cursor)
    at_most(limit, limits.max_readings, "limit", "history_max_readings")
    at_most(buckets or 0, limits.max_buckets, "buckets", "history_max_buckets")
    return Question(
        asked=Remaining(*parse_range(start, end, now_us())),
        limit=limit,
        order=order,
        buckets=buckets,
        bucket=parse_width(bucket) if bucket is not None else None,
        timezone=timezone,
        quality=quality,
        cursor=cursor,
    )


def _check_shape(buckets: int | None, bucket: str | None, cursor: str | None) -> None:
    given = [name for name, value in (("buckets", buckets), ("bucket", bucket)) if value is not None]
    if len(given) > 1:
        raise InvalidError(
            f"{' and '.join(given)} are different shapes of an answer", field=given[1], cure="choose one of them"
        )
    if cursor is not None and given:
        raise InvalidError("only samples come page by page", field="cursor", cure=f"leave cursor out, or {given[0]}")
