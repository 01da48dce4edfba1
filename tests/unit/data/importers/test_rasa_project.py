"""A Rasa project is one bot: what it was taught and tested with, and the answers that its rules and stories lead to."""

from __future__ import annotations

import json

import pytest

from data.errors import ImportRefused
from data.importers.container import Member
from data.importers.kind import Sample
from data.importers.rasa.annotations import annotated
from data.importers.rasa.clicks import label, payload_intent
from data.importers.rasa.project import sniff
from data.schema import Entity
from data.settings import ImportSettings
from tests.unit.data.importers.archives import zipped
from tests.unit.data.importers.rasa_files import (
    CASES,
    CONFIG,
    DOMAIN,
    LEGACY_ANSWERS,
    LEGACY_JSON,
    LEGACY_NLU,
    LEGACY_STORIES,
    NLU,
    PROJECT,
    RULES,
    STORIES,
    TESTS,
)


def taught(looked):
    """Every text with its label and its entities as (words, type, value), in order."""
    return [
        (turn.text, turn.intent, [(turn.text[one.start : one.end], one.type, one.value) for one in turn.entities])
        for conversation in looked.conversations
        for turn in conversation.turns
        if turn.role == "user" and len(conversation.turns) == 1
    ]


def talks(looked):
    return [
        [(turn.role, turn.text, turn.intent) for turn in one.turns]
        for one in looked.conversations
        if len(one.turns) > 1
    ]


def profile(looked):
    return looked.report.extra["profile"]


def answers(looked):
    return {one["name"]: one["answers"] for one in profile(looked)["intents"]}


def finding(looked, code):
    return next(one for one in looked.report.findings if one.code == code)


def bot(look, responses="", rules="", intents="[a, b]", **options):
    """A project of these responses and rules."""
    text = f"version: '3.1'\nintents: {intents}\nresponses:\n{responses or '  utter_a: [{text: A}]'}\n{rules}"
    return look(text, **options)


def rule(*steps: str, name: str = "r", condition: str = "") -> str:
    lines = "".join(f"  - {step}\n" for step in steps)
    return f"- rule: {name}\n{condition}  steps:\n{lines}"


EXAMPLES = [
    ("hello", "greet", []),
    ("1.0", "greet", []),
    ("bye now", "goodbye", []),
    ("so long", "goodbye", []),
    ("do you have a crimson one", "stock", [("crimson", "colour", "red")]),
    ("is the navy one back", "stock", [("navy", "colour:old", "blue")]),
    ("see [our page](https://shop.example/a) for it", "stock", []),
    ("any red left", "stock", [("red", "colour", None)]),
    ("the handle is broken", "repair", []),
    ("sing a song", "oos", []),
    ("when do you open", "faq/hours", []),
    ("can I bring it back", "faq/return", []),
]


@pytest.mark.parametrize("under", ["", "bots/umbrellas/"])
def test_a_project_is_one_bot(look, under):
    looked = look(zipped({under + name: content for name, content in PROJECT.items()}))
    assert (looked.report.format, looked.report.format_confidence) == ("rasa", 0.97)
    assert taught(looked) == EXAMPLES
    assert talks(looked) == [
        [("user", "good morning", "greet"), ("assistant", "Hello there!", None), ("user", "Nothing", "goodbye"),
         ("assistant", "Stay dry.", None)],
        [("user", "a teal one", "stock"), ("assistant", "It hangs by the door.", None)],
    ]  # fmt: skip
    assert {one.language for one in looked.conversations} == {"en"}
    assert looked.report.set_aside == {
        "unknown_shape": 1, "system_notice": 2, "missing_field": 1, "placeholder_text": 1, "response_unknown": 1,
    }  # fmt: skip
    assert {key: value for key, value in profile(looked).items() if key != "intents"} == {
        "greeting": "Welcome to the umbrella shop.", "fallback": "We only know umbrellas.", "languages": ["en"],
    }  # fmt: skip
    assert answers(looked) == {
        "greet": ["Hello there!\nWhat can we keep dry?", "Hi!\nWhat can we keep dry?"],
        "goodbye": ["Stay dry."],
        "repair": ["We mend any umbrella within a week."],
        "wet_shoes": ["Try the second shelf."],
        "affirm": [],
        "stock": [],
        "human": [],
        "faq/hours": ["From nine to six.", "Nine until six, every day."],
        "faq/return": ["Within 30 days."],
    }
    assert [one["name"] for one in profile(looked)["intents"] if one["handoff"]] == ["human"]


def test_what_a_profile_has_no_room_for_is_told(look):
    looked = look(zipped(PROJECT))
    samples = {one.code: one.count for one in looked.report.findings}
    assert samples["definition_left_out"] == 5  # for a channel, on a condition, affirm, utter_later, utter_default
    assert finding(looked, "answers_unfilled").sample == "We mend {colour} ones."
    assert finding(looked, "entities_dropped").rows == (8,)
    assert finding(looked, "unknown_shape").sample == "forgotten dash"
    assert finding(looked, "response_unknown").sample == "utter_nowhere"
    assert "parts_ignored" in samples


def test_files_of_other_kinds_are_named_and_leave_no_trace(look):
    more = {"models/1.tar.gz": b"\x1f\x8b\x08\0\xff\xe4\0" * 300, "README.md": "# Umbrellas\n\nA bot.\n",
            "actions.py": "import os\n", "endpoints.yml": "action_endpoint:\n  url: http://localhost\n",
            "tests/tracker.json": '{"events": []}'}  # fmt: skip
    looked = look(zipped({**PROJECT, **more}))
    assert (looked.report.format, looked.report.encoding) == ("rasa", "utf-8")
    assert finding(looked, "files_skipped").count == len(more)
    assert len(looked.conversations) == 14


def test_files_one_by_one(look):
    assert taught(look(NLU)) == EXAMPLES
    domain = look(DOMAIN)
    assert (domain.report.rows_in, domain.report.findings[0].severity) == (0, "warning")
    assert answers(domain)["faq/return"] == ["Within 30 days."]
    assert answers(domain)["greet"] == []
    assert profile(domain)["fallback"] == "Pardon?"
    alone = look(TESTS)
    assert alone.report.set_aside == {"response_unknown": 4, "system_notice": 3, "missing_field": 1}
    assert look(TESTS + DOMAIN.partition("\n")[2]).report.set_aside["system_notice"] == 2
    assert [one.text for one in look(CASES).conversations[0].turns] == ["open on sunday?", "Every day."]


@pytest.mark.parametrize("content", [RULES, STORIES, CONFIG], ids=["rules", "stories", "config"])
def test_what_defines_nothing_by_itself_is_refused(look, content):
    with pytest.raises(ImportRefused) as caught:
        look(content)
    assert caught.value.ids["reason"] == "definition_only"


def test_markdown_of_old(look):
    data = {"nlu.md": LEGACY_NLU, "core/stories.md": LEGACY_STORIES, "faq.md": LEGACY_ANSWERS}
    looked = look(zipped({**data, "domain.yml": "intents: [greet]\ntemplates:\n  utter_greet:\n  - Ahoy!\n"}))
    assert taught(looked) == [
        ("hello", "greet", []),
        ("good evening", "greet", []),
        ("a crimson one", "stock", [("crimson", "colour", "red")]),
        ("navy please", "stock", [("navy", "colour", "blue")]),
    ]
    assert talks(looked) == [[("user", "good navy day", "greet"), ("assistant", "Ahoy!", None)]]
    assert answers(looked) == {
        "greet": ["Ahoy!"], "stock": [], "faq/hours": ["From nine to six.", "Nine until six."],
        "faq/return": ["Within 30 days."],
    }  # fmt: skip
    assert look(LEGACY_NLU).report.format == look(LEGACY_ANSWERS).report.format == "rasa"


def test_odd_lines_in_markdown_of_old(look):
    text = (
        LEGACY_STORIES.encode()
        + b'## odd\n* "as it is"\n* {broken: [north](side)\n  - "Word for word."\n\xff\xfe\xfa\n'
    )
    looked = look(text + b"* faq/hours OR chat/joke\n", encoding="utf-8")
    assert talks(looked)[-1] == [
        ("user", "as it is\n{broken: north", None), ("assistant", "Word for word.", None),
    ]  # fmt: skip
    assert looked.report.set_aside["undecodable"] == 1


def test_parts_of_a_domain_by_themselves(look):
    assert answers(look("intents:\n- a\n- b: {use_entities: []}\n")) == {"a": [], "b": []}
    with pytest.raises(ImportRefused) as caught:
        look("version: '3.1'\nslots:\n  colour:\n    type: text\n")
    assert caught.value.ids["reason"] == "definition_only"


def test_a_bot_without_a_session_start_greets_as_it_greets_back(look):
    looked = bot(look, rules="rules:\n" + rule("intent: greet", "action: utter_a"), intents="[greet]")
    assert profile(looked)["greeting"] == "A"


def test_json_of_old(look):
    looked = look(json.dumps(LEGACY_JSON))
    assert taught(looked) == [
        ("hello", "greet", []),
        ("the navy one", "stock", [("navy", "colour", "blue")]),
        ("\U0001f302 a red one", "stock", [("red", "colour:new", None)]),
        ("none of it", "stock", []),
    ]
    assert looked.report.set_aside == {"missing_field": 1}
    assert finding(looked, "entities_dropped").rows == (4,)
    long = look(json.dumps(LEGACY_JSON), settings=ImportSettings(max_cell_chars=10))
    assert long.report.set_aside == {"missing_field": 1, "too_long": 2}
    cut = look(json.dumps(LEGACY_JSON)[:-60])
    assert cut.report.set_aside == {"malformed_json": 1}
    keyed = {"text": "when", "intent": "faq", "metadata": {"response_key": "hours"}}
    one = look(json.dumps({"rasa_nlu_data": {"common_examples": [keyed, 7]}}))
    assert taught(one) == [("when", "faq/hours", [])]
    assert one.report.set_aside == {"not_an_object": 1}


@pytest.mark.parametrize(
    ("raw", "text", "entities"),
    [
        ("[Rome](city)", "Rome", [Entity(0, 4, "city")]),
        ("to [Rome](city:roma) now", "to Rome now", [Entity(3, 7, "city", "roma")]),
        ('to [Rome]{"entity": "city"}', "to Rome", [Entity(3, 7, "city")]),
        ('\U0001f302 [é]{"entity": "a", "role": "b", "value": 7}', "\U0001f302 é", [Entity(2, 3, "a:b", "7")]),
        ("[a](x) [b](y)", "a b", [Entity(0, 1, "x"), Entity(2, 3, "y")]),
        ("[NYC](city)", "NYC", [Entity(0, 3, "city", "New York")]),
        ("  [ a ](x) ", "a", [Entity(0, 1, "x")]),
        ("[this](www.shop.example)", "[this](www.shop.example)", []),
        ("[that](mailto:a@b.example)", "[that](mailto:a@b.example)", []),
        ("an array [1] (one) {two}", "an array [1] (one) {two}", []),
        ("[open and [closed](x)", "[open and closed", [Entity(10, 16, "x")]),
    ],
)  # fmt: skip
def test_annotations(raw, text, entities):
    found = annotated(raw, {"nyc": "New York"})
    assert (found.text, list(found.entities), found.dropped) == (text, entities, False)


@pytest.mark.parametrize(
    "raw", ["[a]{'entity': 'x'}", '[a]{"value": "x"}', '[a][{"entity": "x"}, {"entity": "y"}]', "[a]( )"]
)
def test_annotations_that_cannot_be_kept(raw):
    found = annotated(raw, {})
    assert (found.text, found.dropped) == ("a", True)


def test_payloads():
    said = ["/greet", '/inform{"a": {"b": 1}}', "/faq/hours", "/greet@0.7", "greet", "/", "/ greet", "a/b", "and /or"]
    assert [payload_intent(one) for one in said] == ["greet", "inform", "faq/hours", "greet", "", "", "", "", ""]
    assert [label(one) for one in ("out_of_scope", "Out_Of_Scope/other", "scope")] == ["oos", "oos", "scope"]


def test_a_rule_wins_over_stories_and_conditions(look):
    responses = "  utter_a: [{text: A}]\n  utter_b: [{text: B}]"
    stories = "stories:\n- story: s\n  steps:\n  - intent: a\n  - action: utter_b\n"
    conditional = rule("intent: a", "action: utter_b", condition="  condition:\n  - active_loop: f\n")
    looked = bot(look, responses, f"rules:\n{rule('intent: a', 'action: utter_a')}{conditional}{stories}")
    assert answers(looked) == {"a": ["A"], "b": []}
    assert answers(bot(look, responses, stories)) == {"a": ["B"], "b": []}
    twice = stories + stories.partition("\n")[2].replace("utter_b", "utter_a")
    looked = bot(look, responses, twice)
    assert answers(looked) == {"a": [], "b": []}
    assert finding(looked, "definition_left_out").sample == "a: utter_b / utter_a"


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        (("intent: a", "action: utter_a", "action: action_own"), "parts_ignored"),
        (("intent: a", "action: utter_nowhere"), "references_left_out"),
        (("intent: a", "action: utter_a", "checkpoint: on"), "parts_ignored"),
        (("intent: a", "action: some_form", "active_loop: some_form"), "parts_ignored"),
    ],
)
def test_what_an_intent_leads_to_is_not_always_an_answer(look, steps, code):
    looked = bot(look, rules=f"rules:\n{rule(*steps)}")
    assert answers(looked) == {"a": [], "b": []}
    assert code in looked.codes


def test_answers_of_several_messages_and_of_words_in_the_story(look):
    responses = "  utter_a: [{text: A1}, {text: A2}, {text: A3}]\n  utter_b: {text: B}\n  utter_c: C"
    looked = bot(
        look, responses, "rules:\n" + rule("intent: a", "action: utter_a", "action: utter_b", "action: utter_c")
    )
    assert answers(looked)["a"] == ["A1\nB\nC", "A2\nB\nC", "A3\nB\nC"]
    looked = bot(look, responses, "stories:\n- story: s\n  steps:\n  - intent: b\n  - bot: Word for word.\n")
    assert answers(looked)["b"] == ["Word for word."]


def test_answers_that_no_profile_has_room_for(look):
    responses = f"  utter_a: [{{text: {'word ' * 500}}}]"
    looked = bot(look, responses, "rules:\n" + rule("intent: a", "action: utter_a", "action: utter_a"))
    assert answers(looked)["a"] == []
    assert finding(looked, "definition_left_out").sample == "a: utter_a, utter_a"
    endless = bot(look, rules="rules:\n" + rule("intent: a", *["action: utter_a"] * 500))
    assert answers(endless)["a"] == []
    assert "parts_ignored" in endless.codes


def test_stories_that_disagree_in_many_ways(look):
    stories = "".join(f"- story: s{n}\n  steps:\n  - intent: a\n  - action: utter_{n}\n" for n in range(30))
    looked = bot(look, "".join(f"  utter_{n}: [{{text: A{n}}}]\n" for n in range(30)), f"stories:\n{stories}")
    assert answers(looked)["a"] == []
    assert "definition_left_out" in looked.codes


def test_the_fallback_is_what_is_said_when_nothing_is_sure(look):
    responses = "  utter_a: [{text: Say again?}]\n  utter_b: [{text: Not mine.}]\n  utter_default: [{text: Hm?}]"
    rules = (
        f"rules:\n{rule('intent: out_of_scope', 'action: utter_b')}{rule('intent: nlu_fallback', 'action: utter_a')}"
    )
    looked = bot(look, responses, rules)
    assert profile(looked)["fallback"] == "Say again?"
    assert finding(looked, "definition_left_out").count == 2
    assert answers(looked) == {"a": [], "b": []}


def test_examples_in_every_shape(look):
    text = """\
nlu:
- intent: a
  metadata: {sentiment: happy}
  examples: ["one", {text: "two\\n"}, {text: three, metadata: {sentiment: sad}}, note: four, [x], null, {b: [c]}]
- intent: d
  examples:
  -
  - six
- intent: b
- intent: c
  examples: {text: x}
- something: else
- just words
- intent: a+b
  examples: "- both\\n\\n- \\n-five"
"""
    looked = look(text)
    assert [(one[0], one[1]) for one in taught(looked)] == [
        ("one", "a"), ("two", "a"), ("three", "a"), ("note: four", "a"), ("null", "a"), ("six", "d"),
        ("both", "a+b"), ("five", "a+b"),
    ]  # fmt: skip
    assert [one.turns[0].sentiment for one in looked.conversations] == [
        "happy",
        "happy",
        "sad",
        "happy",
        "happy",
        None,
        None,
        None,
    ]
    assert looked.report.set_aside == {"wrong_type": 3, "empty_message": 2, "unknown_shape": 2}


def test_labels_that_cannot_be_learned_cost_their_examples(look):
    text = f"nlu:\n- intent: {'x' * 121}\n  examples: [hello]\n- intent: a\n  examples: [{'y' * 99}]\n"
    looked = look(text, settings=ImportSettings(max_cell_chars=60))
    assert looked.report.set_aside == {"label_invalid": 1, "too_long": 1}


def test_what_stands_before_a_break_is_read_and_the_line_is_named(look):
    looked = look(zipped({"nlu.yml": NLU + "- intent: broken\n\texamples: |\n    - never\n", "domain.yml": DOMAIN}))
    assert taught(looked)[-1][0] == "can I bring it back"
    assert finding(looked, "malformed_yaml").sample.startswith("nlu.yml, line ")
    assert looked.report.set_aside["malformed_yaml"] == 1


def test_a_file_that_is_too_large_is_told_by_its_name(look):
    looked = look(zipped({"nlu.yml": NLU, "small.yml": TESTS.partition("- story: more")[0]}),
                  settings=ImportSettings(max_document_bytes=700))  # fmt: skip
    assert looked.report.set_aside["document_too_large"] == 1
    assert finding(looked, "document_too_large").sample == "nlu.yml"


def test_keys_that_stand_twice_are_told(look):
    looked = bot(
        look, "  utter_a: [{text: A}]\n  utter_a: [{text: B}]", "rules:\n" + rule("intent: a", "action: utter_a")
    )
    assert answers(looked)["a"] == ["B"]
    assert finding(looked, "keys_repeated").sample.startswith("utter_a: logs, line ")


def test_long_stories_are_set_aside(look):
    steps = "".join(f"  - user: hello {n}\n    intent: a\n" for n in range(6))
    looked = look(f"stories:\n- story: s\n  steps:\n{steps}", settings=ImportSettings(max_turns=5))
    assert looked.report.set_aside == {"too_many_turns": 6}


def test_steps_that_say_nothing_usable(look):
    looked = look("stories:\n- story: s\n  steps:\n  - user: [x]\n  - user:\n  - or:\n    - intent: a\n    - user: hi\n"
                  "      intent: b\n  - bot: Hello {name}\n  - words\n- 7\n- story: t\n  steps: none\n")  # fmt: skip
    assert taught(looked) == [("hi", "b", [])]
    assert looked.report.set_aside == {"wrong_type": 1, "missing_field": 1, "placeholder_text": 1}


@pytest.mark.parametrize(
    "content",
    [
        "version: '3'\nservices:\n  web:\n    image: x\n    actions: []\n",
        "# Bot\n\nWrite:\n\n```yaml\nnlu:\n- intent: a\n  examples: |\n    - x\nresponses:\n  utter_a:\n```\n",
        "text,label\nhello,greet\n",
        "rules:\n- apiGroups: ['']\n  verbs: [get]\nintents: 7\n",
        "# greet\n- hello\n- hi\n",
    ],
)
def test_no_other_file_is_taken_for_rasa(content):
    raw = content.encode()
    assert sniff(Sample(Member("bot.yml", len(raw), lambda: (piece for piece in [raw])))) == 0.0
