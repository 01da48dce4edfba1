"""Streams of events: bounded, ended in order, each slot given back once whatever becomes of its stream."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from service.errors import Refusal
from service.streams import Event, Streams, encoded, error_event, shutdown_event


def some(count: int = 3) -> Iterator[Event]:
    for number in range(count):
        yield "delta", {"text": f"{number}"}


def test_an_event_is_what_browsers_read() -> None:
    assert encoded("delta", {"text": "a\nb"}) == b'event: delta\ndata: {"text":"a\\nb"}\n\n'
    assert encoded("progress", {"sequence": 7}).startswith(b"id: 7\nevent: progress\n")
    assert encoded("", {}).startswith(b":"), "a comment keeps the stream alive"


@pytest.mark.parametrize("text", ["\r\n\r\nevent: reply\ndata: {}", "\u2028\u2029\x85", "\ud800", "\x00\x1b[0m"])
def test_no_text_ends_an_event_or_begins_another(text: str) -> None:
    sent = encoded("delta", {"text": text})
    assert sent.count(b"\n\n") == 1
    assert sent.count(b"event:") == 1 + (b"event: reply" in sent.split(b"data:", 1)[1])
    assert b"\r" not in sent


def test_a_stream_gives_its_slot_back_at_its_end() -> None:
    streams = Streams(1)
    answer = streams.answer(some())
    assert streams.open == 1
    with pytest.raises(Refusal) as refused:
        streams.answer(some())
    assert (refused.value.status, refused.value.code) == (503, "overloaded")
    assert b"".join(answer.response).count(b"event: delta") == 3  # type: ignore[arg-type]
    answer.close()
    answer.close()
    assert streams.open == 0
    streams.answer(some()).close()
    assert streams.open == 0


def test_one_that_nobody_listened_to_gives_it_back_too_and_ends_what_stands_behind_it() -> None:
    ended = threading.Event()

    def events() -> Iterator[Event]:
        try:
            yield from some()
        finally:
            ended.set()

    streams = Streams(1)
    answer = streams.answer(events())
    next(iter(answer.response))  # type: ignore[call-overload]
    answer.close()
    assert ended.is_set()
    assert streams.open == 0


def test_when_the_server_stops_no_stream_begins_and_none_waits() -> None:
    streams = Streams(2)
    assert streams.wait(0) is False
    streams.drain()
    assert streams.is_draining
    assert streams.wait(60) is True
    with pytest.raises(Refusal) as refused:
        streams.answer(some())
    assert refused.value.code == "server_shutdown"
    assert b"".join(streams.answer(some(), is_ready=True).response)  # type: ignore[arg-type]


def test_the_last_event_of_a_stream_that_was_cut() -> None:
    name, data = shutdown_event("req_1")
    assert name == "error"
    assert data["error"]["code"] == "server_shutdown"
    assert data["error"]["request_id"] == "req_1"
    assert json.dumps(error_event("internal", "No.", "req_2")[1])
