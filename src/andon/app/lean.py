"""Starts a server's process without what its libraries would load only because it is installed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from typing import Any, cast

_OF_SOCKETIO = ("aiohttp", "aio_pika", "kafka", "kombu", "redis", "requests", "tornado", "valkey", "websocket")
"""For its clients and message queues; Andon is a server, and has a log of its own."""
_NEVER = ("pandas", "pydantic.v1")
"""Arrow looks for the one and FastAPI for the other, in case somebody hands them such things."""


class _Refusal(MetaPathFinder):
    """As if they were not installed. None among the modules would do for Python, but Arrow takes it for a module."""

    def find_spec(self, name: str, _path: object, _target: object = None) -> None:
        """ModuleNotFoundError for what is never to be loaded."""
        if name in _NEVER:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def lean(*, live: bool = True) -> Iterator[None]:
    """Around the import of what serves: it saves up to a third of the time until the process does.

    `live`: it serves live connections, so that Socket.IO is wanted.
    """
    gc.disable()  # what is imported stays
    sys.meta_path.insert(0, _Refusal())
    try:
        if live:
            # None stands for a module that cannot be imported.
            with _absent(cast(dict[str, Any], sys.modules), _OF_SOCKETIO):
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
