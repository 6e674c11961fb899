"""Starts a server's process without what its libraries would load only because it is installed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

_OF_SOCKETIO = ("aiohttp", "aio_pika", "kafka", "kombu", "redis", "requests", "tornado", "valkey", "websocket")
"""For its clients and message queues; Andon is a server, and has a log of its own."""
_NEVER = ("pandas", "pydantic.v1")
"""Arrow looks for the one and FastAPI for the other, in case somebody hands them such things."""


@contextmanager
def lean(*, live: bool = True) -> Iterator[None]:
    """Around the import of what serves: it saves up to a third of the time until the process does.

    `live`: it serves live connections, so that Socket.IO is wanted.
    """
    gc.disable()  # what is imported stays
    modules = cast(dict[str, Any], sys.modules)  # None stands for a module that cannot be imported
    for name in _NEVER:
        modules.setdefault(name, None)
    try:
        if live:
            with _absent(modules, _OF_SOCKETIO):
                import socketio  # noqa: F401
        yield
    finally:
        gc.enable()


@contextmanager
def _absent(modules: dict[str, Any], names: tuple[str, ...]) -> Iterator[None]:
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
