"""Tables of every kind are read by one field map: which column holds what, and who the values of a role are."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ImportRefused, UsageError
from data.importers import ImportOptions
from data.settings import ImportSettings
from tests.unit.data.importers import ai_files as ai
from tests.unit.data.importers import table_files as made
from tests.unit.data.importers.archives import zipped

COLUMNS = ["Fall", "Wer", "Was", "Wann", "Thema", "Note", "Marke"]
ROWS = [
    ["f1", "Kundin", "Wo ist meine Lampe?", "2026-01-02T09:00:00Z", "versand", "4", "neu,rot"],
    ["f2", "Kundin", "Ist die Lampe hell?", "2026-01-02T09:05:00Z", "", "", ""],
    ["f1", "Mara", "Sie kommt morgen.", "2026-01-02T09:10:00Z", "", "5", ""],
]
FIELDS = {"conversation": "Fall", "role": "wer", "text": "Was", "time": "Wann", "label": "Thema", "rating": "Note",
          "tag": "Marke", "role.KUNDIN": "user", "role.Mara": "agent"}  # fmt: skip
OBJECTS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
WRITTEN = {
    "csv": ";".join(COLUMNS) + "\n" + "".join(";".join(row) + "\n" for row in ROWS),
    "tsv": "\t".join(COLUMNS) + "\n" + "".join("\t".join(row) + "\n" for row in ROWS),
    "jsonl": ai.lines(*OBJECTS),
    "json": ai.dumped(OBJECTS),
    "xlsx": made.workbook([COLUMNS, *ROWS]),
    "parquet": made.parquet(OBJECTS),
}  # fmt: skip


def said(looked):
    return [[(turn.role, turn.text) for turn in one.turns] for one in looked.conversations]


def refusal(look, content, **options):
    with pytest.raises(ImportRefused) as caught:
        look(content, **options)
    return caught.value


def mapped(**more) -> dict:
    return ImportOptions.from_wire({"fields": FIELDS, **more}).fields


@pytest.mark.parametrize("kind", WRITTEN)
def test_one_map_for_every_kind_of_table(look, kind):
    looked = look(WRITTEN[kind], fields=mapped(), format="json" if kind == "json" else None)
    assert looked.report.format == kind
    assert said(looked) == [
        [("user", "Ist die Lampe hell?")], [("user", "Wo ist meine Lampe?"), ("agent", "Sie kommt morgen.")],
    ]  # fmt: skip
    one = looked.conversations[1]
    assert (one.id, one.rating, one.tags, one.started_at) == ("f1", 5, ("neu", "rot"), "2026-01-02T09:00:00+00:00")
    assert looked.report.labels == {"versand": 1}
    assert looked.report.set_aside == {}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_map_that_does_not_fit_is_told_the_columns(look, kind):
    problem = refusal(look, WRITTEN[kind], fields={"text": "Nachricht"}, format=kind)
    assert problem.ids["reason"] == "column_missing"
    assert "Fall, Wer, Was, Wann, Thema, Note, Marke" in problem.message


@pytest.mark.parametrize("kind", ["csv", "tsv", "xlsx"])
def test_a_table_of_unknown_columns_is_told_how_to_map_them(look, kind):
    problem = refusal(look, WRITTEN[kind])
    assert problem.ids["reason"] == "no_text_column"
    assert "Fall, Wer, Was" in problem.message
    assert "--map text=Wer" in problem.remedy


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"conversation": "Fall", "text": "Was"}, "no_role_column"),
        ({"role": "Fall", "text": "Was"}, "no_conversation_column"),
    ],
)
def test_what_is_missing_beside_the_text(look, fields, reason):
    problem = refusal(look, WRITTEN["csv"], fields=fields)
    assert (problem.ids["reason"], "Fall, Wer, Was" in problem.message) == (reason, True)


def test_only_some_columns_are_told(look):
    header = ",".join(f"column number {n} of a very long name indeed, {'x' * 50}".replace(",", "") for n in range(40))
    problem = refusal(look, f"{header}\n{header}\n{header}\n")
    assert "and 20 more" in problem.message
    assert len(problem.message) < 1200


def test_the_brand_names_values_of_the_role_column(look):
    content = "case,author,text\n1,Jo,Hello\n1,Acme Bot,Hi\n1,bot,Hello there\n1,mia@acme.example,Good day\n"
    looked = look(content, brand=("acme bot", "@acme.example"))
    assert said(looked) == [[("user", "Hello"), ("agent", "Hi"), ("assistant", "Hello there"), ("agent", "Good day")]]
    assert looked.report.extra["speakers"]["brand"] == ["Acme Bot", "[email 1]"]
    plain = look(content)
    assert plain.report.set_aside == {"unknown_role": 3}
    (finding,) = [one for one in plain.report.findings if one.code == "unknown_role"]
    assert finding.sample == "Jo"
    assert "--map role." in finding.remedy


@pytest.mark.parametrize(
    "fields",
    [{"sky": "x"}, {"role.": "user"}, {"role.Jo": "boss"}, {"time": "a", "ts": "b"}, {"text": 3}],
)
def test_maps_that_make_no_sense(fields):
    with pytest.raises(UsageError):
        ImportOptions.from_wire({"fields": fields})


def test_options_keep_their_form_on_the_wire():
    assert ImportOptions().to_wire() == {}
    wire = ImportOptions.from_wire({"fields": FIELDS, "sheet": "Chats"}).to_wire()
    assert wire["fields"]["ts"] == "Wann"
    assert ImportOptions.from_wire(wire).to_wire() == wire


def test_a_question_and_its_reply_in_a_row(look):
    looked = look("text,label,reply\nOpen?,hours,Until six.\nClosed?,hours,\n,hours,Always.\n")
    assert said(looked) == [[("user", "Open?"), ("assistant", "Until six.")], [("user", "Closed?")],
                            [("assistant", "Always.")]]  # fmt: skip
    assert looked.report.labels == {"hours": 2}
    assert looked.report.set_aside == {"empty_message": 1}
    mapped = look("Q,A\nOpen?,Until six.\n", fields={"text": "Q", "reply": "A"})
    assert said(mapped) == [[("user", "Open?"), ("assistant", "Until six.")]]


@pytest.mark.parametrize(
    ("content", "turns"),
    [
        ("instruction,input,output\nName it.,A rose,Rose\n", [("user", "Name it.\nA rose"), ("assistant", "Rose")]),
        ("prompt,chosen,rejected\nA,B,C\n", [("user", "A"), ("assistant", "B")]),
        ("question,answer,label\nA,B,x\n", [("user", "A"), ("assistant", "B")]),
        ('id,messages\n1,"[{""role"": ""user"", ""content"": ""A""}]"\n', [("user", "A")]),
    ],
)
def test_tables_to_train_on(look, content, turns):
    assert said(look(content)) == [turns]


def test_a_row_of_a_table_to_train_on_without_what_it_needs(look):
    looked = look("prompt,completion\nA,B\nC,\n")
    assert looked.report.set_aside == {"missing_field": 1}


def test_flat_lines_that_name_their_conversation(look):
    lines = [{"ticket": 1, "author": "customer", "text": "One"}, {"ticket": 2, "author": "customer", "text": "Two"},
             {"ticket": 1, "author": "agent", "text": ["x"]}, {"messages": [{"role": "user", "content": "Three"}]},
             {"ticket": 1, "author": "agent", "text": "Four", "x": 1}, {"author": "agent"}]  # fmt: skip
    looked = look(ai.lines(*lines) + b"{\n")
    assert said(looked) == [[("user", "Two")], [("user", "Three")], [("user", "One"), ("agent", "x\nFour")]]
    assert looked.report.set_aside == {"empty_message": 1, "malformed_json": 1}
    assert "fields_ignored" in looked.codes


@pytest.mark.parametrize("under", ["", "data", "examples"])
def test_json_lists(look, under):
    body = [{"text": "Open?", "label": "hours"}, {"text": "Wax?", "spans": [{"start": 0, "end": 3, "type": "good"}]}, 7]
    looked = look(ai.dumped({under: body} if under else body))
    assert (looked.report.format, looked.texts) == ("json", ["Open?", "Wax?"])
    assert looked.report.set_aside == {"not_an_object": 1}
    assert looked.conversations[1].turns[0].entities[0].type == "good"
    broken = look(ai.dumped(body)[:-40])
    assert broken.report.set_aside == {"malformed_json": 1}


MESSAGES = [{"role": "user", "content": "Open?", "weight": None}, {"role": "assistant", "content": "Yes.", "weight": 0}]


@pytest.mark.parametrize(
    ("rows", "turns"),
    [
        ([{"messages": MESSAGES, "text": None}], [("user", "Open?"), ("assistant", "Yes.")]),
        ([{"conversations": [{"from": "human", "value": "A"}, {"from": "gpt", "value": "B"}]}],
         [("user", "A"), ("assistant", "B")]),
        ([{"messages": json.dumps(MESSAGES)}], [("user", "Open?"), ("assistant", "Yes.")]),
        ([ai.PAIRS["whole"]], [("user", "Is ivy toxic?"), ("assistant", "Its berries are.")]),
        ([ai.ALPACA[0]], [("user", "Name the flower.\nIt is yellow."), ("assistant", "A sunflower.")]),
    ],
)  # fmt: skip
def test_nested_parquet(look, rows, turns):
    looked = look(made.parquet(rows))
    assert (looked.report.format, looked.report.encoding) == ("parquet", "utf-8")
    assert said(looked) == [turns]


def test_parquet_as_datasets_writes_it(look):
    features = {"info": {"features": {"label": {"names": ["hours", "order"], "_type": "ClassLabel"}}}}
    moments = [datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)] * 4
    table = pa.table(
        {
            "text": ["Open?", "Lamp?", "Wax?", None],
            "label": [0, 1, 7, 0],
            "ts": pa.array(moments, pa.timestamp("ns", "Europe/Berlin")),
            "vector": [[0.5]] * 4, "picture": [b"\x89"] * 4,
        }
    ).replace_schema_metadata({"huggingface": json.dumps(features)})  # fmt: skip
    looked = look(made.parquet(table))
    assert looked.texts == ["Open?", "Lamp?", "Wax?"]
    assert looked.report.labels == {"hours": 1, "order": 1, "7": 1}
    assert looked.conversations[0].turns[0].ts == "2026-01-02T00:00:00+00:00"
    (finding,) = [one for one in looked.report.findings if one.code == "columns_ignored"]
    assert finding.sample == "vector, picture"


def test_columns_of_other_types(look):
    table = pa.table(
        {"text": pa.array(["a", "b"]).dictionary_encode(), "label": [Decimal("1.50"), None],
         "more": [datetime.timedelta(1), None], "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64()))}
    )  # fmt: skip
    looked = look(made.parquet(table))
    assert (looked.texts, looked.report.set_aside) == (["b"], {"wrong_type": 1})  # a label is a text or a whole number
    assert look(made.parquet(table), fields={"text": "text", "intent": "label"}).report.labels == {"1.5": 1}


def test_several_parquet_files_of_one_dataset(look):
    first, second = made.parquet([{"text": "a"}]), made.parquet([{"text": "b"}, {"text": "c"}])
    looked = look(zipped({"train-0.parquet": first, "train-1.parquet": second, "dataset_info.json": "{}"}))
    assert looked.texts == ["a", "b", "c"]
    assert [one.row for one in looked.conversations] == [1, 2, 3]


def test_parquet_that_is_not_taken(look):
    whole = made.parquet([{"text": f"message {n}"} for n in range(300)])
    for cut in (whole[:40], whole[:-9], b"PAR1" + b"\0" * 40 + b"PAR1"):
        assert refusal(look, cut).ids["reason"] == "parquet_damaged"
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    assert refusal(look, made.parquet(twice)).ids["reason"] == "duplicate_column"
    wide = made.parquet([{f"c{n}": "x" for n in range(30)}])
    assert refusal(look, wide, settings=ImportSettings(max_columns=20)).ids["reason"] == "too_many_columns"
    bomb = pa.table({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 2_000_000, pa.int8()), pa.array(["x" * 9]))})
    assert refusal(look, made.parquet(bomb, row_group_size=2_000_000)).ids["reason"] == "too_large"


def test_a_damaged_page_costs_what_comes_after_it(look):
    rows = [{"text": f"message {n} {'x' * n}"} for n in range(600)]
    whole = bytearray(made.parquet(rows, row_group_size=200, compression="none", use_dictionary=False))
    at = whole.index(b"message 450")
    whole[at - 4 : at] = b"\xff\xff\xff\x7f"
    looked = look(bytes(whole))
    assert looked.report.rows_in == 600
    assert looked.report.set_aside["unreadable_file"] >= 100
    assert looked.report.rows_used >= 200


def test_text_that_is_no_text_costs_its_row(look):
    bad = pa.Array.from_buffers(pa.string(), 2, pa.array([b"ok", b"\xff\xfe"]).buffers())
    looked = look(made.parquet(pa.table({"text": bad})))
    assert (looked.texts, looked.report.set_aside) == (["ok"], {"undecodable": 1})


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_to_parquet_ends_in_rows_or_a_refusal(looker, tmp_path_factory, data):
    whole = bytearray(made.parquet(OBJECTS * 3))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("any") / "upload"
    try:
        report = looker(path, bytes(whole), fields=mapped()).report
    except ImportRefused as refused:
        reason = refused.ids["reason"]
    else:
        reason = "none"
        assert report.rows_in == report.rows_used + sum(report.set_aside.values())
    assert reason
