"""Published corpora of service dialogues, and the files beside them that hold none."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused
from tests.unit.data.importers.archives import zipped
from tests.unit.data.importers.research_files import ABCD, CORPORA, SCHEMA_GUIDED, STAR, TASKMASTER, TAU

SHARED = Path(__file__).parents[5] / "shared" / "corpora" / "export_formats"


def written(document: Any) -> bytes:
    return json.dumps(document).encode()


def said(looked):
    return [[(turn.role, turn.text, turn.intent) for turn in one.turns] for one in looked.conversations]


@pytest.mark.parametrize(("name", "document"), CORPORA.items())
def test_each_is_told_in_every_packing(look, name, document):
    looked = look(written(document))
    assert (looked.report.format, looked.report.rows_used > 0) == (name, True)
    assert said(look(zipped({"a.json": written(document)}))) == said(looked)
    assert said(look(b"\n".join(map(written, document)))) == said(looked)
    assert look(written(document[0])).report.format == name
    assert said(look(json.dumps(document, indent=1))) == said(looked)
    broken = look(b"\n".join([*map(written, document), b"{", b"[]", *map(written, document)]))
    assert {broken.report.set_aside["malformed_json"], broken.report.set_aside["unknown_shape"]} == {1}


def test_abcd(look):
    looked = look(written({"train": ABCD[:1], "dev": ABCD[1:], "test": []}))
    assert said(looked) == [
        [("agent", "Hello", None), ("user", "hi\nmy desk lamp needs a bulb", "bulb"), ("agent", "Warm white?", None),
         ("user", "that would be nice", None)],
        [("user", "it broke on the way", "broken"), ("agent", "Oh", None)],
    ]  # fmt: skip
    assert looked.report.set_aside == {"system_notice": 1, "unknown_role": 3}
    assert [one.tags for one in looked.conversations] == [("lamps", "bulb_2"), ("lamps", "broken")]
    delexed = [{**ABCD[0], "original": []}]
    assert said(look(written(delexed))) == [[("agent", "hello", None)]]


def test_taskmaster(look):
    looked = look(written(TASKMASTER))
    (first, _), (second,) = (one.turns for one in looked.conversations)
    assert [(first.text[e.start : e.end], e.type) for e in first.entities] == [
        ("two", "number"),
        ("tall lamps", "item"),
    ]
    assert second.role == "user"
    assert [one.tags for one in looked.conversations] == [("lamp-1",), ("lamps",)]
    assert looked.report.set_aside == {"empty_message": 1, "wrong_type": 1}
    assert "entities_dropped" in looked.codes


def test_schema_guided(look):
    looked = look(written(SCHEMA_GUIDED))
    assert said(looked) == [
        [
            ("user", "A lamp for the desk", "FindLamp"),
            ("assistant", "This one?", None),
            ("user", "Yes\nBuy it", "BuyLamp"),
        ]
    ]
    (entity,) = looked.conversations[0].turns[0].entities
    assert (looked.conversations[0].turns[0].text[entity.start : entity.end], entity.type) == ("desk", "place")
    assert "entities_dropped" in looked.codes
    assert looked.conversations[0].tags == ("Lamps_1",)


def test_star(look):
    looked = look(written(STAR))
    assert said(looked) == [[("user", "A lamp please", None), ("assistant", "Which one?", None)]]
    assert looked.report.set_aside == {"system_notice": 3}
    assert looked.conversations[0].started_at == "2024-03-01T08:00:00+00:00"


def test_tau_bench(look):
    looked = look(written(TAU))
    expected = [
        [("user", "I want my lamp exchanged", None), ("assistant", "It is done.", None), ("user", "Thanks", None)]
    ]
    assert said(looked) == expected
    assert looked.report.set_aside == {"system_notice": 4}
    second = {"info": {}, "tasks": [{"id": "3"}], "simulations": [
        {"id": "s", "task_id": "3", "reward_info": {}, "messages": [
            {**one, "turn_idx": n} for n, one in enumerate(TAU[0]["traj"])]}]}  # fmt: skip
    looked = look(written(second))
    assert (looked.report.format, said(looked)) == ("tau_bench", expected)


@pytest.mark.parametrize("name", CORPORA)
@pytest.mark.parametrize("flaw", [None, 3, "x", [], {"turns": 3}, {"utterances": {}}, {"Events": 1}])
def test_flawed_dialogues_cost_themselves(look, name, flaw):
    looked = look(written([*CORPORA[name], flaw]))
    assert looked.report.rows_used == look(written(CORPORA[name])).report.rows_used
    assert look(written(flaw), format=name).report.rows_used == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"Lamps": {"description": "x", "subflows": {"Bulb": {"actions": [{"button": "Pull up"}]}}}}, "guidelines"),
        ({"bulb": ["pull-up-account", "send-link"], "broken": ["pull-up-account"]}, "knowledge base"),
        ({"intents": {"flows": ["a"], "subflows": {"a": ["b"]}}, "actions": {"kb_query": {}}}, "ontology"),
        ("# Policy\n\nYou answer for a shop.\n\n- Be kind.\n- Be short.\n\n## Lamps\n\nThey shine.\n", "Markdown"),
    ],
)  # fmt: skip
def test_what_holds_no_conversations_is_refused_in_words(look, content, what):
    with pytest.raises(ImportRefused) as caught:
        look(content if isinstance(content, str) else written(content))
    assert caught.value.ids["reason"] == "no_conversations"
    assert what in caught.value.message
    assert "profile" in caught.value.remedy


@pytest.mark.parametrize(
    "content",
    ["# id,text\n1,hello\n- x\n- y\n", '{"text": "# a"}\n{"text": "- b"}\n', "text,label\n# a,b\n- c,d\n",
     "# text\n12345,\n67,\n- \n- \n"],
)  # fmt: skip
def test_tables_and_lines_are_not_taken_for_prose(look, content):
    try:
        look(content)
    except ImportRefused as refused:
        reason = refused.ids["reason"]
    else:
        reason = ""
    assert reason != "no_conversations"


PIECES = st.sampled_from([b"", b'"', b"{", b"]", b"null", b"[", b"1e999", b"\xff", b",", b"\n"])


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_mutation_of_a_corpus_is_accounted_for(looker, tmp_path_factory, data):
    content = bytearray(written(copy.deepcopy(data.draw(st.sampled_from(list(CORPORA.values()))))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.sampled_from([0, 1, 7, len(content)]))] = data.draw(PIECES)
        content = content or bytearray(b" ")
    with contextlib.suppress(ImportRefused):
        form = data.draw(st.sampled_from([None, *CORPORA]))
        report = looker(tmp_path_factory.getbasetemp() / "mutated", bytes(content), format=form).report
        assert report.rows_in == report.rows_used + sum(report.set_aside.values())


@pytest.mark.parametrize("name", ["abcd", "taskmaster", "tau_bench"])
def test_exports_of_others(look, name):
    files = sorted((SHARED / name).glob("*")) if SHARED.is_dir() else []
    if not files:
        pytest.skip("the public exports are not on this machine")
    for path in files:
        if "sample" in path.name:
            report = look(path.read_bytes(), path.name).report
            assert (report.format, report.rows_used > 0) == (name, True)
            continue
        with pytest.raises(ImportRefused) as caught:
            look(path.read_bytes(), path.name)
        assert caught.value.ids["reason"] == "no_conversations"
