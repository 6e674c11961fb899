"""Structured logs: one JSON object a line for machines, one readable line for a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec

from andon.kit.clock import now_us, to_iso

_STANDARD = set(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "private_key")
_REDACTED = "(hidden)"
# Too talkative, and below warning some of them print headers and addresses with tokens in them.
NOISY = ("uvicorn", "uvicorn.error", "websockets", "gmqtt", "socketio", "engineio", "alembic", "httpx", "httpcore")


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller passed as `extra`, with anything that looks like a secret hidden."""
    return {
        key: _REDACTED if any(word in key.lower() for word in _SECRET_WORDS) else value
        for key, value in vars(record).items()
        if key not in _STANDARD and not key.startswith("_")
    }


class JsonFormatter(logging.Formatter):
    """`{"at", "level", "logger", "message", …extras, "error"}` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": to_iso(now_us()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **extras(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class TerminalFormatter(logging.Formatter):
    """`10:00:00 warning ingest: message key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in extras(record).items())
        name = record.name.removeprefix("andon.")
        clock = self.formatTime(record, "%H:%M:%S")
        line = f"{clock} {record.levelname.lower()} {name}: {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def setup_logging(level: str = "info", *, json: bool | None = None) -> None:
    """Send all logs to standard error; JSON unless a person is watching (`json=None` decides by the terminal)."""
    as_json = not sys.stderr.isatty() if json is None else json
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TerminalFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
