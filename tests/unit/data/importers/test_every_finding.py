"""Every finding has something that provokes it, here or where its kind of file is tested, and nothing else does."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data.appraise import Evidence, Suspect, appraise
from data.catalogue import CATALOGUE
from data.check import leakage
from data.curve import Point
from data.settings import ImportSettings
from tests.unit.data.frozen_rows import Frozen, row

TESTS = Path(__file__).parents[1]
GOOD = '{"text": "hello there", "label": "greeting"}\n'
TABLE = "text,label\n"


def line(**body):
    return json.dumps(body, ensure_ascii=False) + "\n"


def chat(*said, **more):
    roles = ("user", "agent")
    turns = [{"role": roles[at % 2], "content": one} if isinstance(one, str) else one for at, one in enumerate(said)]
    return line(id=f"c{said}", messages=turns, **more)


def archive(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in files.items():
            packed.writestr(name.replace("__", "."), content)
    return out.getvalue()


def many(count, label, text="message {} of many words"):
    return "".join(line(text=text.format(at) + f" {label}", label=label) for at in range(count))


DISCLAIMER = "This call may be recorded for training purposes."
UPLOADS = {
    "malformed_json": GOOD + '{"text": "a"\n',
    "not_an_object": GOOD + '["a"]\n',
    "duplicate_keys": GOOD + '{"text": "a", "text": "b"}\n',
    "number_out_of_range": GOOD + '{"text": "a", "x": NaN}\n',
    "lone_surrogate": GOOD + '{"text": "a \\ud800"}\n',
    "too_deep": GOOD + '{"text": ' + "[" * 33 + "]" * 33 + "}\n",
    "undecodable": (GOOD * 30).encode() + b'{"text": "caf\xe9 \xff\x81"}\n',
    "line_too_long": (GOOD + line(text="a" * 900), {"settings": ImportSettings(max_line_bytes=500)}),
    "unknown_shape": GOOD + '{"body": "a"}\n',
    "missing_field": GOOD + '{"messages": [{"role": "user"}]}\n',
    "wrong_type": GOOD + '{"text": 12}\n',
    "unknown_role": GOOD + '{"messages": [{"role": "ghost", "content": "x"}]}\n',
    "tool_message": GOOD + '{"messages": [{"role": "tool", "content": "x"}]}\n',
    "rejected_reply": GOOD + line(prompt="hello", chosen="good morning", rejected="go away"),
    "not_learned": GOOD + chat("hello", {"role": "agent", "content": "go away", "weight": 0}),
    "label_invalid": GOOD + line(text="a", label="x" * 121),
    "several_labels": GOOD + line(text="a", labels=["x", "y"]),
    "empty_message": GOOD + line(text=" "),
    "empty_conversation": GOOD + '{"messages": []}\n',
    "too_long": (GOOD + line(text="a" * 900), {"settings": ImportSettings(max_cell_chars=500)}),
    "too_many_turns": (GOOD + chat("a", "b", "c"), {"settings": ImportSettings(max_turns=2)}),
    "ragged_row": TABLE + "hello,greeting\na,b,c\n",
    "malformed_row": TABLE + 'hello,greeting\n"he" said,x\n',
    "unclosed_quote": TABLE + 'hello,greeting\n"he said,x\nbye,greeting\n',
    "unreadable_file": archive(a__csv="conversation,text\n1,hello\n", b__csv=TABLE + "hello,greeting\n"),
    "system_notice": "12/03/2024, 10:00 - Messages and calls are end-to-end encrypted.\n"
    "12/03/2024, 10:01 - Ana: hello\n12/03/2024, 10:02 - Shop: good morning\n",
    "deleted_message": "13/03/2024, 10:00 - Ana: hello\n13/03/2024, 10:01 - Shop: good morning\n"
    "13/03/2024, 10:02 - Ana: This message was deleted\n",
    "attachment_only": "13/03/2024, 10:00 - Ana: hello\n13/03/2024, 10:01 - Shop: good morning\n"
    "13/03/2024, 10:02 - Ana: <Media omitted>\n",
    "dates_guessed": "03/04/2024, 10:00 - Ana: hello\n03/04/2024, 10:01 - Shop: good morning\n",
    "dates_undecided": "conversation,role,text,time\n1,user,hello,03/04/2024\n",
    "speakers_guessed": "Lena: Hello\nShop: Good morning\nLena: Are you open?\nShop: Always\n",
    "brand_not_found": ("Lena: Hello\nShop: Good morning\nLena: Open?\nShop: Yes\n", {"brand": ("Nobody",)}),
    "auto_reply": (GOOD + line(text="Automatic reply: I am away"), {"fix": True}),
    "auto_replies": GOOD + line(text="Automatic reply: I am away"),
    "duplicate_conversation": GOOD + GOOD,
    "encoding_guessed": (GOOD.replace("hello", "h\xe9llo h\xe8re caf\xe9 d\xe9j\xe0 vu") * 3).encode("cp1252"),
    "mojibake_repaired": line(text="I\u00e2\u20ac\u2122m sure the caf\u00c3\u00a9 is open"),
    "replacement_characters": line(text="the caf\ufffd is open"),
    "special_tokens": line(text="what is <|im_start|> for"),
    "near_duplicates": line(text="where is my parcel number 17?") + line(text="Where is my parcel number 18"),
    "label_twins": line(text="one", label="Refund") + line(text="two", label="re-fund"),
    "labels_mended": (line(text="one", label="Refund") + line(text="two", label="refund"), {"fix": True}),
    "conflicting_labels": line(text="Hello you", label="a") + line(text="hello  you", label="b"),
    "small_classes": many(9, "a") + many(4, "b"),
    "odd_labels": many(5, "a") + many(5, "nan"),
    "single_label": many(5, "a"),
    "many_labels": "".join(line(text=f"text {at}", label=f"label {at}") for at in range(1001)),
    "imbalance": many(101, "a") + many(5, "b"),
    "long_turns": line(text="a long story " * 90),
    "boilerplate": "".join(chat(f"question {at}", f"Answer {at}.\n{DISCLAIMER}") for at in range(25)),
    "signatures": chat("where is it?\n--\nJane Doe\nAcme Ltd", "here"),
    "signatures_cut": (chat("where is it?\n\nSent from my iPhone", "here"), {"fix": True}),
    "much_redacted": line(text="jane@example.com or joe@example.com please"),
    "one_sided": chat("a", {"role": "system", "content": "b"}, "c"),
    "mixed_languages": line(text="where is my parcel, I am still waiting for it")
    + line(text="wo bleibt mein Paket, ich warte schon seit Tagen darauf"),
    "timestamp_ignored": chat({"role": "user", "content": "a", "ts": "yesterday"}),
    "timestamp_without_zone": chat({"role": "user", "content": "a", "ts": "2026-01-31T09:30:00"}),
    "rating_ignored": chat("a", "b", rating=11),
    "entities_dropped": line(text="fly to Rome", spans=[{"start": 7, "end": 99, "type": "city"}]),
    "fields_ignored": line(text="a", colour="blue"),
    "columns_ignored": "text,label,colour\nhello,greeting,blue\n",
    "long_quoted_cell": TABLE + '"' + "word\n" * 25 + 'end",greeting\n',
    "files_skipped": archive(a__csv=TABLE + "hello,greeting\n", b__png=b"\x89PNG\r\n\x1a\n\x00\x00"),
    "no_rows": TABLE,
    "format_mistaken": (TABLE + "hello,greeting\n", {"format": "zendesk"}),
    "nothing_used": '{"text": 12}\n',
}  # fmt: skip
"""For each code what is uploaded, and with which options."""

ELSEWHERE = {
    "document_too_large": "importers/test_kinds.py",
    "earlier_version": "importers/test_talk.py",
    "private_note": "importers/test_helpdesks.py",
    "other_branch": "importers/test_ai_chats.py",
    "sheets_skipped": "importers/test_workbooks.py",
    "rows_above_header": "importers/test_workbooks.py",
    "placeholder_text": "importers/test_bot_definitions.py",
    "malformed_yaml": "importers/test_rasa_project.py",
    "response_unknown": "importers/test_rasa_project.py",
    "keys_repeated": "importers/test_rasa_project.py",
    "erased": "../../flow/test_erasure.py",
    "quotes_cut": "importers/test_helpdesks.py",
    "attachments_ignored": "importers/test_chat_apps.py",
    "extras_ignored": "importers/test_chat_apps.py",
    "edited_messages": "importers/test_chat_apps.py",
    "mentions_unknown": "importers/test_chat_apps.py",
    "names_unknown": "importers/test_bot_talks.py",
    "definition_left_out": "importers/test_bot_definitions.py",
    "answers_unfilled": "importers/test_bot_definitions.py",
    "parts_ignored": "importers/test_bot_definitions.py",
    "placeholders_filled": "importers/test_bot_definitions.py",
    "intents_unknown": "importers/test_bot_definitions.py",
    "references_left_out": "importers/test_bot_definitions.py",
}
"""Codes of kinds of files that have tests, and files, of their own."""


def known(rows, **more):
    """Evidence of a base that finds nothing wrong."""
    body = {"unknown": np.zeros(rows), "tokens": np.full(rows, 5)} | more
    return Evidence("minilm-l6", 126, **body)


LABELLED = [row(f"message {at}", "a" if at % 2 else "b") for at in range(80)]
RISING = [Point(100, 0.60), Point(200, 0.70), Point(400, 0.78), Point(800, 0.84)]
DATASETS = {
    "seen_in_train": (Frozen(LABELLED, seen={"test": 3}), None),
    "near_leakage": (Frozen(LABELLED, near={"validation": 2, "test": 3}), None),
    "missing_from_split": (Frozen([*LABELLED, row("x", "only here", split="train")]), None),
    "label_errors": (Frozen(LABELLED), known(80, suspects=[Suspect(3, "a", 0.9)])),
    "unknown_tokens": (Frozen(LABELLED), known(80, unknown=np.full(80, 0.4))),
    "too_little_data": (Frozen([row("one", "a"), row("two", "b")]), None),
    "more_data_helps": (Frozen(LABELLED), known(80, points=RISING)),
}


@pytest.mark.parametrize("code", UPLOADS)
def test_an_upload_provokes_it(look, code):
    given = UPLOADS[code]
    content, options = given if isinstance(given, tuple) else (given, {})
    looked = look(content, **options)
    (finding,) = [one for one in looked.report.findings if one.code == code]
    assert finding.count > 0
    assert finding.severity == CATALOGUE[code].severity
    assert looked.codes <= set(CATALOGUE)


def test_an_upload_without_a_flaw_has_no_finding(look):
    fine = "".join(
        chat(
            {"role": "user", "content": text.format(at), "intent": label, "ts": "2026-01-31T09:30:00Z"}, f"{reply} {at}"
        )
        for label, text, reply in (
            ("delivery", "where is the parcel that I ordered in week {} of the year", "On its way, step"),
            ("returns", "may I send back item {} although it was worn once", "Gladly, write form"),
        )
        for at in ("one", "two", "three", "four", "five", "six")
    )
    assert look(fine).codes <= {"near_duplicates"}


@pytest.mark.parametrize("code", DATASETS)
def test_a_dataset_provokes_it(code):
    dataset, evidence = DATASETS[code]
    found = {one.code: one for one in appraise(dataset, evidence).findings}
    assert found[code].count > 0
    plain = {one.code for one in appraise(Frozen(LABELLED), known(80)).findings}
    assert code not in plain - {"too_little_data"}


@pytest.mark.parametrize(
    ("code", "train", "test"),
    [("leakage", "Where is it?", "where  is it?"), ("near_leakage", "where is parcel 1", "where is parcel 2?")],
)
def test_two_files_provoke_it(tmp_path, code, train, test):
    for name, text in (("train", train), ("test", test)):
        (tmp_path / name).write_text(line(text=text, label="a"))
    found = leakage([tmp_path / "train"], [tmp_path / "test"])["findings"]
    assert [(one["code"], one["count"], one["rows"]) for one in found] == [(code, 1, [1])]


def test_every_code_is_provoked_somewhere():
    here = {*UPLOADS, *DATASETS, "leakage", "near_leakage"}
    assert here.isdisjoint(ELSEWHERE)
    assert here | set(ELSEWHERE) == set(CATALOGUE), (
        "a new finding needs an example here, or a test that ELSEWHERE names"
    )
    missing = [code for code, name in ELSEWHERE.items() if not _names(TESTS / name, code)]
    assert missing == []


def _names(path, code):
    return path.is_file() and re.search(rf"\b{code}\b", path.read_text(encoding="utf-8"), re.IGNORECASE) is not None
