"""An outage is told once, however often something is tried meanwhile."""

from __future__ import annotations

import logging
import time

import pytest

from andon.kit.outage import Outage

logger = logging.getLogger(__name__)


@pytest.fixture
def outage(caplog: pytest.LogCaptureFixture) -> Outage:
    caplog.set_level(logging.INFO)
    return Outage(logger, "the oven is away", "the oven is back", oven="oven-1")


def test_it_is_said_once_that_it_is_away_and_once_that_it_is_back(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        outage.begin("refused")
    for _ in range(3):
        outage.end()
    outage.begin("refused")
    said = [(record.levelname, record.message) for record in caplog.records]
    away, back = ("WARNING", "the oven is away"), ("INFO", "the oven is back")
    assert said == [away, back, away]


def test_what_never_was_away_does_not_come_back(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    outage.end()
    assert caplog.records == []


def test_the_log_names_it_and_the_first_reason(outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
    outage.begin("refused")
    outage.begin("no answer")
    outage.end()
    away, back = map(vars, caplog.records)
    assert (away["oven"], away["error"], back["oven"]) == ("oven-1", "refused", "oven-1")


def test_the_newest_reason_is_known_while_it_is_away(outage: Outage) -> None:
    assert outage.reason is None
    outage.begin("refused")
    outage.begin("no answer")
    assert outage.reason == "no answer"
    outage.end()
    assert outage.reason is None


def test_it_knows_how_long_it_lasts(outage: Outage, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert outage.lasts_s == 0
    outage.begin("refused")
    now = 103.0
    outage.begin("refused")
    assert outage.lasts_s == 3
    outage.end()
    assert outage.lasts_s == 0
