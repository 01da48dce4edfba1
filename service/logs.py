"""Logs: JSON lines on stderr. What is logged are ids, routes, codes and numbers, never a text, a key or an address."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

LONGEST = 300


class Sink:
    """Where lines go. A reader that went away costs lines, never a request; how many is told when it is back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.dropped = 0

    def msg(self, message: str) -> None:
        try:
            self._stream.write(message + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self.dropped += 1

    log = debug = info = warning = warn = error = critical = exception = fatal = msg


def set_up(stream: TextIO | None = None) -> Sink:
    """Send all log lines of this process, ours and those of libraries, as JSON to `stream` (stderr)."""
    sink = Sink(stream or sys.stderr)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tamed,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=True)],
        logger_factory=lambda *_: sink,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    handler = _Forward(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processor=structlog.processors.JSONRenderer(ensure_ascii=True)
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    return sink


class _Forward(logging.Handler):
    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:  # traces quote values: only where, and what kind
            error = record.exc_info[1]
            record.msg, record.args = f"{record.getMessage()}: {type(error).__name__} in {place_of(error)}", ()
        record.exc_info = record.exc_text = None
        self._sink.msg(self.format(record))


def place_of(error: BaseException) -> str:
    """The way to the place of an error, without values: they may be a customer's."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:]))


def _tamed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """No value is endless, and none is left out as absent."""
    for name, value in list(event.items()):
        if isinstance(value, str) and len(value) > LONGEST:
            event[name] = value[:LONGEST] + "…"
        elif value is None:
            del event[name]
    return event
