"""A small Rasa bot of our own writing, a shop for umbrellas, in every form in which bots are kept; its trackers."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.data.importers.archives import zipped

CONFIG = """\
recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
policies:
"""

DOMAIN = """\
version: "3.1"
intents:
- greet
- goodbye:
    use_entities: []
- repair
- wet_shoes
- affirm
- stock
- human
- faq
- out_of_scope
- session_start
entities:
- colour
slots:
  colour:
    type: text
    mappings:
    - type: from_entity
      entity: colour
responses:
  utter_welcome:
  - text: Welcome to the umbrella shop.
  utter_greet:
  - text: Hello there!
  - text: Good day!
    channel: slack
  - text: Hi!
  utter_more:
  - text: What can we keep dry?
    buttons:
    - title: My shoes
      payload: /wet_shoes
    - title: Nothing
      payload: /goodbye
  utter_bye:
  - text: "Stay dry."
  - text: "no"
    condition:
    - type: slot
      name: colour
      value: red
  utter_repair:
  - text: "We mend {colour} ones."
  - text: We mend any umbrella within a week.
  utter_shoes:
  - text: Try the second shelf.
  utter_later:
  - text: We shall see.
  utter_ask_colour:
  - text: Which colour?
  utter_sorry:
  - text: We only know umbrellas.
  utter_default:
  - text: Pardon?
  utter_chart:
  - image: https://shop.example/chart.png
  utter_faq/hours:
  - text: From nine to six.
  - text: Nine until six, every day.
  utter_faq/return:
  - text: Within 30 days.
session_config:
  session_expiration_time: 60
"""

NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - 1.0
- intent: goodbye
  examples:
  - text: |
      bye now
    metadata:
      sentiment: neutral
  - so long
- intent: stock
  examples: |
    - do you have a [crimson](colour) one
    - is the [navy]{"entity": "colour", "value": "blue", "role": "old"} one back
    - see [our page](https://shop.example/a) for it
    - any [red][{"entity": "colour"}, {"entity": "mood"}] left
- intent: repair
  examples: |
    - the handle is broken
    forgotten dash
- intent: out_of_scope
  examples: |
    - sing a song
- intent: faq/hours
  examples: |
    - when do you open
- intent: faq/return
  examples: |
    - can I bring it back
- synonym: red
  examples: |
    - crimson
- regex: number
  examples: |
    - \\d+
- lookup: colour
  examples: |
    - teal
"""

RULES = """\
version: "3.1"
rules:
- rule: begin
  steps:
  - action: action_session_start
  - action: utter_welcome
- rule: say hello
  steps:
  - intent: greet
  - action: utter_greet
  - action: utter_more
- rule: say goodbye
  steps:
  - intent: goodbye
  - action: utter_bye
- rule: mend
  condition:
  - slot_was_set:
    - colour: red
  steps:
  - intent: repair
  - action: utter_later
- rule: mend it
  steps:
  - intent: repair
  - action: utter_repair
- rule: look it up
  steps:
  - intent: stock
  - action: action_find_stock
- rule: questions
  steps:
  - intent: faq
  - action: utter_faq
- rule: a person
  steps:
  - intent: human
  - action: action_human_handoff
- rule: not ours
  steps:
  - intent: out_of_scope
  - action: utter_sorry
"""

STORIES = """\
version: "3.1"
stories:
- story: shoes
  steps:
  - intent: greet
  - action: utter_greet
  - or:
    - intent: wet_shoes
    - intent: wet_socks
  - action: utter_shoes
  - intent: affirm
  - action: utter_later
- story: shoes in a form
  steps:
  - intent: wet_shoes
  - action: utter_shoes
  - action: colour_form
  - active_loop: null
- story: yes
  steps:
  - intent: affirm
  - action: utter_bye
"""

TESTS = """\
stories:
- story: hello and bye
  steps:
  - user: |
      good morning
    intent: greet
  - action: utter_greet
  - user: |
      /goodbye
    intent: goodbye
  - action: utter_bye
- story: more
  steps:
  - user: a [teal](colour) one
    intent: stock
  - slot_was_set:
    - colour: teal
  - action: action_find_stock
  - bot: It hangs by the door.
  - intent: affirm
  - user: /restart
    intent: restart
  - action: utter_repair
  - action: utter_nowhere
"""

CASES = """\
test_cases:
- test_case: hours
  steps:
  - user: open on sunday?
  - utter: utter_faq/hours
  - slot_was_set:
    - day: sunday
  - bot: Every day.
"""

PROJECT: dict[str, str] = {
    "config.yml": CONFIG,
    "domain.yml": DOMAIN,
    "data/nlu.yml": NLU,
    "data/rules.yml": RULES,
    "data/stories.yml": STORIES,
    "tests/test_stories.yml": TESTS,
}

LEGACY_NLU = """\
## intent:greet
- hello
* good evening

<!-- written
 in spring -->
## intent: stock
- a [crimson](colour:red) one
- [navy](colour) please

## synonym:blue
+ navy

## regex:zip
- [0-9]{5}

## lookup:colour
data/colours.txt
"""

LEGACY_STORIES = """\
## greet <!-- 12 -->
* greet
  - utter_greet

## stock
* stock{"colour": "red"}
  - action_find
  - slot{"found": true}
> found

## said
* greet: good [navy](colour) day
  - utter_greet
* affirm OR goodbye
  - utter_bye
"""

LEGACY_ANSWERS = """\
## ask hours
* faq/hours
  - From nine to six.
  - Nine until six.

## ask returns
* faq/return
  - Within 30 days.
"""

LEGACY_JSON: dict[str, Any] = {
    "rasa_nlu_data": {
        "regex_features": [{"name": "zip", "pattern": "[0-9]{5}"}],
        "lookup_tables": [],
        "entity_synonyms": [{"value": "blue", "synonyms": ["navy", "Azure"]}],
        "common_examples": [
            {"text": "hello", "intent": "greet", "entities": []},
            {
                "text": "the navy one",
                "intent": "stock",
                "entities": [{"start": 4, "end": 8, "value": "blue", "entity": "colour"}],
            },
            {
                "text": "\U0001f302 a red one",
                "intent": "stock",
                "entities": [{"start": 5, "end": 8, "value": "red", "entity": "colour", "role": "new"}],
            },
            {
                "text": "none of it",
                "intent": "stock",
                "entities": [{"start": 40, "end": 44, "value": "x", "entity": "colour"}],
            },
            {"intent": "stock"},
        ],
    }
}


def heard(text: str | None, at: float | None, intent: str = "stock", **more: Any) -> dict[str, Any]:
    parsed = {"text": text, "intent": {"name": intent, "confidence": 0.7}, "entities": []}
    return {"event": "user", "timestamp": at, "text": text, "parse_data": parsed, "input_channel": "rest", **more}


def said(text: str | None, at: float | None, **data: Any) -> dict[str, Any]:
    return {"event": "bot", "timestamp": at, "text": text, "data": data, "metadata": {}}


def noted(kind: str, at: float | None, **more: Any) -> dict[str, Any]:
    return {"event": kind, "timestamp": at, **more}


NOON = 1_700_000_000.0
SESSION = [
    noted("action", NOON, name="action_session_start", policy=None, confidence=1.0),
    noted("session_started", NOON + 0.1),
]
EVENTS: list[dict[str, Any]] = [
    *SESSION,
    heard("is the red one back", NOON + 1),
    noted("slot", NOON + 1.1, name="colour", value="red"),
    said("It is. Shall we keep it?", NOON + 2, buttons=[{"title": "Yes please", "payload": '/affirm{"keep": 1}'}]),
    heard('/affirm{"keep": 1}', NOON + 3, "affirm"),
    said("Kept until Friday.", NOON + 4),
    heard("mumble", NOON + 5),
    said("Pardon?", NOON + 6),
    noted("rewind", NOON + 7),
    heard("/get_started", NOON + 8, "get_started"),
    said(None, NOON + 9, image="https://shop.example/a.png"),
    noted("restart", NOON + 10),
    heard("EXTERNAL: reminder", NOON + 11),
    heard("anyone there", NOON + 12),
    {"event": "agent", "timestamp": NOON + 13, "text": "Jo here."},
]


def tracker(sender: str, events: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sender_id": sender,
        "slots": {"colour": None},
        "latest_message": {"text": "x", "intent": {}, "entities": []},
        "latest_event_time": NOON,
        "paused": False,
        "events": events,
        "latest_input_channel": "rest",
        "active_loop": {},
    }


OTHER = [heard("how much is it", NOON + 1), said("Twelve pounds.", NOON + 2)]
TRACKERS: dict[str, Any] = {
    "one": tracker("a", EVENTS),
    "list": [tracker("a", EVENTS), tracker("b", OTHER)],
    "inside": [{"_id": "a", "projectId": "shop", "language": "en", "tracker": tracker("a", EVENTS)}],
    "wrapped": {"conversations": [tracker("a", EVENTS)]},
    "by_sender": {"a": tracker("a", EVENTS), "b": {"events": OTHER}},
    "lists_by_sender": {"a": EVENTS, "b": OTHER},
    "bare": EVENTS,
    "events": {"events": EVENTS},
    "table": [
        {"id": n, "sender_id": "a", "type_name": one["event"], "timestamp": one["timestamp"], "data": json.dumps(one)}
        for n, one in enumerate(EVENTS)
    ],
    "packed": [{"sender_id": "a", "events": json.dumps(EVENTS), "event": None}],
}

CHATTERBOT = """\
categories:
- umbrellas
- 2.0
conversations:
- - Do you sell umbrellas?
  - We do.
  - Which ones?
  - "Note: only black ones."
- - no
  - Warning: it rains
- - Is it open?
  - - Yes.
    - It is.
  - Good.
"""

FILES: dict[str, list[bytes]] = {
    "rasa": [
        zipped(PROJECT), DOMAIN.encode(), NLU.encode(), TESTS.encode(), CASES.encode(), LEGACY_NLU.encode(),
        LEGACY_STORIES.encode(), LEGACY_ANSWERS.encode(), json.dumps(LEGACY_JSON).encode(),
    ],
    "rasa_tracker": [json.dumps(one).encode() for name, one in TRACKERS.items() if name != "packed"],
    "chatterbot": [CHATTERBOT.encode(), json.dumps({"conversations": [["hi", "hello"], ["bye", "stay dry"]]}).encode()],
}  # fmt: skip
