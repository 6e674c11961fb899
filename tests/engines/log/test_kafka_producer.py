"""Appends are answered whatever the client's calls do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from andon.engines.log.kafka.producer import KafkaProducer
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits


class _Report:
    def offset(self) -> int:
        return 6


class _Client:
    """Takes messages; its first looks for reports fail, the next one reports."""

    def __init__(self, failures: int) -> None:
        self.polls = 0
        self._failures = failures
        self._callbacks: list[Any] = []

    def produce_batch(self, _topic: str, messages: list[dict[str, Any]], on_delivery: Any) -> int:
        self._callbacks += [message.get("callback", on_delivery) for message in messages]
        return len(messages)

    def poll(self, _timeout: float) -> int:
        self.polls += 1
        if self.polls <= self._failures:
            raise SystemError("exception <class 'str'> is not a BaseException subclass")
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(None, _Report())
        return len(callbacks)


async def test_looks_for_reports_that_fail_are_taken_again_and_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = _Client(failures=3)
    monkeypatch.setattr(KafkaProducer, "_connect", lambda _self: client)
    producer = KafkaProducer(KafkaAddress("localhost:1"), KafkaLimits())
    async with asyncio.timeout(10):
        assert await producer.append("stream", [b"a", b"b"], None, 100) == 7
    assert client.polls == 4
    assert len(caplog.records) == 1
    assert producer.queued_bytes == 0
