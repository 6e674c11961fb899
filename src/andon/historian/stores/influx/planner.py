"""Which part of a range is answered from samples and which from sums. Pure.

Where samples have been dropped, minutes and after them hours stand for them. Where they are there, sums are used when
the buckets' edges lie on them and no sample has come since they were made: the answer is the same, and quicker.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.stores.influx.tier_queries import WIDTHS
from andon.kit.clock import US_PER_HOUR

MOST_HOLES: Final = 8
"""Hours in a row count as one. With more holes in the sums, the samples are read from the first one on."""


class Piece(NamedTuple):
    """start ≤ time < end, answered from a tier."""

    tier: Source
    start: int
    end: int


def plan(edges: NDArray[np.int64], raw_floor: int, minute_floor: int, touched: Collection[int]) -> tuple[Piece, ...]:
    """The pieces of the range, oldest first. `touched`: hours of which the sums are not right, by their beginnings."""
    start, end = int(edges[0]), int(edges[-1])
    hours_until, minutes_until = min(max(minute_floor, start), end), min(max(raw_floor, start), end)
    pieces = []
    if start < min(hours_until, minutes_until):
        pieces.append(Piece("hour", start, min(hours_until, minutes_until)))
    if hours_until < minutes_until:
        pieces.append(Piece("minute", hours_until, minutes_until))
    if minutes_until < end:
        pieces += _from_samples_or_sums(edges, minutes_until, end, touched)
    return tuple(pieces)


def _from_samples_or_sums(edges: NDArray[np.int64], start: int, end: int, touched: Collection[int]) -> list[Piece]:
    tier = _coarsest(edges)
    if tier is None:
        return [Piece("raw", start, end)]
    low, high = -(-start // US_PER_HOUR) * US_PER_HOUR, end // US_PER_HOUR * US_PER_HOUR
    if low >= high:
        return [Piece("raw", start, end)]
    pieces = [Piece("raw", start, low)] if start < low else []
    pieces += _around(tier, low, high, sorted(hour for hour in touched if low <= hour < high))
    if high < end:
        pieces.append(Piece("raw", high, end))
    return _joined(pieces)


def _around(tier: Source, low: int, high: int, holes: list[int]) -> list[Piece]:
    runs: list[list[int]] = []
    for hour in holes:
        if runs and runs[-1][1] == hour:
            runs[-1][1] = hour + US_PER_HOUR
        else:
            runs.append([hour, hour + US_PER_HOUR])
    if len(runs) > MOST_HOLES:
        runs = [*runs[: MOST_HOLES - 1], [runs[MOST_HOLES - 1][0], high]]
    pieces = []
    for first, last in runs:
        if low < first:
            pieces.append(Piece(tier, low, first))
        pieces.append(Piece("raw", first, last))
        low = last
    return [*pieces, Piece(tier, low, high)] if low < high else pieces


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].tier == piece.tier and joined[-1].end == piece.start:
            joined[-1] = Piece(piece.tier, joined[-1].start, piece.end)
        else:
            joined.append(piece)
    return joined


def _coarsest(edges: NDArray[np.int64]) -> Source | None:
    """The coarsest sums that no edge between buckets cuts through; None: some are cut."""
    inner = edges[1:-1]
    for tier in ("hour", "minute"):
        if not (inner % WIDTHS[tier]).any():
            return tier
    return None
