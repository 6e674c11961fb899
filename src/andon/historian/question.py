"""What is asked of history: a range, and one of four shapes of it: samples, even buckets, a calendar's, or points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query

from andon.historian.calendar import Width, parse_width
from andon.historian.cursor import Remaining
from andon.historian.downsample import Fill
from andon.historian.limits import QueryLimits
from andon.historian.paging import Order
from andon.historian.parameters import From, Limits, To, at_most
from andon.historian.ranges import parse_range
from andon.historian.selection import QualityFilter
from andon.kit.clock import now_us
from andon.kit.errors import InvalidError

Method = Literal["lttb", "minmax"]
_DEFAULT_POINTS = 500


@dataclass(frozen=True, slots=True)
class Question:
    """A range and its shape: exactly one of `buckets`, `bucket`, `points`, or none of them for samples."""

    asked: Remaining
    limit: int = 1000
    order: Order = "asc"
    buckets: int | None = None
    bucket: Width | None = None
    timezone: str | None = None
    points: int | None = None
    method: Method = "lttb"
    fill: Fill = "none"
    quality: QualityFilter = "all"
    cursor: str | None = None

    @property
    def per_series(self) -> int:
        """Most readings of one signal in the answer."""
        return self.points or self.buckets or self.limit

    def check_size(self, series: int, limits: QueryLimits) -> None:
        """InvalidError when so many signals would make the answer too large."""
        if self.bucket is None and series * self.per_series > limits.max_answer:
            raise InvalidError(
                f"{series} series of {self.per_series} readings are too much for one answer; "
                f"{limits.max_answer} readings are allowed (history_max_answer)",
                field=next((name for name in ("points", "buckets") if getattr(self, name)), "limit"),
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
    points: Annotated[int | None, Query(ge=4, description="Pick so many points that show the curve's shape.")] = None,
    method: Annotated[
        Method | None, Query(description="How points are picked: by triangles, or the extremes. Default lttb.")
    ] = None,
    fill: Annotated[Fill, Query(description="What stands in buckets without a value.")] = "none",
    quality: Annotated[QualityFilter, Query(description="Which samples count.")] = "all",
    cursor: Annotated[
        str | None, Query(max_length=400, description="`meta.nextCursor` of the page before; it holds the range.")
    ] = None,
) -> Question:
    """The question of a request. InvalidError names the parameter at fault."""
    if method is not None and points is None:
        points = _DEFAULT_POINTS
    _check_shape(buckets, bucket, points, cursor, fill)
    at_most(limit, limits.max_readings, "limit", "history_max_readings")
    at_most(buckets or 0, limits.max_buckets, "buckets", "history_max_buckets")
    at_most(points or 0, limits.max_points, "points", "history_max_points")
    return Question(
        asked=Remaining(*parse_range(start, end, now_us())),
        limit=limit,
        order=order,
        buckets=buckets,
        bucket=parse_width(bucket) if bucket is not None else None,
        timezone=timezone,
        points=points,
        method=method or "lttb",
        fill=fill,
        quality=quality,
        cursor=cursor,
    )


def _check_shape(buckets: int | None, bucket: str | None, points: int | None, cursor: str | None, fill: Fill) -> None:
    given = [
        name for name, value in (("buckets", buckets), ("bucket", bucket), ("points", points)) if value is not None
    ]
    if len(given) > 1:
        raise InvalidError(
            f"{' and '.join(given)} are different shapes of an answer", field=given[1], cure="choose one of them"
        )
    if cursor is not None and given:
        raise InvalidError("only samples come page by page", field="cursor", cure=f"leave cursor out, or {given[0]}")
    if fill != "none" and given not in (["buckets"], ["bucket"]):
        raise InvalidError("only buckets can be filled", field="fill", cure="add bucket=1h or buckets=500")
