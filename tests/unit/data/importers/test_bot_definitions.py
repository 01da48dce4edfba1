"""Bots as other platforms define them: phrases become labelled texts, the rest becomes what the profile is offered."""

from __future__ import annotations

import json

import pytest

from data.errors import ImportRefused
from data.importers.bot_platforms.lu_phrases import utterance_of
from data.importers.bot_platforms.patterns import pattern_pieces
from data.importers.bot_platforms.phrases import Blank, Marked
from data.schema import Entity
from data.settings import ImportSettings
from tests.unit.data.importers.bot_files import (
    CLU,
    DIALOGFLOW,
    DIALOGFLOW_CX,
    LEX_V1,
    LEX_V2,
    LU,
    LUIS,
    QNA,
    QNA_JSON,
    QNA_TSV,
    WIT,
    WIT_OLD,
    intent,
    message,
    packed,
    says,
)


def taught(looked):
    """Every text with its label and its entities as (words, type), in order."""
    return [
        (turn.text, turn.intent, [(turn.text[one.start : one.end], one.type) for one in turn.entities])
        for conversation in looked.conversations
        for turn in conversation.turns
        if turn.role == "user"
    ]


def profile(looked):
    return looked.report.extra["profile"]


def answers(looked):
    return {one["name"]: one["answers"] for one in profile(looked)["intents"]}


@pytest.mark.parametrize("under", ["", "lamps/"])
def test_a_dialogflow_agent(look, under):
    looked = look(packed({under + name: content for name, content in DIALOGFLOW.items()}))
    assert (looked.report.format, looked.report.format_confidence) == ("dialogflow", 0.97)
    assert taught(looked) == [
        ("what is the weather", "oos", []),
        ("good morning", "Default Welcome Intent", []),
        ("hello there", "Default Welcome Intent", []),
        ("einen Schirm aus Glas", "order shade", [("Glas", "shade")]),
        ("I want a linen shade", "order shade", [("linen", "shade")]),
        ("one linen please", "order shade", [("linen", "cover")]),
        ("a human please", "person", []),
    ]
    assert {one.language for one in looked.conversations} == {"en", "de"}
    assert looked.report.set_aside == {"placeholder_text": 1}
    found = profile(looked)
    assert (found["greeting"], found["fallback"]) == ("Welcome to Lamplight!", "Sorry, which lamp?")
    assert found["languages"] == ["en", "de"]
    assert answers(looked) == {
        "Default Welcome Intent": ["Welcome to Lamplight!"],
        "order shade": ["Which shade would you like?"],
        "order shade - yes": [],
        "person": ["One moment."],
    }
    assert [one["name"] for one in found["intents"] if one["handoff"]] == ["person"]
    counts = {one.code: one.count for one in looked.report.findings}
    assert (counts["definition_left_out"], counts["answers_unfilled"], counts["placeholders_filled"]) == (6, 1, 1)
    assert counts["files_skipped"] == 1
    assert "parts_ignored" in counts


def test_single_files_of_a_dialogflow_agent(look):
    def one(name):
        return look(json.dumps(DIALOGFLOW[f"intents/{name}"]), name)

    assert taught(one("person_usersays_en.json")) == [("a human please", "person", [])]
    assert taught(one("Default Fallback Intent_usersays_en.json")) == [("what is the weather", "oos", [])]
    assert answers(one("order shade.json")) == {"order shade": ["Which shade would you like?", "Welcher Schirm?"]}
    renamed = look(json.dumps(DIALOGFLOW["intents/person_usersays_en.json"]), "phrases.json")
    assert taught(renamed) == [("a human please", None, [])]
    assert "intents_unknown" in renamed.codes
    assert profile(look(json.dumps(DIALOGFLOW["agent.json"])))["languages"] == ["en", "de"]


@pytest.mark.parametrize("name", ["entities/shade.json", "entities/shade_entries_en.json"])
def test_a_part_without_phrases_or_answers_is_refused_in_words(look, name):
    with pytest.raises(ImportRefused, match="zip") as caught:
        look(json.dumps(DIALOGFLOW[name]), name.rpartition("/")[2])
    assert caught.value.ids["reason"] == "definition_only"


def test_what_old_and_new_versions_of_dialogflow_write(look):
    old = intent(
        "bulbs", {"type": 0, "speech": ["Warm ones.", " "]}, userSays=[says("which bulbs"), {"data": []}, {"x": 1}]
    )
    old["responses"][0]["speech"] = "We sell bulbs."
    looked = look(json.dumps(old), "bulbs.json")
    assert taught(looked) == [("which bulbs", "bulbs", [])]
    assert looked.report.set_aside == {"empty_message": 1, "unknown_shape": 1}
    assert answers(looked) == {"bulbs": ["We sell bulbs.", "Warm ones."]}
    spoken = {"type": "simple_response", "platform": "google", "lang": "en", "items": [{"textToSpeech": "Hear, hear."}]}
    ssml = {"type": "simple_response", "platform": "google", "textToSpeech": "<speak>x</speak>"}
    looked = look(json.dumps(intent("bulbs", spoken, ssml, {"type": "0", "lang": "en", "speech": []})))
    assert answers(looked) == {"bulbs": ["Hear, hear."]}
    entity = {"name": "shade", "isEnum": False, "entries": [{"value": "silk", "synonyms": ["silk"]}]}
    files = {"agent/intents/a.json": intent("a", message("", "Yes.")), "agent/entities/shade.json": entity,
             "agent/intents/a_usersays_en.json": [says("one @shade", template=True), 7]}  # fmt: skip
    looked = look(packed(files))
    assert taught(looked) == [("one silk", "a", [("silk", "shade")])]
    assert looked.report.set_aside == {"unknown_shape": 1}


def test_what_breaks_off_in_an_agent_costs_a_row_each(look):
    files = {name: one if isinstance(one, str) else json.dumps(one) for name, one in DIALOGFLOW.items()}
    for name in (
        "intents/person_usersays_en.json",
        "intents/person.json",
        "entities/shade_entries_en.json",
        "agent.json",
    ):
        files[name] = files[name][:-9]
    looked = look(packed(files))
    assert looked.report.set_aside["malformed_json"] == 4
    assert looked.report.rows_used == 6


def test_a_dialogflow_cx_agent(look):
    looked = look(packed(DIALOGFLOW_CX))
    assert looked.report.format == "dialogflow_cx"
    assert taught(looked) == [
        ("sing a song", "oos", []),
        ("hi", "Default Welcome Intent", []),
        ("are you open on Monday", "opening hours", [("on Monday", "day")]),
        ("when do you open", "opening hours", []),
    ]
    found = profile(looked)
    assert (found["greeting"], found["fallback"], found["languages"]) == (
        "Good day, Lamplight here.", "I missed that.", ["en"],
    )  # fmt: skip
    assert answers(looked)["opening hours"] == ["Nine to six."]
    assert found["intents"][1]["description"] == "when the shop is open"
    assert {"answers_unfilled", "definition_left_out", "parts_ignored"} <= looked.codes
    alone = look(json.dumps(DIALOGFLOW_CX["intents/opening hours/trainingPhrases/en.json"]))
    assert (alone.report.format, alone.report.rows_used) == ("dialogflow_cx", 2)
    assert "intents_unknown" in alone.codes


def test_luis(look):
    looked = look(json.dumps(LUIS))
    assert looked.report.format == "luis"
    assert taught(looked) == [
        ("a 💡 lamp for the hall", "Buy", [("hall", "room")]),
        ("fix lamp 12", "Repair", [("12", "number:which")]),
        ("tell me a joke", "oos", []),
        ("please sell me a lamp for the kitchen", "Buy", [("kitchen", "room:place")]),
    ]
    assert looked.report.set_aside == {"wrong_type": 1, "placeholder_text": 1}
    assert sorted(answers(looked)) == ["Buy", "Repair"]
    assert {"entities_dropped", "parts_ignored", "placeholders_filled"} <= looked.codes
    assert {one.language for one in looked.conversations} == {"en"}


@pytest.mark.parametrize(
    "body",
    [
        [{"text": "fix lamp 12", "intent": "Repair", "entities": [{"entity": "number", "startPos": 9, "endPos": 10}]}],
        [{"text": "fix lamp 12", "intentName": "Repair",
          "entityLabels": [{"entityName": "number", "startCharIndex": 9, "endCharIndex": 10}]}],
        {"LabeledTestSetUtterances": [{"text": "fix lamp 12", "intent": "Repair",
                                       "entities": [{"entity": "number", "startPos": 9, "endPos": 10}]}]},
        {"culture": "en-us", "utterances": [{"text": "fix lamp 12", "intent": "Repair",
                                             "entities": [{"entity": "number", "startPos": 9, "endPos": 10}]}]},
    ],
)  # fmt: skip
def test_batches_and_old_apps_of_luis(look, body):
    looked = look(json.dumps(body))
    assert looked.report.format == "luis"
    assert taught(looked) == [("fix lamp 12", "Repair", [("12", "number")])]


def test_what_came_after_luis(look):
    looked = look(json.dumps(CLU))
    assert looked.report.format == "luis"
    assert taught(looked) == [("🙂 for the hall", "Buy", [("hall", "room")])]
    assert sorted(answers(looked)) == ["Buy"]


def test_wit(look):
    looked = look(packed(WIT))
    assert (looked.report.format, profile(looked)["languages"]) == ("wit", ["en"])
    assert taught(looked) == [
        ("my Lumo is broken", "repair", [("Lumo", "lamp")]),
        ("swap Lumo for Brix", "repair", [("Lumo", "lamp:from")]),
        ("who won the cup", "oos", []),
    ]
    assert looked.conversations[0].turns[0].sentiment == "negative"
    assert looked.conversations[1].tags == ("tone=calm",)
    assert "entities_dropped" in looked.codes


def test_other_shapes_of_wit(look):
    assert taught(look(json.dumps(WIT_OLD))) == [
        ("fly the kite to Rhodes", "play", [("Rhodes", "place:goal")]), ("no label here", None, []),
    ]  # fmt: skip
    listed = [
        {"text": "fix 💡 Lumo", "intent": {"id": "1", "name": "repair"}, "traits": [], "entities": [
            {"id": "2", "name": "lamp", "role": "lamp", "start": 7, "end": 11, "body": "Lumo"}]},
        5,
    ]  # fmt: skip
    looked = look(json.dumps(listed))
    assert looked.report.format == "wit"
    assert taught(looked) == [("fix 💡 Lumo", "repair", [("Lumo", "lamp")])]
    assert looked.report.set_aside == {"wrong_type": 1}


def test_lex(look):
    first = look(json.dumps(LEX_V1))
    assert first.report.format == "lex"
    assert taught(first) == [("rent a tall lamp", "Rent", [("tall", "Kind")])]
    assert first.report.set_aside == {"placeholder_text": 1}
    assert (profile(first)["fallback"], profile(first)["languages"]) == ("Which lamp do you mean?", ["en"])
    assert answers(first) == {"Rent": ["It is yours for a day."]}
    assert {"answers_unfilled", "definition_left_out"} <= first.codes
    second = look(packed(LEX_V2))
    assert second.report.format == "lex"
    assert taught(second) == [("rent a tall lamp", "Rent", [("tall", "Kind")]), ("lamps for a day", "Rent", [])]
    assert profile(second)["fallback"] == "Which lamp?"
    assert answers(second) == {"Rent": ["It is yours.", "Enjoy."]}
    broken = {name: json.dumps(one)[:-5] if name.endswith("Rent/Intent.json") else one for name, one in LEX_V2.items()}
    assert look(packed(broken), format="lex").report.set_aside == {"malformed_json": 1}


def test_lu(look):
    looked = look(LU)
    assert looked.report.format == "lu"
    assert taught(looked) == [
        ("sell me a Lumo", "Buy", [("Lumo", "lamp")]),
        ("a lamp for the back hall please", "Buy", [("the back hall", "room")]),
        ("please sell me something for the kitchen", "Buy", [("kitchen", "room:place")]),
        ("an escaped {brace}", "Buy", []),
        ("what is love", "oos", []),
        ("Do you deliver?", "do you deliver", []),
        ("is there delivery", "do you deliver", []),
    ]
    assert looked.report.set_aside == {"placeholder_text": 1}
    assert answers(looked) == {"Buy": [], "do you deliver": ["We do, **daily**."]}
    assert {"references_left_out", "parts_ignored", "placeholders_filled"} <= looked.codes
    assert (profile(looked)["languages"], looked.conversations[0].language) == (["en"], "en")
    assert look(packed({"a/buy.lu": LU, "a/faq.qna": QNA})).report.rows_in == 16


def test_qna(look):
    looked = look(QNA)
    assert looked.report.format == "lu"
    assert [[turn.text for turn in one.turns] for one in looked.conversations] == [
        ["Are you open on Sunday?", "We are, ten to two.\n- ring"], ["open Sundays?"], ["And Monday?", "Closed."],
        ["Nobody answers this?"],
    ]  # fmt: skip
    assert looked.report.set_aside == {"malformed_row": 1}
    assert looked.report.rows_in == 7
    (known,) = profile(looked)["intents"]
    assert (known["name"], known["title"]) == ("are you open on sunday", "Are you open on Sunday?")
    assert known["answers"] == ["We are, ten to two.\n- ring"]
    assert [intent for _, intent, _ in taught(looked)][2:] == [None, None]
    assert {"extras_ignored", "definition_left_out"} <= looked.codes


def test_knowledge_bases(look):
    table = look(QNA_TSV, "kb.tsv")
    assert (table.report.format, table.report.set_aside) == ("qna_maker", {"ragged_row": 1})
    whole = look(json.dumps(QNA_JSON))
    assert (whole.report.format, whole.report.set_aside) == ("qna_maker", {"wrong_type": 1})
    for looked, answer in ((table, "It can.\nTurn the wheel."), (whole, "It can.")):
        assert taught(looked) == [
            ("Can it dim?", "can it dim", []),
            ("is it dimmable", "can it dim", []),
            ("Yes", None, []),
        ]
        assert answers(looked) == {"can it dim": [answer]}
    assert [finding.rows for finding in table.report.findings if finding.code == "ragged_row"] == [(5,)]
    exported = {
        "metadata": {"language": "en-us"},
        "assets": {"qnas": [{"id": 1, "answer": "Yes.", "questions": ["Open?"]}]},
    }
    looked = look(json.dumps(exported))
    assert (looked.report.format, profile(looked)["languages"], answers(looked)) == (
        "qna_maker",
        ["en"],
        {"open": ["Yes."]},
    )
    assert look("Question\tAnswer\nOpen?\tYes.\n").report.format == "tsv"
    long = look(
        json.dumps({"qnaList": [{"answer": "x" * 90, "questions": ["Open " * 30]}]}),
        settings=ImportSettings(max_cell_chars=89),
    )
    assert long.report.set_aside == {"too_long": 2}


def test_two_long_questions_stay_apart(look):
    base = "Where in the large hall can I find the lamps that were shown in the window of the shop on the corner "
    pairs = [{"answer": one, "questions": [base + one], "source": "s"} for one in ("left", "right")]
    assert sorted(answers(look(json.dumps({"qnaList": pairs}))).values()) == [["left"], ["right"]]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("[please] go", ["please go"]),
        ("(buy|get [me|us]) a lamp", ["buy a lamp"]),
        ("a {room} b", ["a ", Blank("room", "room"), " b"]),
        ("{@city:to}", ["", Blank("city", "city:to"), ""]),
        ("{city:2} x", ["", Blank("city", "city"), " x"]),
        ("a | b ) c ]", ["a | b ) c ]"]),
        ("((x|y)|z{q}) w", ["x w"]),
        ("\\[x\\] {open", ["[x] {open"]),
        ("", [""]),
    ],
)
def test_patterns(pattern, said):
    assert list(pattern_pieces(pattern)) == said


@pytest.mark.parametrize(
    ("line", "text", "marked"),
    [
        ("{a=b}", "b", [(0, 1, "a")]),
        ("x {@a = {@b=c} d} y", "x c d y", [(2, 3, "b"), (2, 5, "a")]),
        ("{ @a:role = b c }!", "b c !", [(0, 4, "a:role")]),
        ("open {a=b", "open b", []),
        ("} {} {=}", "} {} {=}", []),
    ],
)
def test_utterances_of_lu(line, text, marked):
    found = utterance_of(line)
    assert (found.text, [(one.start, one.end, one.type) for one in found.marked]) == (text, marked)


@pytest.mark.parametrize(
    ("marked", "entity"),
    [
        (Marked(3, 5, "x"), (3, 5)),
        (Marked(3, 4, "x", inclusive=True), (3, 5)),
        (Marked(4, 6, "x", utf16=True), (3, 5)),
        (Marked(4, 6, "x", surface="de"), (3, 5)),
        (Marked(3, 4, "x", surface="DE"), (3, 5)),
        (Marked(1, 3, "x", surface="zz"), None),
        (Marked(2, 3, "x", utf16=True), None),
        (Marked(3, 99, "x"), None),
        (Marked(-1, 2, "x"), None),
        (Marked(True, 2, "x"), None),
        (Marked(1, 2, ""), None),
        (Marked("1", 2, "x"), None),
    ],
)
def test_places_of_entities(marked, entity):
    assert marked.within("a💡cdef") == (None if entity is None else Entity(*entity, "x"))


def test_of_entities_that_overlap_the_longer_one_is_kept(look):
    entities = [
        {"entity": name, "startPos": start, "endPos": end}
        for name, start, end in (("a", 0, 2), ("b", 1, 7), ("c", 8, 9))
    ]
    looked = look(json.dumps([{"text": "abcdefghij", "intent": "x", "entities": entities}]))
    assert taught(looked) == [("abcdefghij", "x", [("bcdefgh", "b"), ("ij", "c")])]
    assert "entities_dropped" in looked.codes
