"""Talks that bots had, as their platforms keep them."""

from __future__ import annotations

import json
import time

import pytest

from data.settings import ImportSettings
from tests.unit.data.importers.bot_files import (
    CHATDOWN,
    CONNECT,
    CONTACT_LENS,
    CONVERSATION_LEARNER,
    LEX_LOGS,
    TRANSCRIPT,
    activity,
    packed,
    rich,
)


def said(looked):
    return [[(turn.role, turn.text) for turn in one.turns] for one in looked.conversations]


@pytest.mark.parametrize("shape", ["list", "page", "lines"])
def test_activities(look, shape):
    body = {"list": json.dumps(TRANSCRIPT), "page": json.dumps({"activities": TRANSCRIPT, "watermark": "9"}),
            "lines": "\n".join(map(json.dumps, TRANSCRIPT))}[shape]  # fmt: skip
    looked = look(body)
    assert looked.report.format == "bot_transcript"
    assert said(looked) == [
        [("user", "Does it dim?"), ("assistant", "It does."), ("user", "Buy"),
         ("assistant", "Lumo\nA lamp that dims\n49 euros")],
    ]  # fmt: skip
    assert looked.report.set_aside == {
        "system_notice": 3, "earlier_version": 1, "deleted_message": 2, "attachment_only": 1, "empty_message": 1,
    }  # fmt: skip
    assert looked.report.rows_in == 12
    assert {"extras_ignored", "edited_messages"} <= looked.codes
    assert looked.report.extra["speakers"]["decided_by"] == "roles"
    assert looked.conversations[0].started_at == "2024-03-01T10:00:00+00:00"


def test_activities_without_roles_and_such_as_break_off(look):
    lines = (("7", "User", "Hello"), ("8", "Bot", "Good day"), ("7", "User", "Bye"))
    old = [activity("message", **{"from": {"id": key, "name": name}}, text=text) for key, name, text in lines]
    assert said(look(json.dumps(old))) == [[("user", "Hello"), ("assistant", "Good day"), ("user", "Bye")]]
    looked = look(json.dumps(old)[:-5])
    assert looked.report.set_aside == {"malformed_json": 1}
    assert looked.report.rows_used == 2
    odd = [
        *old,
        5,
        activity("message", text="[ConversationUpdate: membersadded=Ada]"),
        activity("message", text="nobody"),
    ]
    looked = look(json.dumps(odd))
    assert looked.report.set_aside == {"wrong_type": 1, "system_notice": 1}
    assert "names_unknown" in looked.codes


def test_pressed_spoken_and_attached(look):
    files = [{"contentType": "image/png", "contentUrl": "x"}]
    messages = [
        activity("message", "ada", value="A typed value"),
        activity("message", "bot", speak="Hear this."),
        activity("message", "bot", speak="<speak>not this</speak>"),
        activity("message", "ada", value={"lamp": 4}),
        activity("message", "ada", text="Look", attachments=files, timestamp="no time"),
    ]
    looked = look(json.dumps(messages))
    assert looked.texts == ["A typed value", "Hear this.", "Look"]
    assert looked.report.set_aside == {"empty_message": 2}
    assert "attachments_ignored" in looked.codes


def test_chat_files(look):
    looked = look(CHATDOWN)
    assert looked.report.format == "chatdown"
    assert said(looked) == [
        [("user", "Is the hall lamp back?"), ("assistant", "It is."), ("user", "How much [roughly] is it?"),
         ("assistant", "Hall lamp\n39 euros"), ("user", "Me too"), ("assistant", "Two then.")],
    ]  # fmt: skip
    assert looked.report.set_aside == {"system_notice": 2, "attachment_only": 1}
    assert {"attachments_ignored", "extras_ignored"} <= looked.codes
    assert look(packed({"a.chat": CHATDOWN, "b.chat": CHATDOWN.replace("hall", "desk")})).report.conversations == 2


def test_chat_files_that_are_broken(look):
    looked = look("user=Ada\nbot=Lumen\nstray\nAda: hello\nBot: [Herocard\ntitle=x\nAda: still in the card\n")
    assert looked.report.set_aside == {"malformed_row": 1}
    assert said(looked) == [[("user", "hello"), ("assistant", "x"), ("user", "still in the card")]]
    flood = look("user=a\nbot=b\na: " + "word " * 50 + "\nb: hi", settings=ImportSettings(max_cell_chars=100))
    assert flood.report.set_aside == {"too_long": 1}


def test_conversation_learner(look):
    looked = look(json.dumps(CONVERSATION_LEARNER))
    assert looked.report.format == "conversation_learner"
    assert said(looked) == [
        [("user", "my Lumo hums"), ("assistant", "How old is the Lumo?\nTry another bulb.")],
        [("user", "the Brix buzzes")], [("user", "thanks")],
    ]  # fmt: skip
    first, second = looked.conversations[0].turns[0], looked.conversations[1].turns[0]
    assert [(turn.text[one.start : one.end], one.type) for turn in (first, second) for one in turn.entities] == [
        ("Lumo", "lamp"), ("Brix", "lamp"),
    ]  # fmt: skip
    assert looked.report.set_aside == {
        "system_notice": 1, "placeholder_text": 1, "missing_field": 2, "empty_conversation": 1, "wrong_type": 1,
    }  # fmt: skip
    assert looked.conversations[0].tags == ("lamps",)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("Plain words", "Plain words"),
        ('{"text": "Old words"}', "Old words"),
        ('"quoted"', '"quoted"'),
        (rich("One ", "two"), "One two"),
        (
            json.dumps(
                {"payload": "card", "arguments": [{"parameter": "q", "value": json.loads(rich("Which lamp?"))}]}
            ),
            "Which lamp?",
        ),
    ],
)
def test_what_an_action_says(look, payload, text):
    model = {
        "trainDialogs": [
            {"rounds": [{"extractorStep": {"textVariations": [{"text": "hi"}]}, "scorerSteps": [{"labelAction": "a"}]}]}
        ],
        "actions": [{"actionId": "a", "actionType": "TEXT", "payload": payload}],
    }
    assert look(json.dumps(model)).texts == ["hi", text]


@pytest.mark.parametrize("shape", ["lines", "list", "events", "stamped", "pretty"])
def test_lex_logs(look, shape):
    lines = list(map(json.dumps, LEX_LOGS))
    body = {
        "lines": "\n".join(lines),
        "list": json.dumps(LEX_LOGS),
        "events": json.dumps({"events": [{"timestamp": 1, "message": line} for line in lines]}),
        "stamped": "".join(f"2024-03-01T10:00:00.000Z {line}\n" for line in lines),
        "pretty": "\n".join(json.dumps(one, indent=1) for one in LEX_LOGS),
    }[shape]
    looked = look(body)
    assert looked.report.format == "lex_logs"
    assert sorted(said(looked)) == [
        [("user", "hello"), ("assistant", "Hello yourself.")], [("user", "rent a lamp"), ("assistant", "Which one?")],
    ]  # fmt: skip
    assert looked.report.set_aside == {"empty_message": 1}
    assert not looked.report.labels
    assert looked.report.extra["speakers"]["customers"] == 2


def test_lex_logs_that_are_broken(look):
    looked = look(
        "\n".join([json.dumps(LEX_LOGS[1]), '{"inputTranscript": "x', '{"botName": "Lamps"}', "[1]"]), format="lex_logs"
    )
    assert looked.report.set_aside == {"malformed_json": 1, "unknown_shape": 2}
    assert looked.report.rows_used == 2


def test_contact_lens(look):
    looked = look(json.dumps(CONTACT_LENS))
    assert looked.report.format == "contact_lens"
    (one,) = looked.conversations
    assert [(turn.role, turn.text, turn.sentiment) for turn in one.turns] == [
        ("agent", "Lamplight, good day.", "neutral"), ("user", "I am [NAME] and it is broken.", "negative"),
    ]  # fmt: skip
    assert (one.id, one.language, one.tags) == ("k1", "en", ("repairs",))
    assert one.customer.startswith("sha256:")
    assert looked.report.set_aside == {"unknown_role": 1}


def test_chats_of_amazon_connect(look):
    looked = look(json.dumps(CONNECT))
    assert said(looked) == [[("assistant", "You are number two."), ("user", "Fine."), ("agent", "Which lamp?")]]
    assert looked.report.set_aside == {"system_notice": 1, "attachment_only": 1}
    assert looked.conversations[0].started_at == "2024-03-01T10:00:01+00:00"
    many = "\n".join(
        json.dumps({**CONNECT, "ContactId": f"k{n}", "Transcript": CONNECT["Transcript"][: -n or None]})
        for n in range(3)
    )
    looked = look(many, format="contact_lens")
    assert (looked.report.conversations, looked.report.set_aside["duplicate_conversation"]) == (2, 2)
    assert look(json.dumps({"Transcript": []}), format="contact_lens").report.set_aside == {"empty_conversation": 1}
    assert look(json.dumps(CONNECT), settings=ImportSettings(max_turns=3)).report.set_aside == {"too_many_turns": 5}


HOSTILE = [
    "{" * 60_000, "{@a=" * 15_000, "{ " * 30_000, "[(" * 30_000, "{a=" + " " * 60_000, "@ list " + " " * 60_000,
    "**" + " " * 60_000, "$a" + " " * 60_000 + "x", "<a " * 20_000, "<!--" * 15_000, "<li>" * 15_000, "&#" * 30_000,
    "[Typing]" * 8_000, "[" * 60_000, "](#?" * 15_000, "$x." * 20_000, "#a." * 20_000, "a:" * 30_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_text_takes_long(look, text):
    """Patterns are tried on what is bounded, or in one go."""
    started = time.process_time()
    look(f"# Buy\n- {text}\n{text}\n# ? {text}\n- {text}\n```\n{text}\n```\n", format="lu")
    look(f"user=a\nbot=b\na: {text}\n{text}\n", format="chatdown")
    look(
        json.dumps({"utterances": [{"text": text, "intent": "x"}], "patterns": [{"pattern": text, "intent": "x"}]}),
        format="luis",
    )
    look(json.dumps({"qnaList": [{"answer": f"<p>{text}", "questions": [text]}]}), format="qna_maker")
    look(json.dumps({"name": "x", "sampleUtterances": [text], "fulfillmentActivity": {}}), format="lex")
    look(json.dumps([activity("message", "ada", text=text)]), format="bot_transcript")
    assert time.process_time() - started < 30
