"""Andon's own warnings and errors on `factory-plus/system/logs`: short, bounded, without secrets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from andon.kit.clock import US_PER_S, to_iso
from andon.observability.logs import extras
from andon.realtime.messages import encode
from andon.realtime.mqtt_out import Publish
from andon.wire.topics import system_topic

WATCHED = "andon"


@dataclass(frozen=True, slots=True)
class SystemLogSettings:
    """`per_window`: most lines in `window_s` seconds, further ones are counted and told in one line.
    `text_chars`, `fields`: most characters of a text, and most extra fields of a line."""

    per_window: int = 50
    window_s: float = 10.0
    text_chars: int = 500
    fields: int = 20


class SystemLogs(logging.Handler):
    """Lines are handed to the loop from whichever thread logs. What is logged while a line is being published is left
    out, and so is an exception's text and trace: they stand in the server's own log."""

    def __init__(self, publish: Publish, settings: SystemLogSettings | None = None) -> None:
        super().__init__(logging.WARNING)
        self._publish = publish
        self._settings = settings or SystemLogSettings()
        self._topic = system_topic("logs")
        self._waiting: deque[dict[str, Any]] = deque()
        self._taken = self._withheld = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._window: asyncio.TimerHandle | None = None
        self._publishing = threading.local()

    def start(self) -> None:
        """Watch Andon's loggers."""
        self._loop = asyncio.get_running_loop()
        logging.getLogger(WATCHED).addHandler(self)

    def stop(self) -> None:
        """Watch no more; what waits is published."""
        logging.getLogger(WATCHED).removeHandler(self)
        self._flush()
        if self._window is not None:
            self._window.cancel()
            self._window = None
        self._loop = None

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`, under this handler's lock."""
        loop = self._loop
        if loop is None or loop.is_closed() or getattr(self._publishing, "now", False):
            return
        if self._taken >= self._settings.per_window:
            self._withheld += 1
            return
        self._taken += 1
        try:
            self._waiting.append(self._line(record))
        except (TypeError, ValueError, KeyError):  # arguments that do not fit the text: told on standard error
            self.handleError(record)
            return
        loop.call_soon_threadsafe(self._flush)

    def _line(self, record: logging.LogRecord) -> dict[str, Any]:
        most = self._settings.text_chars
        line: dict[str, Any] = {
            "timestamp": to_iso(round(record.created * US_PER_S)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:most],
        }
        fields = list(extras(record).items())[: self._settings.fields]
        if fields:
            line["fields"] = {name: _short(value, most) for name, value in fields}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return line

    def _flush(self) -> None:
        if self._window is None and self._loop is not None:
            self._window = self._loop.call_later(self._settings.window_s, self._end_window)
        while self._waiting:
            self._send(self._waiting.popleft())

    def _send(self, line: dict[str, Any]) -> None:
        self._publishing.now = True
        try:
            self._publish(self._topic, encode(line), 0, False)
        finally:
            self._publishing.now = False

    def _end_window(self) -> None:
        self.acquire()
        withheld, self._taken, self._withheld, self._window = self._withheld, 0, 0, None
        self.release()
        if withheld:
            record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, "lines were left out", (), None)
            self._send(self._line(record) | {"fields": {"lines": withheld}})


def _short(value: object, most: int) -> object:
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:most]
