"""YAML from strangers: as it is written, entry by entry, and bounded."""

from __future__ import annotations

import time
import tracemalloc

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.importers import yaml_text
from data.importers.nouns import Reason
from data.importers.yaml_text import Entries, YamlError, paths_of

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=LOADERS, ids=lambda one: one.__name__, autouse=True)
def loader(request, monkeypatch):
    """With and without the parser that is written in C."""
    monkeypatch.setattr(yaml_text, "_LOADER", request.param)


def read(text):
    return list(Entries(text))


@pytest.mark.parametrize("scalar", ["no", "1.0", "2024-01-31", "0x1F", "1e3", "null", "~", "12:30:45", "=", "TRUE"])
def test_texts_stay_texts(scalar):
    assert read(f"a: {scalar}\nb: [{scalar}]\n{scalar}: c") == [("a", scalar), ("b", scalar), (scalar, "c")]


def test_what_is_left_empty_is_none_and_what_is_quoted_a_text():
    assert read("a:\nb: ''\nc: [x, '']\nd: {e: }") == [
        ("a", None),
        ("b", ""),
        ("c", "x"),
        ("c", ""),
        ("d", {"e": None}),
    ]


def test_entries_of_a_list_come_one_by_one_and_several_documents_follow_each_other():
    assert read("a: [{b: 1}, [c]]\n---\n- d\n---\ne") == [("a", {"b": "1"}), ("a", ["c"]), ("", "d"), ("", "e")]
    assert read("") == read("# nothing") == []
    assert read("a: []\nb: 1") == [("b", "1")]


def test_a_key_twice_at_the_top_adds_up_and_elsewhere_the_last_counts():
    entries = Entries("a: [1]\na: [2]\nb: {c: 1,\n  c: 2}")
    assert list(entries) == [("a", "1"), ("a", "2"), ("b", {"c": "2"})]
    assert entries.repeated == [("c", 4)]


def test_tags_mean_nothing():
    assert read("a: !!python/object/apply:os.system [ls]\nb: !!int '7'\nc: !x {d: !!binary 4}") == [
        ("a", "ls"), ("b", "7"), ("c", {"d": "4"}),
    ]  # fmt: skip


def test_aliases_and_merge_keys():
    text = "base: &base {a: 1, b: 2}\nmore: &more [x, y]\nuse: *base\nlist: [*more]\nown: {a: 0, <<: *base}\nall: *more"
    both = {"a": "1", "b": "2"}
    assert read(text) == [
        ("base", both), ("more", ["x", "y"]), ("use", both), ("list", ["x", "y"]), ("own", {"a": "0", "b": "2"}),
        ("all", ["x", "y"]),
    ]  # fmt: skip
    assert read("a: {<<: [{b: 1}, {b: 2, c: 3}]}") == [("a", {"b": "1", "c": "3"})]


def test_aliases_that_multiply_are_stopped():
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with pytest.raises(YamlError) as caught:
        read("l0: &l0 [lol, lol, lol]\n" + levels)
    assert caught.value.reason is Reason.DOCUMENT_TOO_LARGE


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("a: 1\nb:\n\t- c", Reason.MALFORMED_YAML, 3),
        ("a: 1\nb: *nobody", Reason.MALFORMED_YAML, 2),
        ("a: &a [*a]", Reason.MALFORMED_YAML, 1),
        ("a: 1\nb: {{{{", Reason.MALFORMED_YAML, None),
        ("a: 1\nb: " + "[" * 40, Reason.TOO_DEEP, 2),
        ('a: 1\nb: "\\U00110000"', Reason.MALFORMED_YAML, None),
        ("a: 1\nb: 'c", Reason.MALFORMED_YAML, None),
    ],
)
def test_what_stands_before_a_break_holds(text, reason, line):
    entries = iter(Entries(text))
    found = []
    with pytest.raises(YamlError) as caught:
        found.extend(entries)
    assert found in ([], [("a", "1")])
    assert caught.value.reason is reason
    assert line is None or caught.value.line == line


def test_entries_before_a_break_are_handed_out():
    entries = iter(Entries("nlu:\n- a: 1\n- b: 2\n- c: [\n"))
    assert [next(entries), next(entries)] == [("nlu", {"a": "1"}), ("nlu", {"b": "2"})]


def test_characters_that_yaml_does_not_know():
    assert read("a: x\x07y\nb: |\n  one\u2028two\x85three\n") == [("a", "x\ufffdy"), ("b", "one two three\n")]
    assert read("\ufeffa: \ufeff1") == [("a", "1")]
    assert read('a: "\\ud83c\\udf02"\nb: "\\U0001F302 \\u00e9"') == [("a", "\U0001f302"), ("b", "\U0001f302 é")]


def test_paths_of_a_beginning():
    text = "nlu:\n- intent: a\n  examples: |\n    - x\n- {synonym: b}\nresponses:\n  utter_x:\n  - text: a\n    butt"
    assert paths_of(text) == {
        "nlu", "nlu.item", "nlu.item.intent", "nlu.item.examples", "nlu.item.synonym", "responses",
        "responses.utter_x", "responses.utter_x.item", "responses.utter_x.item.text",
    }  # fmt: skip
    assert paths_of("just words") == paths_of("[") == frozenset()
    assert len(paths_of("".join(f"k{n}: 1\n" for n in range(5_000)))) < 2_000


PIECES = st.sampled_from(
    ["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", "|", ">", "'", '"', "&a ", "*a", "<<: ", "!!int ", "? ",
     "# x", "---\n", "...", "%YAML 1.2\n", "\\u", "\\ud83d", "\t", "\x00", "\U0001f302", "é", "@", "`", "=", "~",
     "|-\n    b\n"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_ends(text):
    reason = None
    try:
        for entry in Entries(text):
            repr(entry).encode()
    except YamlError as error:
        reason = error.reason
    assert reason in (None, Reason.MALFORMED_YAML, Reason.TOO_DEEP, Reason.DOCUMENT_TOO_LARGE)
    assert isinstance(paths_of(text), frozenset)


def test_large_files_are_read_in_bounded_memory():
    lines = "".join(f"    - where is my parcel of day {n}\n" for n in range(50))
    text = "nlu:\n" + "".join(f"- intent: i{n}\n  examples: |\n{lines}" for n in range(600))
    assert len(text) > 1_000_000
    tracemalloc.start()
    started = time.process_time()
    assert sum(1 for _ in Entries(text)) == 600
    took, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * len(text)
    assert took < 30
