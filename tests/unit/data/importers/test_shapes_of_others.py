"""Shapes that products write beside those of the samples: each found by itself, read on the right sides."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import pytest

from data.errors import ImportRefused
from tests.unit.data.importers import bot_files

ASKED = {"role": "user", "content": "Is ivy toxic?"}
GOOD, BAD = {"role": "assistant", "content": "Yes, it is."}, {"role": "assistant", "content": "No."}
CLAUDE = [
    {"uuid": "1", "name": "Ivy", "account": {"uuid": "a"}, "chat_messages": [
        {"uuid": "2", "sender": "human", "text": "...", "content": [{"type": "text", "text": "Is ivy toxic?"}]},
        {"uuid": "3", "sender": "assistant", "text": "Yes, it is."}]},
]  # fmt: skip
CHATWOOT = {"data": {"meta": {"all_count": 1}, "payload": [{"id": 7, "inbox_id": 1, "labels": [], "messages": [
    {"id": 1, "content": "Is ivy toxic?", "message_type": 0, "conversation_id": 7, "created_at": 1709280000,
     "private": False, "sender": {"id": 1, "type": "contact"}},
    {"id": 2, "content": "Yes, it is.", "message_type": 1, "conversation_id": 7, "created_at": 1709280060,
     "private": False, "sender": {"id": 2, "type": "user"}}]}]}}  # fmt: skip
# fmt: off
LEX = {"messageVersion": "2.0", "sessionId": "s", "inputTranscript": "Is ivy toxic?", "requestId": "r",
       "timestamp": "2024-03-01T08:00:00Z", "messages": [{"content": "Yes, it is.", "contentType": "PlainText"}]}
# fmt: on
WRITTEN: dict[str, tuple[str, str]] = {
    "chosen, and the same again in messages": (
        "preference",
        json.dumps(
            {"prompt": "Is ivy toxic?", "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD], "messages": [ASKED, GOOD]}
        ),
    ),
    "a list of lists": ("openai_chat", json.dumps([[ASKED, GOOD]], indent=1)),
    "chat_messages": ("openai_chat", json.dumps(CLAUDE)),
    "conversations that hold messages": ("chatwoot", json.dumps(CHATWOOT)),
    "a log without its bot": (
        "lex_logs",
        json.dumps(LEX) + "\n" + json.dumps({**LEX, "inputTranscript": "", "messages": []}),
    ),
    "other names of models": (
        "sharegpt",
        json.dumps(
            [{"conversations": [{"from": "human", "value": "Is ivy toxic?"}, {"from": "bing", "value": "Yes, it is."}]}]
        ),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_asked_and_what_was_answered(look, name):
    form, content = WRITTEN[name]
    looked = look(content)
    assert looked.report.format == form
    (conversation,) = looked.conversations
    assert [(turn.is_brand, turn.text) for turn in conversation.turns] == [
        (False, "Is ivy toxic?"),
        (True, "Yes, it is."),
    ]


def test_instructions_beside_messages_come_before_them(look):
    line = json.dumps({"system": "Be kind", "messages": [ASKED, GOOD]})
    (conversation,) = look(f"{line}\n").conversations
    assert [turn.role for turn in conversation.turns] == ["system", "user", "assistant"]


def test_a_labelled_text_between_pairs(look):
    pair = {"prompt": "Is ivy toxic?", "chosen": "Yes, it is.", "rejected": "No."}
    looked = look("".join(json.dumps(line) + "\n" for line in (pair, {"text": "a rose", "label": "naming"}, pair)))
    assert looked.report.format == "preference"
    assert looked.report.labels == {"naming": 1}
    assert looked.report.set_aside == {"rejected_reply": 2, "duplicate_conversation": 2}


@pytest.mark.parametrize("line", ["[LINE] Chat history with Zoe", "[2024-03-14 21 h 05] Zoe: hello", "[draft] a, b"])
def test_what_begins_with_a_bracket_is_not_called_json(look, line):
    with pytest.raises(ImportRefused) as caught:
        look(f"{line}\nand what follows\n")
    assert caught.value.ids["reason"] == "no_text_column"


def test_what_somebody_answered_means_nothing_alone(look):
    lines = [{"text": "Is ivy toxic?", "role": "user"}, {"text": "Yes, it is.", "role": "assistant"}]
    looked = look("".join(json.dumps(line) + "\n" for line in lines))
    assert looked.texts == ["Is ivy toxic?"]
    assert looked.report.set_aside == {"missing_field": 1}


def test_expressions_without_places(look):
    body = {"data": [{"text": "where is it", "entities": [{"entity": "intent", "value": '"track"'}]}]}
    looked = look(json.dumps(body))
    assert (looked.report.format, looked.report.labels) == ("wit", {"track": 1})


def test_phrases_are_told_by_the_name_of_their_file_too(look):
    phrases: list[dict[str, Any]] = [{"id": "1", "data": [{"text": "is it sunny"}]}]
    files = {**bot_files.DIALOGFLOW, "intents/Default Fallback Intent_usersays_en.json": phrases}
    looked = look(bot_files.packed(files))
    assert looked.report.format == "dialogflow"
    assert "is it sunny" in looked.texts


def test_a_tar_archive_is_called_one(look):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        table = b"conversation,role,text\n1,user,hi\n"
        entry = tarfile.TarInfo("a.csv")
        entry.size = len(table)
        archive.addfile(entry, io.BytesIO(table))
    for content in (packed.getvalue(), gzip.compress(packed.getvalue())):
        with pytest.raises(ImportRefused, match="tar archive") as caught:
            look(content)
        assert caught.value.ids["reason"] == "not_text"
