"""Log lines: JSON, one each, of ours and of libraries; a reader that went away costs lines and no request."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from service import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    written = io.StringIO()
    logs.set_up(written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_and_level(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("request", status=200, route="/v1\n{'level': 'error'}\x1b[31m", nothing=None)
    (line,) = lines(stream)
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert line["status"] == 200
    assert line["timestamp"].endswith("Z")
    assert "nothing" not in line
    assert "\x1b" not in stream.getvalue(), "what commands a terminal is escaped"


def test_no_value_is_endless(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("request", route="a" * 10_000)
    assert len(lines(stream)[0]["route"]) == logs.LONGEST + 1


def test_libraries_say_where_and_what_kind_and_never_with_which_value(stream: io.StringIO) -> None:
    secret = "ann@example.com"
    try:
        int(secret)
    except ValueError:
        logging.getLogger("library").exception("could not read")
    (line,) = lines(stream)
    assert secret not in stream.getvalue()
    assert line["event"].startswith("could not read: ValueError in test_libraries_say")


def test_a_stream_that_is_closed_drops_lines_and_counts_them() -> None:
    written = io.StringIO()
    written.close()
    sink = logs.Sink(written)
    sink.msg("one")
    sink.info("two")
    assert sink.dropped == 2
