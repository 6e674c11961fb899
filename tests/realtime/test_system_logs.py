"""Andon's warnings and errors over MQTT."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from andon.realtime.system_logs import SystemLogs, SystemLogSettings
from realtime.harness import until

logger = logging.getLogger("andon.realtime.test")


class Out:
    """The broker: what was published, and whether publishing itself logs."""

    def __init__(self, settings: SystemLogSettings | None = None) -> None:
        self.lines: list[dict[str, Any]] = []
        self.complains = False
        self.logs = SystemLogs(self._publish, settings)

    def _publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        assert (topic, qos, retain) == ("factory-plus/system/logs", 0, False)
        self.lines.append(json.loads(payload))
        if self.complains:
            logger.error("the broker does not answer")

    async def heard(self, count: int) -> list[dict[str, Any]]:
        """All lines, once there are so many and whatever was under way has come too."""
        await until(lambda: len(self.lines) >= count)
        await asyncio.sleep(0.02)
        return self.lines


@pytest.fixture
async def out() -> Any:
    out = Out()
    out.logs.start()
    yield out
    out.logs.stop()


async def test_a_warning_says_when_where_and_what(out: Out) -> None:
    logger.warning("alarm events wait for the log", extra={"waiting": 7, "stream": "alerts"})
    (line,) = await out.heard(1)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "andon.realtime.test",
        "message": "alarm events wait for the log",
        "fields": {"waiting": 7, "stream": "alerts"},
    }


async def test_what_is_no_warning_or_not_andons_is_not_published(out: Out) -> None:
    logger.info("all is well")
    logging.getLogger("gmqtt").error("trying to connect again")
    logger.error("the last one")
    assert [line["message"] for line in await out.heard(1)] == ["the last one"]


async def test_another_thread_may_log(out: Out) -> None:
    await asyncio.to_thread(logger.error, "from a thread")
    assert (await out.heard(1))[0]["message"] == "from a thread"


async def test_secrets_and_the_text_of_exceptions_stay_at_home(out: Out) -> None:
    try:
        raise RuntimeError("postgres://user:hunter2@host")
    except RuntimeError:
        logger.exception("the database is away", extra={"token": "hunter2", "mqtt_password": "hunter2"})
    (line,) = await out.heard(1)
    assert line["error"] == "RuntimeError"
    assert "hunter2" not in json.dumps(line)


async def test_a_line_that_cannot_be_written_does_not_end_what_logs_it(out: Out, capsys: Any) -> None:
    out.logs.handle(logging.LogRecord("andon", logging.WARNING, __file__, 1, "%d looms", ("many",), None))
    logger.warning("and on")
    assert [line["message"] for line in await out.heard(1)] == ["and on"]
    assert "many" in capsys.readouterr().err


async def test_a_line_is_bounded(out: Out) -> None:
    logger.warning("x" * 10_000, extra={"payload": "y" * 10_000, **{f"f{i}": i for i in range(100)}})
    (line,) = await out.heard(1)
    assert len(line["message"]) == len(line["fields"]["payload"]) == 500
    assert len(line["fields"]) == 20


async def test_publishing_that_logs_does_not_feed_itself(out: Out) -> None:
    out.complains = True
    logger.warning("once")
    assert [line["message"] for line in await out.heard(1)] == ["once"]


async def test_a_flood_is_counted_not_published() -> None:
    out = Out(SystemLogSettings(per_window=3, window_s=0.05))
    out.logs.start()
    for number in range(10):
        logger.warning("line %d", number)
    told = [(line["message"], line.get("fields")) for line in await out.heard(4)]
    assert told == [("line 0", None), ("line 1", None), ("line 2", None), ("lines were left out", {"lines": 7})]
    logger.warning("the next window")
    assert (await out.heard(5))[-1]["message"] == "the next window"
    out.logs.stop()


async def test_after_the_stop_nothing_is_published(out: Out) -> None:
    logger.warning("before")
    out.logs.stop()
    logger.warning("after")
    assert [line["message"] for line in await out.heard(1)] == ["before"]
