"""`GET /history/latest`: the newest sample of many signals at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from fastapi import APIRouter, Query, Request, Response

from andon.historian.parameters import UNKNOWN, DeviceNames, History, Limits, Reader, TagNames, TypeNames, at_most
from andon.historian.schemas_lists import Latest, LatestMeta
from andon.historian.selection import tags_where
from andon.historian.service import Historian
from andon.historian.views import iso_column, quality_column, value_column
from andon.kit.contract import answers
from andon.kit.samples import SampleBatch

router = APIRouter(tags=["history"])

_KEPT = 32


class _Filter(NamedTuple):
    """Which signals are asked for."""

    organisation_id: str
    devices: tuple[str, ...]
    types: tuple[str, ...]
    tags: tuple[str, ...]
    primary: bool


class _Signals(NamedTuple):
    """The signals of a filter while the directory has this version; `heads` are the beginnings of their entries."""

    version: int
    tag_ids: Sequence[int]
    heads: Sequence[bytes]


@router.get("/history/latest", summary="The newest sample of all signals, or of some")
@answers(Latest, LatestMeta, refuses=UNKNOWN)
async def latest(
    request: Request,
    historian: History,
    limits: Limits,
    principal: Reader,
    device: DeviceNames = None,
    type: TypeNames = None,
    tag: TagNames = None,
    primary: Annotated[bool, Query(description="Only each device's primary tag.")] = False,
    limit: Annotated[int, Query(ge=1, description="Most signals, by device and tag.")] = 5_000,
) -> Response:
    """As history has it: `quality` is the sample's own and does not age. Signals without samples are left out."""
    at_most(limit, limits.max_latest, "limit", "history_max_latest")
    wanted = _Filter(principal.organisation_id, tuple(device or ()), tuple(type or ()), tuple(tag or ()), primary)
    signals = _signals(request, historian, wanted)
    found = await historian.latest(signals.tag_ids[:limit])
    entries = _entries(signals, limit, found)
    meta = msgspec.json.encode({"count": len(entries), "truncated": len(signals.tag_ids) > limit})
    body = b'{"success":true,"data":{"latest":[%b]},"meta":%b}' % (b",".join(entries), meta)
    return Response(body, media_type="application/json")


def _signals(request: Request, historian: Historian, wanted: _Filter) -> _Signals:
    """What never changes between two changes of the directory is made once: most of the time goes there."""
    state = request.app.state
    if not hasattr(state, "latest_signals"):
        state.latest_signals = {}
    kept: dict[_Filter, _Signals] = state.latest_signals
    known = kept.get(wanted)
    if known is None or known.version != historian.directory_version:
        if len(kept) >= _KEPT:
            kept.clear()
        known = kept[wanted] = _find(historian, wanted)
    return known


def _find(historian: Historian, wanted: _Filter) -> _Signals:
    version = historian.directory_version
    series = tags_where(
        historian,
        wanted.organisation_id,
        devices=wanted.devices,
        types=wanted.types,
        tags=wanted.tags,
        primary_only=wanted.primary,
    )
    heads = [
        msgspec.json.encode({"deviceId": device.device_id, "tag": tag.name, "unit": tag.unit})[:-1]
        for device, tag in series
    ]
    return _Signals(version, [each.tag.id for each in series], heads)


def _entries(signals: _Signals, limit: int, found: SampleBatch) -> list[bytes]:
    """One for each signal that has a sample, in their order."""
    tails = dict(zip(found.tag_ids.tolist(), _tails(found), strict=True))
    pairs = zip(signals.tag_ids[:limit], signals.heads, strict=False)
    return [head + tail for tag_id, head in pairs if (tail := tails.get(tag_id)) is not None]


def _tails(batch: SampleBatch) -> Iterable[bytes]:
    values: list[float | str | None] = list(value_column(batch.values))
    for row, text in batch.texts.items():
        values[row] = text
    encode = msgspec.json.Encoder().encode
    columns = zip(
        iso_column(batch.timestamps),
        map(encode, values),
        quality_column(batch.qualities),
        iso_column(np.asarray(batch.received)),
        strict=True,
    )
    for at, value, quality, received in columns:
        rest = f'"quality":"{quality}","receivedAt":"{received}"}}'.encode()
        yield b',"timestamp":"%b","value":%b,%b' % (at.encode(), value, rest)
