"""More comes than can be taken: what is dropped is counted and told."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import REGISTRY

from andon.ingest.overload import Overload

from .conftest import Plant

SECONDS = 30


def _refused() -> float:
    return REGISTRY.get_sample_value("andon_ingest_rejected_total", {"reason": "overload"}) or 0.0


async def test_dropped_messages_are_counted_and_a_letter_says_how_many(plant: Plant) -> None:
    before = _refused()
    overload, organisation = Overload(plant.ingest.pipeline), plant.directory.default_organisation
    overload.note(0, organisation)
    overload.note(1_200, organisation)
    overload.note(1_500, organisation)
    await plant.ingest.pipeline.settled()
    letters = await plant.ingest.dead_letters.recent(organisation)
    assert [(letter.reason, letter.source, letter.count, letter.replayable) for letter in letters] == [
        ("overload", "mqtt", 300, False),
        ("overload", "mqtt", 1_200, False),
    ]
    assert "300 messages at QoS 0" in letters[0].detail
    assert _refused() - before == 1_500


async def test_the_log_says_when_it_began_and_when_it_is_over(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "andon.ingest.overload")
    overload, dropped = Overload(plant.ingest.pipeline), 0
    for second in range(SECONDS):
        dropped += 10 if second < 5 else 0
        overload.note(dropped, plant.directory.default_organisation)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.records[1].__dict__["dropped"] == 50


async def test_a_source_that_starts_anew_counts_from_nothing(plant: Plant) -> None:
    overload, organisation = Overload(plant.ingest.pipeline), plant.directory.default_organisation
    overload.note(1_000, organisation)
    overload.restart()
    overload.note(5, organisation)
    await plant.ingest.pipeline.settled()
    assert [letter.count for letter in await plant.ingest.dead_letters.recent(organisation)] == [5, 1_000]
