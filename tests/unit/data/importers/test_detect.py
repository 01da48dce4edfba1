"""What a file is, found out by its content."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from data.errors import ImportRefused, UsageError
from data.importers import ImportOptions, detect
from data.importers.encoding import guess_legacy, sniff
from data.importers.lines import read_lines
from data.importers.nouns import Detection, Reason


@pytest.mark.parametrize(
    ("content", "form", "confidence"),
    [
        (b'{"text": "a"}\n', "jsonl", 1.0),
        (b'{"text": "a"}\nnonsense\n', "jsonl", 0.5),
        (b'{"text": "a", "text": "b"}\n', "jsonl", 1.0),  # not taken, but JSON Lines all the same
        (b'{"text": ', "jsonl", 0.3),
        (b"text,label\na,b\n", "csv", 0.95),
        (b"text\na\n", "csv", 0.8),
        (b"something\na\n", "csv", 0.4),
        (b'"text"\t"label"\na\tb\n', "tsv", 0.95),
        (b'text,label\n"a {x}",b\n', "csv", 0.95),
        (b"A: hi\nB: hello\nA: bye\n", "transcript", 0.6),
    ],
)
def test_formats(upload, content, form, confidence):
    found = detect(upload(content), "logs")
    assert (found.format, found.confidence) == (form, confidence)


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (b'{\n "a": [\n  {},\n  1]}\n', "json_document", "an object"),
        (b'[\n{"a": 1}\n]\n', "json_document", "a list"),
        (b"na\xffme,text\n" + "völlig,schön\n".encode() * 9, "no_header", "encoding"),
        (b"Nothing that is known.\nAt all.\n", "no_text_column", "no kind of file"),
    ],
)
def test_what_is_of_no_kind_is_refused_in_words(look, content, reason, words):
    with pytest.raises(ImportRefused) as caught:
        look(content)
    assert caught.value.ids["reason"] == reason
    assert words in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("document", "form"),
    [
        ([{"text": "y" * 300_000, "label": "a"}, {"text": "hi", "label": "b"}], "json"),
        ({"avatar": "A" * 900_000, "conversations": [{"from": "human", "value": "hi"}]}, "sharegpt"),
        ({"messages": [{"role": "user", "content": 'a "\\\n' * 90_000}, {"role": "agent", "content": "b"}]},
         "openai_chat"),
    ],
)  # fmt: skip
def test_what_stands_behind_a_long_text_is_seen(upload, document, form, encoding):
    assert detect(upload(json.dumps(document).encode(encoding)), "x.json").format == form


def test_bytes_that_are_no_text_are_refused_as_such(look):
    with pytest.raises(ImportRefused, match="no text that can be read") as caught:
        look(random.Random(1).randbytes(5000))
    assert "encoding" in caught.value.remedy
    assert (
        look(b"text\n\x1b[31mred\x1b[0m and a\x07 bell among many other words that a person wrote\n").report.rows_used
        == 1
    )


def test_a_table_in_one_column_asks_for_the_delimiter(look):
    with pytest.raises(ImportRefused) as caught:
        look(b"conversation,role,text\n1,user,hi\n", delimiter=";")
    assert "--delimiter" in caught.value.remedy


def test_lines_are_counted_for_progress(upload):
    assert detect(upload(gzip.compress(b"text\n" + b"a\n" * 9)), "x.gz").lines == 10


def test_a_long_head_ends_in_the_middle_of_a_line(upload):
    line = b'{"text": "' + b"x" * 100_000 + b'"}\n'
    assert detect(upload(line * 4), "x").confidence == 1.0
    assert detect(upload(b'{"text": "' + b"x" * 600_000 + b'"}'), "x").format == "jsonl"


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "ods"},
        {"encoding": "no-such"},
        {"encoding": "base64"},
        {"encoding": "a\0b"},
        {"delimiter": '"'},
        {"delimiter": ",,"},
        {"fields": {"body": "x"}},
        {"brand": ("a\0b",)},
        {"brand": (" ",)},
        {"brand": ("x" * 300,)},
        {"brand": ("x",) * 101},
    ],
)
def test_options_that_do_not_hold(wrong):
    with pytest.raises(UsageError):
        ImportOptions(**wrong)


def test_options_travel_over_the_wire():
    options = ImportOptions("csv", "cp1252", ";", {"text": "Body"}, ("Acme Support", "@acme.example"))
    assert ImportOptions.from_wire(options.to_wire()) == options
    assert ImportOptions().to_wire() == {}
    for wire in (
        {"formt": "csv"},
        {"fields": {"text": 1}},
        {"fields": []},
        {"encoding": 8},
        {"brand": "x"},
        {"brand": [1]},
    ):
        with pytest.raises(UsageError):
            ImportOptions.from_wire(wire)


@pytest.mark.parametrize(
    ("text", "encoding", "guessed"),
    [
        ("Grüße aus Köln, naïve café", "cp1252", "cp1252"),
        ("Привет, где мой заказ? Спасибо", "cp1251", "cp1251"),
        ("你好，我的包裹在哪里？谢谢您的帮助", "gb18030", "gb18030"),
        ("荷物はまだ届いていません。いつ届きますか", "shift_jis", "cp932"),
        ("カタログ 9 ページ", "shift_jis", "cp932"),
        ("택배가 아직 오지 않았어요", "euc_kr", "cp949"),
        ("我的包裹在哪裡？謝謝您的幫助", "big5", "big5"),
        ("plain", "ascii", "utf-8"),
        ("Tell us when you’re done: we’re here, she’s not", "cp1252", "cp1252"),
        ("ΓΕΙΑ ΣΑΣ ΚΥΡΙΕ", "cp1253", "cp1252"),
    ],
)
def test_guesses(text, encoding, guessed):
    assert guess_legacy(text.encode(encoding)).name == guessed


def test_most_lines_decide_between_utf8_and_an_older_encoding():
    modern, old = "schön\n".encode(), "schön\n".encode("cp1252")
    assert sniff([modern * 3 + old], b"").name == "utf-8"
    assert sniff([modern + old * 3], b"").name == "cp1252"
    assert sniff([b"x" * 9, b"", modern, b"tail"], b"x").confidence == 1.0


@pytest.mark.parametrize("shift", range(3))
def test_one_line_of_many_megabytes_is_still_utf8(shift):
    line = b"x" * shift + "\u4f60\u597d\U0001f600".encode() * 300_000
    chunks = [line[place : place + 100_001] for place in range(0, len(line), 100_001)]
    assert sniff(chunks, chunks[0]).name == "utf-8"


def lines_of(chunks, limit=10, **more):
    return list(read_lines(chunks, Detection("jsonl", 1.0, **{"encoding": "utf-8", **more}), limit))


def test_long_lines_are_cut_and_reading_goes_on():
    lines = lines_of([b"aaaaaaaa", b"aaaaaaaa", b"aaaa\nb\n", b"cc", b"c"])
    assert [(line.number, line.flaw) for line in lines] == [(1, Reason.LINE_TOO_LONG), (2, None), (3, None)]
    assert lines[2].text == "ccc"
    assert lines_of([b"a" * 30])[0].flaw == Reason.LINE_TOO_LONG
    assert lines_of([b"x\n" + b"a" * 11 + b"\ny"])[1].flaw == Reason.LINE_TOO_LONG


def test_marks_are_skipped_even_across_chunks():
    assert [line.text for line in lines_of([b"\xef", b"\xbb\xbfa\r\nb"], bom=3)] == ["a", "b"]


def test_broken_wide_text_is_flawed_from_there_on():
    lines = lines_of(["a\nb\n".encode("utf-32-le"), b"\xff\xff\xff\xff" * 2], encoding="utf-32-le")
    assert [line.text for line in lines[:2]] == ["a", "b"]
    assert lines[-1].flaw == Reason.UNDECODABLE
