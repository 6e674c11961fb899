"""What a process says of what it stands on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from andon.app.probes import _dependencies
from andon.kit.errors import UnavailableError


def front_door(*, store_answers: bool, historian_runs: bool) -> Any:
    """A process of the role `api` that reads the store itself, as on PostgreSQL and InfluxDB."""

    async def position() -> int:
        if not store_answers:
            raise UnavailableError("the store is away")
        return 0

    store = SimpleNamespace(position=position)
    return SimpleNamespace(
        topology=SimpleNamespace(alone=False),
        runs=lambda role: role == "api",
        fleet=SimpleNamespace(urls=lambda _role: ["http://historian"] if historian_runs else []),
        engines=SimpleNamespace(store=store, history=store),
        states={"api": "running"},
        settings=SimpleNamespace(redis_url=None),
    )


async def test_the_front_door_asks_the_store_of_history_and_whether_a_historian_runs() -> None:
    assert await _dependencies(front_door(store_answers=True, historian_runs=True))["historian"]() == "healthy"
    assert await _dependencies(front_door(store_answers=True, historian_runs=False))["historian"]() == "degraded"
    with pytest.raises(UnavailableError):
        await _dependencies(front_door(store_answers=False, historian_runs=True))["historian"]()
