"""Trackers of Rasa: what was said, session by session, wherever the events were kept."""

from __future__ import annotations

import json

import pytest

from data.importers.container import Member
from data.importers.kind import Sample
from data.importers.rasa.events import sniff
from data.settings import ImportSettings
from tests.unit.data.importers.archives import zipped
from tests.unit.data.importers.rasa_files import EVENTS, NOON, OTHER, SESSION, TRACKERS, heard, noted, said, tracker

TALKS = [
    [("user", "is the red one back", None), ("assistant", "It is. Shall we keep it?", None),
     ("user", "Yes please", "affirm"), ("assistant", "Kept until Friday.", None)],
    [("user", "anyone there", None), ("agent", "Jo here.", None)],
]  # fmt: skip
MORE = [[("user", "how much is it", None), ("assistant", "Twelve pounds.", None)]]
ASIDE = {"system_notice": 7, "deleted_message": 2, "attachment_only": 1}


def talks(looked):
    return [[(turn.role, turn.text, turn.intent) for turn in one.turns] for one in looked.conversations]


def rows_of(looked, code):
    return next(one.rows for one in looked.report.findings if one.code == code)


@pytest.mark.parametrize("shape", [name for name in TRACKERS if name != "packed"])
def test_every_shape(look, shape):
    looked = look(json.dumps(TRACKERS[shape], indent=1 if shape == "list" else None))
    assert looked.report.format == "rasa_tracker"
    assert talks(looked) == (TALKS + MORE if shape in ("list", "by_sender", "lists_by_sender") else TALKS)
    assert looked.report.set_aside == ASIDE
    assert (rows_of(looked, "deleted_message"), rows_of(looked, "extras_ignored")) == ((9, 8), (5,))
    assert len({one.customer for one in looked.conversations}) == (2 if len(talks(looked)) == 3 else 1)


def test_events_that_a_store_keeps_as_text(look):
    looked = look(json.dumps(TRACKERS["packed"]), format="rasa_tracker")
    assert (talks(looked), looked.report.set_aside) == (TALKS, ASIDE)


def test_trackers_and_events_on_lines(look):
    lines = [json.dumps(tracker("a", EVENTS)), '{"sender_id": "x", "events": [', "", json.dumps(tracker("b", OTHER))]
    looked = look("\n".join(lines))
    assert talks(looked) == TALKS + MORE
    assert looked.report.set_aside == {**ASIDE, "malformed_json": 1}
    mixed = [json.dumps({**one, "sender_id": "a"}) for one in EVENTS]
    mixed[3:3] = [json.dumps({**one, "sender_id": "b"}) for one in OTHER]
    assert sorted(talks(look("\n".join(mixed)))) == sorted(TALKS + MORE)


def test_times_and_a_silence(look):
    events = [heard("one", NOON), said("two", NOON + 1), heard("three", NOON + 90_000), said("four", None)]
    looked = look(json.dumps(tracker("a", events)))
    assert [[turn.text for turn in one.turns] for one in looked.conversations] == [["one", "two"], ["three", "four"]]
    assert looked.conversations[0].turns[0].ts == "2023-11-14T22:13:20+00:00"
    assert looked.conversations[1].turns[1].ts is None


@pytest.mark.parametrize("at", ["soon", True, -1, 1e300, [], "1700000000.5"])
def test_times_of_any_kind(look, at):
    looked = look(json.dumps(tracker("a", [*SESSION, {**heard("one", NOON), "timestamp": at}])))
    assert looked.texts == ["one"]


def test_what_was_undone_is_taken_back(look):
    events = [heard("one", NOON), said("two", NOON + 1), noted("undo", NOON + 2), said("three", NOON + 3)]
    looked = look(json.dumps(tracker("a", events)))
    assert looked.texts == ["one", "three"]
    assert looked.report.set_aside == {"deleted_message": 1, "system_notice": 1}
    nothing = look(json.dumps(tracker("a", [noted("rewind", NOON), *events[2:3], heard("one", NOON)])))
    assert nothing.texts == ["one"]


def test_quick_replies_and_buttons_of_another_session(look):
    shown = said("Which?", NOON, quick_replies=[{"title": "Red", "payload": "/red"}, {"title": "", "payload": "/blue"}])
    events = [shown, heard("/red", NOON + 1), heard("/blue", NOON + 2), *SESSION, heard("/red", NOON + 3)]
    looked = look(json.dumps(tracker("a", events)))
    assert talks(looked) == [[("assistant", "Which?", None), ("user", "Red", "red")]]
    assert looked.report.set_aside == {"system_notice": 4}


def test_what_is_no_event(look):
    events = [
        7,
        {"text": "x"},
        {"event": 7},
        heard(None, NOON),
        said(" ", NOON),
        heard("x" * 99, NOON),
        heard("hi", NOON),
    ]
    looked = look(json.dumps([tracker("a", events), 7, {}, {"a": 1}]), settings=ImportSettings(max_cell_chars=60))
    assert looked.texts == ["hi"]
    assert looked.report.set_aside == {"not_an_object": 1, "unknown_shape": 5, "empty_message": 2, "too_long": 1}


def test_rows_of_a_table_that_cannot_be_read(look):
    rows = [*TRACKERS["table"], {"sender_id": "a", "type_name": "user", "timestamp": 1.0, "data": "{"}]
    looked = look(json.dumps(rows))
    assert (talks(looked), looked.report.set_aside) == (TALKS, {**ASIDE, "malformed_json": 1})
    broken = look(json.dumps([{"sender_id": "a", "events": "["}, {"sender_id": "b", "events": "7"}, *rows]),
                  format="rasa_tracker")  # fmt: skip
    assert broken.report.set_aside == {**ASIDE, "malformed_json": 2, "unknown_shape": 1}


def test_what_stands_before_a_break_is_read(look):
    whole = json.dumps([tracker("b", OTHER), tracker("a", EVENTS)])
    looked = look(whole[:-300])
    assert talks(looked) == MORE
    assert looked.report.set_aside == {"malformed_json": 1}
    by_sender = json.dumps({"b": tracker("b", OTHER), "x": "y" * 300_000})
    looked = look(by_sender, settings=ImportSettings(max_line_bytes=100_000))
    assert looked.report.set_aside == {"document_too_large": 1}


def test_several_files(look):
    looked = look(zipped({"a.json": json.dumps(tracker("a", EVENTS)), "b.json": json.dumps(tracker("b", OTHER)),
                          "notes.txt": "nothing"}))  # fmt: skip
    assert talks(looked) == TALKS + MORE
    assert "files_skipped" in looked.codes


@pytest.mark.parametrize(
    "content",
    [
        {"items": [{"event": "user", "id": 1}]},
        [{"event": "signup", "timestamp": 1, "user": "user", "text": "a", "metadata": {}}],
        {"event": "user", "name": "x"},
    ],
)
def test_other_events_are_not_taken_for_a_tracker(content):
    raw = json.dumps(content).encode()
    assert sniff(Sample(Member("a", len(raw), lambda: (piece for piece in [raw])))) == 0.0
