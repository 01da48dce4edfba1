"""JSON Lines as strangers send them: every line is used or set aside with its reason."""

from __future__ import annotations

import json

import pytest

from data.errors import ImportRefused
from data.importers import Reason
from data.settings import ImportSettings

GOOD = '{"text": "hello there", "label": "greeting"}\n'


def chat(*messages, **more):
    return json.dumps({"id": "c", "messages": list(messages), **more}, ensure_ascii=False) + "\n"


def says(content, role="user", **more):
    return {"role": role, "content": content, **more}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "a"', "malformed_json"),
        ('{"text": "a"} trailing', "malformed_json"),
        ("{'text': 'a'}", "malformed_json"),
        ('{"text": "tab\there"}', "malformed_json"),
        ('["text"]', "not_an_object"),
        ('"text"', "not_an_object"),
        ("null", "not_an_object"),
        ("12", "not_an_object"),
        ('{"text": "a", "text": "b"}', "duplicate_keys"),
        ('{"messages": [{"role": "user", "role": "system", "content": "x"}]}', "duplicate_keys"),
        ('{"text": "a", "x": NaN}', "number_out_of_range"),
        ('{"text": "a", "x": -Infinity}', "number_out_of_range"),
        ('{"text": "a", "x": 1e999}', "number_out_of_range"),
        ('{"text": "a", "x": ' + "9" * 5000 + "}", "number_out_of_range"),
        ('{"text": "a", "x": 9223372036854775808}', "number_out_of_range"),
        ('{"text": "a \\ud800"}', "lone_surrogate"),
        ('{"text": "a", "\\udfff": 1}', "lone_surrogate"),
        ('{"text": ' + "[" * 40 + "]" * 40 + "}", "too_deep"),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "too_deep"),
        ('{"text": "a", "x": ' + '{"y":' * 40 + "1" + "}" * 41, "too_deep"),
        ('{"body": "a"}', "unknown_shape"),
        ("{}", "unknown_shape"),
        ('{"text": null}', "missing_field"),
        ('{"text": 12}', "wrong_type"),
        ('{"text": true}', "wrong_type"),
        ('{"text": ""}', "empty_message"),
        ('{"text": "\\u0000 \\u200b"}', "empty_message"),
        ('{"text": "a", "label": true}', "wrong_type"),
        ('{"text": "a", "label": {"x": 1}}', "wrong_type"),
        ('{"text": "a", "labels": "x"}', "wrong_type"),
        ('{"text": "a", "labels": ["x", "y"]}', "several_labels"),
        ('{"text": "a", "label": "' + "x" * 200 + '"}', "label_invalid"),
        ('{"tokens": ["a"], "tags": ["O", "O"]}', "wrong_type"),
        ('{"tokens": "a", "tags": ["O"]}', "wrong_type"),
        ('{"messages": {}}', "wrong_type"),
        ('{"messages": []}', "empty_conversation"),
        ('{"messages": ["hello"]}', "wrong_type"),
        ('{"messages": [{"content": "x"}]}', "missing_field"),
        ('{"messages": [{"role": "user"}]}', "missing_field"),
        ('{"messages": [{"role": 1, "content": "x"}]}', "wrong_type"),
        ('{"messages": [{"role": "\u0455ystem", "content": "x"}]}', "unknown_role"),
        ('{"messages": [{"role": "tool", "content": "x"}]}', "tool_message"),
        ('{"messages": [{"role": "", "content": "x"}]}', "unknown_role"),
        ('{"messages": [{"role": "user", "content": "x", "sentiment": []}]}', "wrong_type"),
    ],
)
def test_each_bad_line_is_set_aside_with_its_reason(look, line, reason):
    looked = look(GOOD + line + "\n" + GOOD.replace("hello", "bye"))
    assert looked.report.set_aside == {reason: 1}
    assert looked.report.rows_used == 2
    (finding,) = [one for one in looked.report.findings if one.code == reason]
    assert finding.rows == (2,)
    assert finding.remedy


def test_every_reason_is_tested_here_or_for_tables():
    here = {
        mark.args[1][n][1]
        for mark in test_each_bad_line_is_set_aside_with_its_reason.pytestmark
        for n in range(len(mark.args[1]))
    }
    elsewhere = {
        "undecodable", "line_too_long", "too_long", "too_many_turns", "ragged_row", "malformed_row", "unclosed_quote",
        "duplicate_conversation",
    }  # fmt: skip
    of_kinds = {
        "unreadable_file", "document_too_large", "system_notice", "deleted_message", "earlier_version",
        "attachment_only", "private_note", "placeholder_text", "auto_reply", "erased", "other_branch", "rejected_reply",
        "malformed_yaml", "response_unknown",
    }  # fmt: skip
    assert here | elsewhere | of_kinds == {reason.value for reason in Reason}


@pytest.mark.parametrize(
    "content",
    ['[{"text": "a"},\n {"text": "b"}]', '[{"text": "a"}]', '{\n  "text": "a"\n}\n', "[\n1\n]"],
)
def test_one_big_document_is_refused(look, content):
    with pytest.raises(ImportRefused) as caught:
        look(content)
    assert caught.value.ids["reason"] == "json_document"


def test_one_cut_line_is_no_table(look):
    assert look('{"id": "x", "messages": [{"role": "us').report.set_aside == {"malformed_json": 1}


def test_line_separators_are_text_and_blank_lines_no_rows(look):
    looked = look('\n  \n{"text": "one\u2028two\x85 \u2029three", "label": "a"}\n\n')
    assert looked.report.rows_in == 1
    assert looked.texts[0].startswith("one\ntwo")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_marks_and_wide_encodings(look, encoding):
    assert look(GOOD.encode(encoding)).texts == ["hello there"]


def test_invalid_utf8_in_one_line(look):
    good = "".join(GOOD.replace("hello", f"schön {n}") for n in range(5)).encode()
    looked = look(good + GOOD.replace("hello", "K\u00f6ln").encode("cp1252") + b'{"text": "\xff\xfe"}\n')
    assert looked.report.set_aside == {"undecodable": 2}


def test_mixed_shapes(look):
    lines = [
        chat(says("hello"), says("hi", "assistant")),
        json.dumps(
            {"id": 7, "turns": [{"role": "Customer", "text": "where is it"}, {"role": "Agent", "text": "there"}]}
        ),
        json.dumps({"text": "a label", "label": "x"}),
        json.dumps({"text": "another label", "labels": ["y"]}),
        json.dumps({"text": "an intent", "intent": "z"}),
        json.dumps({"text": "no label"}),
        json.dumps({"text": "book a flight to Rome", "spans": [{"start": 17, "end": 21, "label": "city"}]}),
        json.dumps({"tokens": ["fly", "to", "New", "York", "now"], "tags": ["O", "O", "B-city", "I-city", "I-time"]}),
    ]
    looked = look("\n".join(line.strip() for line in lines))
    assert looked.report.set_aside == {}
    assert looked.report.rows_in == 10
    assert looked.report.labels == {"x": 1, "y": 1, "z": 1}
    spans = [turn.text[e.start : e.end] for one in looked.conversations for turn in one.turns for e in turn.entities]
    assert spans == ["Rome", "New York", "now"]
    assert looked.conversations[1].id == "7"


def test_roles_are_read_without_regard_to_case(look):
    looked = look(chat(says("a", "System"), says("b", " USER "), says("c", "bot"), says("d", "staff")))
    assert [turn.role for turn in looked.conversations[0].turns] == ["system", "user", "assistant", "agent"]


def test_too_many_and_too_long(look):
    settings = ImportSettings(max_turns=10, max_cell_chars=50, max_line_bytes=2000)
    many = chat(*(says(f"message {n}") for n in range(11)))
    long = chat(says("x" * 51), says("short"))
    looked = look(many + long + json.dumps({"text": "y" * 3000}) + "\n", settings=settings)
    assert looked.report.set_aside == {"too_many_turns": 11, "too_long": 1, "line_too_long": 1}
    assert looked.texts == ["short"]


def test_a_hundred_thousand_turns(look):
    looked = look(chat(*(says("x") for _ in range(100_000))))
    assert looked.report.set_aside == {"too_many_turns": 100_000}


def test_brand_first_one_sided_and_empty_turns(look):
    looked = look(
        chat(says("welcome", "bot"), says(""), says("  "), says("hi"))
        + chat(says("a"), says("b", intent="x"), says("c", intent="y"))
    )
    assert looked.report.set_aside == {"empty_message": 2}
    assert [len(one.turns) for one in looked.conversations] == [2, 2]
    assert "one_sided" in looked.codes


def test_special_tokens_are_text(look):
    text = "<|im_start|>system [SEP] </s> <pad> \u2581x"
    looked = look(chat(says(text)))
    assert looked.texts == [text]
    assert "special_tokens" in looked.codes


@pytest.mark.parametrize(
    ("ts", "kept", "code"),
    [
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00", None),
        ("2016-12-31T23:59:60Z", None, "timestamp_ignored"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00+00:00", "timestamp_without_zone"),
        (1700000000, "2023-11-14T22:13:20+00:00", None),
        ("1700000000123", "2023-11-14T22:13:20.123000+00:00", None),
        (17000000, None, "timestamp_ignored"),
        (True, None, "timestamp_ignored"),
        ("", None, None),
    ],
)
def test_times(look, ts, kept, code):
    looked = look(chat(says("hello", ts=ts)))
    assert looked.conversations[0].turns[0].ts == kept
    assert code is None or code in looked.codes


@pytest.mark.parametrize("rating", [5.5, "5", 0, True, float("1e3"), [], 7])
def test_ratings_out_of_range_are_dropped_with_a_remark(look, rating):
    looked = look(chat(says("hello", rating=rating), says("hi", "bot", rating=-1), rating=3))
    assert looked.conversations[0].turns[0].rating is None
    assert looked.conversations[0].turns[1].rating == -1
    assert looked.conversations[0].rating == 3
    assert "rating_ignored" in looked.codes


def test_entities(look):
    entities = [
        {"start": 0, "end": 5, "type": "email", "value": "a@b.c"},
        {"start": 6, "end": 8, "type": "word", "value": "me"},
        {"start": 6, "end": 80, "type": "word"},
        {"start": True, "end": 8, "type": "word"},
        {"start": 6, "end": 8},
        "nonsense",
    ]
    looked = look(
        chat(says("a@b.co  me \u200bnow", entities=[{"start": 12, "end": 15, "type": "time"}, *entities[1:2]]))
    )
    (turn,) = looked.conversations[0].turns
    assert [turn.text[e.start : e.end] for e in turn.entities if e.type == "time"] == ["now"]
    looked = look(chat(says("a@b.c me", entities=entities)))
    (turn,) = looked.conversations[0].turns
    assert [(turn.text[e.start : e.end], e.value) for e in turn.entities] == [("[email 1]", None), ("me", "me")]
    assert "entities_dropped" in looked.codes
    assert look(chat(says("a", entities={"start": 1}))).codes >= {"entities_dropped"}


def test_entities_inside_what_is_redacted_cover_the_placeholder(look):
    looked = look(
        chat(
            says(
                "write  jo@example.com", entities=[{"start": 7, "end": 21, "type": "email", "value": "jo@example.com"}]
            )
        )
    )
    (turn,) = looked.conversations[0].turns
    (entity,) = turn.entities
    assert turn.text[entity.start : entity.end] == "[email 1]"
    assert entity.value is None


def test_an_entity_of_which_cleaning_leaves_nothing(look):
    looked = look(chat(says("a\u200bb", entities=[{"start": 1, "end": 2, "type": "x"}])))
    assert looked.conversations[0].turns[0].entities == ()
    assert "entities_dropped" in looked.codes


def test_ids_and_tags(look):
    looked = look(
        chat(says("one"), customer="jo@example.com", tags=["vip", 3, None, "call 07700 900123"], language="EN_us")
        + json.dumps({"id": "x" * 10_000, "messages": [says("two")], "tags": "no list", "language": 5})
        + "\n"
        + json.dumps({"id": True, "messages": [says("three")], "language": "english"})
    )
    one, two, three = looked.conversations
    assert one.customer.startswith("sha256:")
    assert one.tags[:2] == ("vip", "3")
    assert "07700" not in one.tags[2]
    assert one.language == "en"
    assert two.id.startswith("sha256:")
    assert three.id == "line-3"
    assert three.language is two.language is None


def test_placeholders_are_consistent_inside_a_conversation_only(look):
    looked = look(chat(says("a@b.co"), says("ok", "bot"), says("c@d.co or a@b.co")) + chat(says("write to c@d.co")))
    assert looked.texts == ["[email 1]", "ok", "[email 2] or [email 1]", "write to [email 1]"]
    assert looked.report.redacted == {"email": 4}


def test_duplicates_are_set_aside_whole_and_their_redactions_not_counted(look):
    line = chat(says("mail a@b.co"), says("ok", "bot"))
    looked = look(line + line.replace('"c"', '"d"'))
    assert looked.report.set_aside == {"duplicate_conversation": 2}
    assert looked.report.redacted == {"email": 1}


def test_samples_hold_nothing_personal(look):
    secret = "jo@example.com"
    looked = look(f'{{"text": "{secret}\n' + json.dumps({"text": f"{secret} \u2581", "label": "x" * 200}) + "\n" + GOOD)
    assert secret not in json.dumps(looked.report.to_wire())
    assert looked.report.set_aside == {"malformed_json": 1, "label_invalid": 1}


def test_unknown_fields_are_named_and_ignored(look):
    looked = look(json.dumps({"text": "hello", "tenant_id": 3, "status": "succeeded"}))
    (finding,) = [one for one in looked.report.findings if one.code == "fields_ignored"]
    assert finding.sample == "status, tenant_id"


def test_mojibake_and_lost_characters_are_reported(look):
    looked = look(json.dumps({"text": "schÃ¶n"}) + "\n" + json.dumps({"text": "lost \ufffd"}))
    assert looked.texts == ["schön", "lost \ufffd"]
    assert {"mojibake_repaired", "replacement_characters"} <= looked.codes


def test_nothing_used_is_an_error(look):
    assert "nothing_used" in look('{"x": 1}\n').codes
