"""Dead letters are read newest first, also where their stream has several partitions."""

from __future__ import annotations

import json

import pytest

from andon.engines.log.port import DEAD_LETTERS, Log
from andon.ingest.letter_reader import LetterReader
from andon.kit.clock import US_PER_S, parse_timestamp, to_iso
from engines.log.backends import Mock, OnMock

AT = parse_timestamp("2025-01-11T10:00:00.000Z")


async def put(log: Log, number: int, organisation: str | None = None) -> None:
    letter = {"at": to_iso(AT + number * US_PER_S), "source": "mqtt", "topic": str(number), "reason": "r", "detail": ""}
    await log.append(DEAD_LETTERS, [json.dumps({**letter, "organisation": organisation}).encode()], [f"key {number}"])


@pytest.fixture(scope="module")
def mock() -> Mock:
    return Mock()


async def test_they_are_merged_by_their_times_and_paged(mock: Mock) -> None:
    async with OnMock(mock).open() as log:
        assert await log.partitions(DEAD_LETTERS) == 4
        for number in range(25):
            await put(log, number, "mine" if number % 5 else "other")
        reader = LetterReader(log)
        seen: list[str] = []
        before = None
        while page := await reader.recent("mine", before, 7):
            assert len(page) <= 7
            seen += [letter.topic for letter in page]
            before = page[-1].id
        assert seen == [str(number) for number in range(24, -1, -1) if number % 5]


async def test_each_has_an_id_of_its_own_by_which_it_is_found(mock: Mock) -> None:
    async with OnMock(mock).open() as log:
        for number in range(12):
            await put(log, number)
        reader = LetterReader(log)
        letters = await reader.recent("mine", None, 100)
        assert len({letter.id for letter in letters}) == 12
        assert all(letter.id < 2**53 for letter in letters), "exact in JavaScript"
        for letter in letters:
            assert await reader.get("mine", letter.id) == letter
        for unknown in (0, -1, 10**6, 2**43 + 10**6, 9 * 2**43 + 1, 2**60):
            assert await reader.get("mine", unknown) is None
