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
    """Takes messages; its first look for reports fails, the second one reports."""

    def __init__(self) -> None:
        self.polls = 0
        self._callbacks: list[Any] = []

    def produce_batch(self, _topic: str, messages: list[dict[str, Any]], on_delivery: Any) -> int:
        self._callbacks += [message.get("callback", on_delivery) for message in messages]
        return len(messages)

    def poll(self, _timeout: float) -> int:
        self.polls += 1
        if self.polls == 1:
            raise SystemError("exception <class 'str'> is not a BaseException subclass")
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(None, _Report())
        return len(callbacks)


async def test_a_look_for_reports_that_fails_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client = _Client()
    monkeypatch.setattr(KafkaProducer, "_connect", lambda _self: client)
    producer = KafkaProducer(KafkaAddress("localhost:1"), KafkaLimits())
    async with asyncio.timeout(10):
        assert await producer.append("stream", [b"a", b"b"], None, 100) == 7
    assert client.polls == 2
    assert producer.queued_bytes == 0
