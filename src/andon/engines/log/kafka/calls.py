"""Questions to the broker: they block, so they are asked on threads, and not again and again while it is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from andon.engines.log.kafka.client import is_passing, library, unavailable
from andon.kit.errors import UnavailableError

T = TypeVar("T")

_THREADS = 4
_REST_S = 1.0
_PASSING_S = 0.1


class Calls:
    """Runs blocking calls of the client. UnavailableError when the broker does not answer."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="kafka-calls")
        self._away: UnavailableError | None = None
        self._away_until = 0.0
        self._closed = False

    async def __call__(self, work: Callable[..., T], *arguments: Any) -> T:
        """What `work` answers; asks again while the cluster is just finding its order.

        After a failure the next calls fail at once for a moment.
        """
        if self._closed:
            raise UnavailableError("the log is closed")
        if self._away is not None and time.monotonic() < self._away_until:
            raise UnavailableError(self._away.message, cure=self._away.cure)
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                answer = await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
            except (library().KafkaException, TimeoutError) as error:
                if is_passing(error) and time.monotonic() < deadline:
                    await asyncio.sleep(_PASSING_S)
                    continue
                found = unavailable(error, "does not answer")
                if isinstance(found, UnavailableError):
                    self._away, self._away_until = found, time.monotonic() + _REST_S
                raise found from error
            self._away = None
            return answer

    async def rest(self) -> None:
        """Until a call would be tried again."""
        await asyncio.sleep(max(self._away_until - time.monotonic(), 0.05))

    async def close(self) -> None:
        """Wait for the calls that run."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
