"""What a probe of a dependency answers, and what the log hears of it."""

from __future__ import annotations

import logging

import pytest

from andon.api.health import outage_of, probe


async def test_a_dependency_that_is_down_is_told_once_and_once_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage = outage_of("database")

    async def away() -> str:
        raise ConnectionError("nobody there")

    async def there() -> str:
        return "healthy"

    with caplog.at_level(logging.INFO):
        answers = [await probe(each, outage) for each in (away, away, away, there, there)]
    assert [answer["status"] for answer in answers] == [*["unhealthy"] * 3, *["healthy"] * 2]
    assert [record.message for record in caplog.records] == ["dependency is unhealthy", "dependency answers again"]
