"""Log lines for programs and for people: one JSON object a line, or one line of text; with the request they belong to.

Rules:

- time is UTC to the millisecond; a member that a line does not have is left out;
- ``request`` is a context variable: whoever answers a request sets it, and every line logged meanwhile carries it;
- further members come as ``extra={"fields": {...}}``; contents of evidence, names and keys are never logged.

::

    {"time":"2026-01-02T03:04:05.678Z","level":"info","logger":"tallystick.worker","message":"batch 7: sent"}
"""

from __future__ import annotations

import datetime
import json
import logging
import sys
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, TextIO

request: ContextVar[str | None] = ContextVar("tallystick_request", default=None)
"""The id of the request that is being answered."""


class Format(StrEnum):
    """How log lines look."""

    JSON = "json"
    TEXT = "text"


class JsonFormatter(logging.Formatter):
    """One JSON object a line, whatever is in the message."""

    def format(self, record: logging.LogRecord) -> str:
        """``record`` as JSON, ASCII only: a message may quote half a surrogate pair."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request_id := request.get()) is not None:
            line["request"] = request_id
        line.update(_fields(record))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str, separators=(",", ":"))


class TextFormatter(logging.Formatter):
    """Time, level, logger and message; then the fields, and the traceback on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """``record`` as a line of text."""
        fields = _fields(record)
        if (request_id := request.get()) is not None:
            fields = {"request": request_id, **fields}
        parts = [_time(record), record.levelname, f"{record.name}:", record.getMessage()]
        parts += [f"{name}={value}" for name, value in fields.items()]
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(chosen: Format | None = None, stream: TextIO | None = None) -> None:
    """Let everything from INFO on go to ``stream`` (standard error): as ``chosen``, else as fits whoever reads it."""
    target = sys.stderr if stream is None else stream
    if chosen is None:
        chosen = Format.TEXT if target.isatty() else Format.JSON
    handler = logging.StreamHandler(target)
    handler.setFormatter(JsonFormatter() if chosen is Format.JSON else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("tallystick").setLevel(logging.INFO)


def _time(record: logging.LogRecord) -> str:
    at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found = getattr(record, "fields", None)
    return found if isinstance(found, dict) else {}
