"""Tables as strangers send them: each a documented error or a documented success, never silence."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from data.errors import ImportRefused
from data.settings import ImportSettings

CHAT = "conversation,role,text\n"
LABELLED = "text,label\n"


def refusal(look, content, **options):
    with pytest.raises(ImportRefused) as caught:
        look(content, **options)
    assert caught.value.message
    assert caught.value.remedy
    return caught.value.ids["reason"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\n \r\n\n", "empty_file"),
        (b"\x00" * 50_000, "empty_file"),
        (b"hello,world\n1,2\n", "no_text_column"),
        (b"text,conversation\na,1\n", "no_role_column"),
        (b"text,role\na,user\n", "no_conversation_column"),
        (b"text,text\na,b\n", "duplicate_column"),
        (b",,,\na,b,c,d\n", "no_text_column"),
        (b'"text,label\nhello,a\n', "no_header"),
        (("text," + ",".join(f"c{n}" for n in range(300))).encode(), "too_many_columns"),
        (b"PK\x03\x04anything", "zip_damaged"),
        (b"PAR1\x15\x04", "parquet_damaged"),
        (b"\x80\x04\x95pickle", "not_text"),
        (b"7z\xbc\xaf\x27\x1c", "not_text"),
        (gzip.compress(gzip.compress(b"text\nhello\n", mtime=0), mtime=0), "gzip_nested"),
        (gzip.compress(b"text,label\n" + b"hello,a\n" * 5000, mtime=0)[:-40], "gzip_damaged"),
        (gzip.compress(b"text\n" + b"\x00" * 30_000_000), "gzip_ratio"),
        (b"\x1f\x8b nothing of the kind", "gzip_damaged"),
    ],
)
def test_whole_files_that_are_refused(look, content, reason):
    assert refusal(look, content, name="logs.csv") == reason


def test_a_real_archive_is_opened_whatever_it_is_called(look):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("logs.csv", "text\nhello\n")
    assert look(stream.getvalue(), name="logs.csv").texts == ["hello"]


def test_a_million_columns(look):
    assert refusal(look, b"text" + b",x" * 1_000_000) == "too_many_columns"
    looked = look(LABELLED.encode() + b"a" + b",b" * 1_000_000 + b"\nhello,greeting\n")
    assert looked.report.set_aside == {"ragged_row": 1}


def test_too_large(look):
    assert refusal(look, "text\n" + "hello\n" * 1000, settings=ImportSettings(max_bytes=100)) == "too_large"


def test_header_only_has_no_rows(look):
    looked = look(LABELLED)
    assert looked.report.rows_in == 0
    assert "no_rows" in looked.codes


def test_ragged_rows_and_rows_with_empty_tails(look):
    looked = look(LABELLED + "hello,greeting\nonly one\na,b,c\nbye,farewell,,\n,,\n")
    assert looked.report.set_aside == {"ragged_row": 2, "empty_message": 1}
    assert looked.texts == ["hello", "bye"]


def test_an_unclosed_quote_costs_one_row_and_not_those_after_it(look):
    rows = [f"c{n},user,message number {n}" for n in range(5_000)]
    rows[7] = 'c7,user,"oops'
    looked = look(CHAT + "\n".join(rows))
    assert looked.report.set_aside == {"unclosed_quote": 1}
    assert looked.report.rows_used == 4_999
    (finding,) = [one for one in looked.report.findings if one.code == "unclosed_quote"]
    assert finding.rows == (9,)


def test_an_unclosed_quote_closed_by_a_later_cell_is_noticed(look):
    content = CHAT + 'c1,user,"hello\nc1,agent,hi\nc2,user,so long"\nc3,user,bye\n'
    looked = look(content)
    assert looked.report.set_aside["unclosed_quote"] == 1
    assert {"hi", "bye"} <= set(looked.texts)
    looked = look(LABELLED + 'a,x\nb,y\n"open,x\nswallowed,y\nend" ,x\nlast,x\n')
    assert looked.report.set_aside == {"unclosed_quote": 1}
    assert "swallowed" in looked.texts


def test_honest_line_breaks_in_cells_stay(look):
    looked = look(CHAT + 'c1,user,"first line\nsecond, line\n\nlast ""quoted"" line"\nc1,agent,fine\n')
    assert looked.texts == ['first line\nsecond, line\nlast "quoted" line', "fine"]
    assert looked.report.set_aside == {}
    looked = look(LABELLED + 'a,x\n"hello\nworld",x\n')
    assert looked.texts == ["a", "hello\nworld"]


def test_a_very_long_cell_is_remarked(look):
    looked = look('text\n"' + "line\n" * 30 + '"\n')
    assert "long_quoted_cell" in looked.codes


def test_stray_quotes(look):
    looked = look(LABELLED + '"he" said,x\n5" pipe,y\n')
    assert looked.report.set_aside == {"malformed_row": 1}
    assert looked.texts == ['5" pipe']
    looked = look('text\tlabel\n"he" said\tx\n"never closed\ty\nz\ty\n')
    assert looked.texts == ['"he" said', '"never closed', "z"]


def test_hostile_quotes_stay_linear(look):
    looked = look(LABELLED + '"open,x\n' * 30_000)
    assert looked.report.rows_in == looked.report.rows_used + sum(looked.report.set_aside.values())


def test_nul_and_controls(look):
    looked = look(LABELLED.encode() + b"he\x00llo\x07,gre\n\x00\x01,x\n")
    assert looked.texts == ["hello"]
    assert looked.report.set_aside == {"empty_message": 1}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_newlines_and_delimiters(look, newline, delimiter):
    rows = [["conversation", "role", "text"], ["c1", "user", "hello"], ["c1", "agent", "hi there"]]
    looked = look(newline.join(delimiter.join(row) for row in rows))
    assert looked.texts == ["hello", "hi there"]
    assert looked.report.format == ("tsv" if delimiter == "\t" else "csv")


def test_a_line_of_many_megabytes(look):
    looked = look("text\n" + "x" * 20_000_000 + "\nshort\n")
    assert looked.report.set_aside == {"line_too_long": 1}
    assert looked.texts == ["short"]
    looked = look("text\n" + "x" * 100_000 + '\n"' + "y" * 200_000 + '"\nshort\n')
    assert looked.report.set_aside == {"too_long": 2}


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("привет, как мои дела с заказом", "cp1251", "cp1251"),
        ("schöne Grüße aus Köln, café olé", "cp1252", "cp1252"),
        ("我的订单还没有到请问什么时候可以送到", "gb18030", "gb18030"),
        ("schöne Grüße", "utf-8-sig", "utf-8"),
        ("привет", "utf-16", "utf-16-le"),
        ("hello there my friend", "utf-16-le", "utf-16-le"),
        ("hello there my friend", "utf-16-be", "utf-16-be"),
        ("привет", "utf-32", "utf-32-le"),
    ],
)
def test_encodings(look, text, encoding, found):
    looked = look(f"text;label\n{text};a\n".encode(encoding))
    assert looked.report.encoding == found
    assert looked.texts == [text]
    assert ("encoding_guessed" in looked.codes) == (
        encoding in ("cp1251", "cp1252", "gb18030", "utf-16-le", "utf-16-be")
    )


def test_a_named_encoding_wins(look):
    assert look("text\nпривет\n".encode("koi8-r"), encoding="koi8-r").texts == ["привет"]
    assert look("text\nпривет\n".encode("utf-16"), encoding="utf-16").texts == ["привет"]
    assert look("text\nпривет\n".encode("utf-8-sig"), encoding="utf-8-sig").texts == ["привет"]


def test_encodings_mixed_in_one_file(look):
    good = "".join(f"schöne Grüße {n}\n" for n in range(20))
    looked = look(b"text\n" + good.encode() + "Köln\n".encode("cp1252") + b"plain\n")
    assert looked.report.encoding == "utf-8"
    assert looked.report.set_aside == {"undecodable": 1}
    assert looked.report.rows_used == 21


def test_half_a_character_at_the_end_of_utf16(look):
    looked = look("text\nhello\nagain".encode("utf-16")[:-1])
    assert looked.report.set_aside == {"undecodable": 1}
    looked = look("text\nhello\n".encode("utf-16") + b"\x00\xd8\x00\x00")
    assert looked.report.rows_in == looked.report.rows_used + sum(looked.report.set_aside.values())


def test_a_character_across_the_border_of_chunks(look):
    for shift in range(4):
        head = ("text\n" + ("x" * 50_000 + "\n") * 6)[: (1 << 18) - 2 - shift]
        looked = look(head + "\U0001f600 end\n")
        assert looked.texts[-1].endswith("\U0001f600 end")


def test_right_to_left_overrides_zero_width_and_stacks(look):
    looked = look("text\n\u202egnp.exe\u200b\nZ" + "\u0301" * 1000 + "\n")
    assert looked.texts == ["gnp.exe", "Ź" + "\u0301" * 7]


def test_formulas_are_text(look):
    cells = ["=1+1", "+a", "-b", "@SUM(A1)"]
    assert look("text\n" + "\n".join(cells)).texts == cells


def test_many_tiny_rows(look):
    looked = look("text\n" + "a\n" * 10_000)
    assert looked.report.set_aside == {"duplicate_conversation": 9_999}


def test_very_many_labels(look):
    looked = look(LABELLED + "".join(f"text number {n} of many,label{n}\n" for n in range(3000)))
    assert "many_labels" in looked.codes
    assert len(looked.report.labels) == 1000
    assert looked.report.extra["distinct_labels"] == 3000


def test_labels_that_look_like_something_else(look):
    rows = [
        "a,__proto__",
        "b,None",
        "c,nan",
        "d,",
        f"e,{'x' * 10_000}",
        "f,Refund",
        "g,refund ",
        "h,caf\u00e9",
        "i,cafe\u0301",
        "j,a\u200bb",
    ]
    looked = look(LABELLED + "\n".join(rows))
    assert looked.report.set_aside == {"label_invalid": 2}
    assert {"odd_labels", "label_twins", "small_classes"} <= looked.codes
    assert looked.report.labels == {"__proto__": 1, "None": 1, "nan": 1, "Refund": 1, "refund": 1, "café": 2}


def test_one_label_only(look):
    assert "single_label" in look(LABELLED + "a b c,x\nd e f,x\n").codes


def test_rows_of_conversations_may_stand_anywhere(look):
    looked = look(CHAT + "a,user,one\nb,user,two\na,agent,three\nb,agent,four\n,user,five\na,user,six\n")
    assert [one.id for one in looked.conversations] == ["b", "a"]
    assert looked.texts == ["two", "four", "one", "three", "six"]
    assert looked.report.set_aside == {"missing_field": 1}


def test_a_field_map(look):
    content = (
        "Gespräch|Wer|Was|Thema|Note|Sterne\n1|Wer?|hallo|gruss|1|5\n1|customer|hallo|gruss|1|5\n1|bot|guten tag||9|\n"
    )
    fields = {
        "conversation": "gespräch",
        "role": "WER",
        "text": "Was",
        "intent": "Thema",
        "rating": "Sterne",
        "message_rating": "note",
    }
    looked = look(content, fields=fields)
    assert looked.report.set_aside == {"unknown_role": 1}
    (conversation,) = looked.conversations
    assert conversation.rating == 5
    assert conversation.turns[0].intent == "gruss"
    assert conversation.turns[0].rating == 1
    assert "rating_ignored" in looked.codes
    assert refusal(look, content, fields={"text": "Missing"}) == "column_missing"


def test_other_columns_are_named(look):
    looked = look("text,label,weather,\na,b,c,d\n")
    (finding,) = [one for one in looked.report.findings if one.code == "columns_ignored"]
    assert finding.sample == "weather"


def test_a_conversation_of_too_many_turns(look):
    rows = "".join(f"c1,user,message {n}\n" for n in range(30)) + "c2,user,hello\n"
    looked = look(CHAT + rows, settings=ImportSettings(max_turns=20))
    assert looked.report.set_aside == {"too_many_turns": 30}
    assert looked.texts == ["hello"]


def test_facts_of_a_conversation(look):
    looked = look(
        "conversation,role,text,ts,customer,language,csat\n"
        "c1,customer,hello,2026-01-02T03:04:05Z,jo@example.com,en-GB,\n"
        "c1,bot,hi,2026-01-02 03:04:05,jo@example.com,en-GB,4\n"
        "c1,customer,bye,yesterday,,,\n"
    )
    (conversation,) = looked.conversations
    assert conversation.customer.startswith("sha256:")
    assert (conversation.language, conversation.rating) == ("en", 4)
    assert conversation.started_at == "2026-01-02T03:04:05+00:00"
    assert [turn.ts for turn in conversation.turns][1:] == ["2026-01-02T03:04:05+00:00", None]
    assert {"timestamp_ignored", "timestamp_without_zone"} <= looked.codes


def test_gzip_is_unpacked(look):
    assert look(gzip.compress(b"text,label\nhello,a\n"), name="x.csv.gz").texts == ["hello"]


@pytest.mark.parametrize(
    "name", ["../../x", "..\\x", "C:\\x", "CON", "\x00", "x" * 300, "-rf", "\u202egpj.csv", "logs.tsv"]
)
def test_names_decide_nothing(look, name):
    assert look("text,label\nhello,a\n", name=name).texts == ["hello"]


def test_the_name_breaks_a_tie(look):
    assert look("text\nhello\n", name="x.tsv").report.format == "tsv"


def test_format_and_delimiter_can_be_named(look):
    assert look("text~label\na~b\n", delimiter="~").report.labels == {"b": 1}
    assert look('{"text": "a"}\n', format="jsonl").texts == ["a"]
    assert look("text,label\na,b\n", format="csv").report.format == "csv"
