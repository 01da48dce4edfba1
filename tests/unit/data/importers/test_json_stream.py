"""Large documents, value by value."""

from __future__ import annotations

import json
import tracemalloc
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.importers.json_stream import LONG_TEXT, abridged, paths_of, values
from data.importers.strict_json import JsonError

DOCUMENT = {"name": "x", "chats": {"list": [{"id": 1.5, "messages": [{"a": [1, {"b": None}], "t": "\U0001f600"}] * 2}]}}


def found(text, *wanted, most=10**6, size=7):
    raw = text.encode() if isinstance(text, str) else text
    return list(values([raw[at : at + size] for at in range(0, len(raw), size)], wanted, most))


def test_values_at_paths_in_their_order():
    message = DOCUMENT["chats"]["list"][0]["messages"][0]
    assert found(json.dumps(DOCUMENT), "chats.list.item.messages.item", "chats.list.item.id", "name") == [
        ("name", "x"), ("chats.list.item.id", 1.5), *[("chats.list.item.messages.item", message)] * 2,
    ]  # fmt: skip
    assert found(json.dumps(DOCUMENT), "") == [("", DOCUMENT)]
    assert found('[1, [2], {"a": 3}]', "item") == [("item", 1), ("item", [2]), ("item", {"a": 3})]
    assert found('{"a": 1}\n{"a": 2}', "a") == [("a", 1), ("a", 2)]
    assert found("{}", "") == [("", {})]


def pieces(raw, size):
    return [raw[at : at + size] for at in range(0, len(raw), size)]


@given(st.text(alphabet='ab"\\\u00e9\n', max_size=60), st.integers(1, 9))
def test_an_abridged_document_has_its_short_texts_and_empty_long_ones(text, size):
    document = {"a": text, "long": text + "x" * (LONG_TEXT + 1), "b": [text, 1]}
    short = abridged(pieces(json.dumps(document, ensure_ascii=False).encode(), size), 10**6, 10**6)
    assert json.loads(short) == {**document, "long": ""}


def test_abridging_ends_where_it_is_asked_to():
    raw = json.dumps(["x" * 9_000] * 50 + ["y"] * 9_000).encode()
    assert len(abridged(pieces(raw, 1_000), 100, 10**9)) < 1_100
    assert len(abridged(pieces(raw, 1_000), 10**9, 20_000)) < LONG_TEXT + 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1, 2", "malformed_json"),
        ("[1] x", "malformed_json"),
        ("[NaN]", "malformed_json"),
        (b'["\xff"]', "malformed_json"),
        ("", "malformed_json"),
        ("[" * 100_000, "too_deep"),
        ('{"a":' * 100_000, "too_deep"),
        ("[1e999]", "number_out_of_range"),
        ("[" + "9" * 5000 + "]", "number_out_of_range"),
        ('["' + "x" * 2_000_000 + '"]', "line_too_long"),
        ("[[" + "1," * 1_000_000 + "1]]", "line_too_long"),
    ],
)
def test_where_a_document_breaks_off(text, reason):
    with pytest.raises(JsonError) as caught:
        found(text, "item", size=1 << 16)
    assert caught.value.reason == reason


def test_what_came_before_the_break_holds():
    stream = values([b'[{"a": 1}, {"a": 2}, {"a": '], ("item",), 1000)
    assert [next(stream), next(stream)] == [("item", {"a": 1}), ("item", {"a": 2})]
    with pytest.raises(JsonError):
        next(stream)


def test_shape_of_a_beginning():
    assert paths_of('{"a": [{"b": 1}, {"c": tru') >= {"a", "a.item", "a.item.b"}
    assert paths_of('{"a": 1}\n{"b": {"c": 2}}\nnonsense') >= {"a", "b", "b.c"}
    assert paths_of("no json") == frozenset()
    assert len(paths_of(json.dumps({str(number): 1 for number in range(100_000)}))) < 3_000


def test_memory_stays_small():
    one = json.dumps({"text": "x" * 200}).encode() + b","
    tracemalloc.start()
    chunks = chain([b"["], (one * 100 for _ in range(1000)), [b"{}]"])
    count = sum(1 for _ in values(chunks, ("item",), 10**6))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 90_000
    assert peak < 8_000_000
