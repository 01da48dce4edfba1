"""ChatterBot corpora: lists of statements that answer each other."""

from __future__ import annotations

import json

import pytest

from data.errors import ImportRefused
from data.settings import ImportSettings
from tests.unit.data.importers.archives import zipped
from tests.unit.data.importers.rasa_files import CHATTERBOT


def talks(looked):
    return [(one.row, [turn.text for turn in one.turns]) for one in looked.conversations]


def test_a_corpus(look):
    looked = look(CHATTERBOT)
    assert (looked.report.format, looked.report.rows_in, looked.report.rows_used) == ("chatterbot", 10, 10)
    assert talks(looked) == [
        (1, ["Do you sell umbrellas?", "We do.", "Which ones?", "Note: only black ones."]),
        (5, ["no", "Warning: it rains"]),
        (7, ["Is it open?", "Yes.", "Good."]),
        (9, ["Is it open?", "It is."]),
    ]
    assert {one.tags for one in looked.conversations} == {("umbrellas", "2.0")}
    assert [turn.role for turn in looked.conversations[0].turns] == ["user", "assistant", "user", "assistant"]


def test_a_corpus_as_json_and_several_in_a_zip(look):
    body = {"conversations": [["hi", "hello"], ["bye", "stay dry"]], "categories": ["talk"]}
    looked = look(json.dumps(body))
    assert (looked.report.format, talks(looked)) == ("chatterbot", [(1, ["hi", "hello"]), (3, ["bye", "stay dry"])])
    assert looked.conversations[0].tags == ("talk",)
    packed = look(zipped({"a.yml": CHATTERBOT, "b.yml": "conversations:\n- - one\n  - 2024-01-31\n"}))
    assert talks(packed)[-1] == (11, ["one", "2024-01-31"])
    assert packed.conversations[-1].tags == ()


def test_what_is_no_statement(look):
    text = (
        CHATTERBOT + "- words\n- []\n-\n- - [[a]]\n  - {b: [c]}\n  -\n  - {d: , e: f}\n  - g:\n- - ok\n  - " + "x" * 70
    )
    looked = look(text + "\n", settings=ImportSettings(max_cell_chars=60))
    assert talks(looked)[4:] == [(18, ["g:"]), (19, ["ok"])]
    assert looked.report.set_aside == {"wrong_type": 4, "empty_conversation": 2, "missing_field": 1, "too_long": 1}


def test_long_talks_are_set_aside(look):
    looked = look(CHATTERBOT, settings=ImportSettings(max_turns=3))
    assert looked.report.set_aside == {"too_many_turns": 4}


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("- - never\n  -\t[", "malformed_yaml"),
        ("- " + "- " * 40 + "a\n", "too_deep"),
        ("- *nobody\n", "malformed_yaml"),
    ],
)
def test_what_stands_before_a_break_is_read(look, tail, reason):
    looked = look(CHATTERBOT + tail)
    assert len(looked.conversations) == 4
    assert looked.report.set_aside[reason] == 1
    sample = next(one.sample for one in looked.report.findings if one.code == reason)
    assert sample.startswith("logs, line 1")


def test_a_file_that_is_too_large_or_breaks_off(look):
    looked = look(CHATTERBOT, settings=ImportSettings(max_document_bytes=100))
    assert (looked.report.rows_used, looked.report.set_aside) == (0, {"document_too_large": 1})
    looked = look('{"conversations": [["hi", "hello"], ["bye", ')
    assert (talks(looked), looked.report.set_aside) == ([(1, ["hi", "hello"])], {"malformed_json": 1})


@pytest.mark.parametrize(
    "content",
    [
        "conversations:\n  count: 2\ncategories: []\n",
        "conversations:\n- - a\n  - b\nowner: me\n",
        "# conversations\n\nconversations: the list of all talks\n",
    ],
)
def test_no_other_yaml_is_taken_for_a_corpus(look, content):
    with pytest.raises(ImportRefused):
        look(content)
