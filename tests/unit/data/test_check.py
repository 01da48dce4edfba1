"""What a test file shares with what was trained on."""

import gzip
import json
from pathlib import Path

import pytest

from data import check
from data.check import leakage, plain
from data.errors import ImportRefused, NotFound, UsageError


def jsonl(path: Path, *rows) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def labelled(*texts: str) -> list[dict[str, str]]:
    return [{"text": text, "label": "any"} for text in texts]


LONG = "please tell me where the blue tent that I ordered last week is right now"


def test_exact_duplicates_are_distinct_texts_whatever_their_case_and_spacing(tmp_path: Path) -> None:
    train = jsonl(tmp_path / "train.jsonl", *labelled("Where  is it?", "where is it?", "one", "two"))
    test = jsonl(tmp_path / "test.jsonl.gz", *labelled("where is\tIT?", "WHERE IS IT?", "where is it", "three", "Two "))
    report = leakage([train], [test])
    assert (report["train_rows"], report["test_rows"], report["distinct_test_texts"]) == (4, 5, 4)
    assert report["exact_duplicates"] == 2
    assert report["near_duplicates"] == 1
    assert report["rows"] == [
        {"kind": "exact", "test_file": 1, "test_row": 1, "train_file": 1, "train_row": 1, "text": "where is it?"},
        {"kind": "near", "test_file": 1, "test_row": 3, "train_file": 1, "train_row": 1, "text": "where is it"},
        {"kind": "exact", "test_file": 1, "test_row": 5, "train_file": 1, "train_row": 4, "text": "two"},
    ]
    assert report["rows_left_out"] == 0
    assert report["set_aside"] == {"train": {}, "test": {}}


def test_several_files_are_pooled_on_both_sides(tmp_path: Path) -> None:
    trains = [jsonl(tmp_path / f"train{n}.jsonl", *labelled(f"text {n} of many words")) for n in ("a", "b")]
    tests = [jsonl(tmp_path / f"test{n}.jsonl", *labelled(f"text {n} of many words")) for n in ("b", "c")]
    report = leakage(trains, tests)
    assert (report["train_rows"], report["test_rows"], report["exact_duplicates"]) == (2, 2, 1)
    assert (report["rows"][0]["train_file"], report["rows"][0]["test_file"]) == (2, 1)


def test_a_near_duplicate_that_turns_out_exact_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "BATCH", 1)
    train = jsonl(tmp_path / "train.jsonl", *labelled(LONG + "!", LONG, LONG + "?"))
    test = jsonl(tmp_path / "test.jsonl", *labelled(LONG, "something else entirely"))
    report = leakage([train], [test])
    assert (report["exact_duplicates"], report["near_duplicates"]) == (1, 0)


def test_a_near_duplicate_is_found_once_and_others_are_not(tmp_path: Path) -> None:
    train = jsonl(tmp_path / "train.jsonl", *labelled(LONG + "?", LONG + " please", "hello"))
    test = jsonl(tmp_path / "test.jsonl", *labelled(LONG, "good morning"))
    report = leakage([train], [test])
    assert (report["exact_duplicates"], report["near_duplicates"], len(report["rows"])) == (0, 1, 1)


def test_repeats_of_train_texts_are_looked_at_once_and_memory_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "BATCH", 2)
    monkeypatch.setattr(check, "_MEMORY", 1)
    train = jsonl(tmp_path / "train.jsonl", *labelled(*["hello"] * 5, *["good evening"] * 5, LONG + "?"))
    test = jsonl(tmp_path / "test.jsonl", *labelled(LONG))
    assert leakage([train], [test])["near_duplicates"] == 1


def test_a_long_report_lists_some_rows_and_counts_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "MOST_ROWS", 2)
    file = jsonl(tmp_path / "all.jsonl", *labelled("one", "two", "three"))
    report = leakage([file], [file])
    assert (report["exact_duplicates"], len(report["rows"]), report["rows_left_out"]) == (3, 2, 1)


def test_every_shape_of_labelled_files_and_logs_is_read(tmp_path: Path) -> None:
    test = jsonl(
        tmp_path / "test.jsonl",
        {"text": "several labels", "labels": ["a", "b"]},
        {"tokens": ["joined", "by", "spaces"], "tags": ["O", "O", "O"]},
        {"text": "the text", "tokens": ["not", "the", "tokens"], "tags": ["O", "O", "O"]},
        {"id": "1", "turns": [{"role": "user", "text": "in a dialogue"}, {"role": "assistant", "text": "a reply"}]},
        {"id": "2", "messages": [{"role": "customer", "content": "in a conversation"}, "no message", {"role": 3}]},
    )
    texts = ["several labels", "joined by spaces", "the text", "in a dialogue", "in a conversation", "a reply"]
    table = tmp_path / "train.csv"
    table.write_text("text,label\n" + "".join(f"{text},x\n" for text in texts) + '"unclosed,x\n', encoding="utf-8")
    report = leakage([table], [test])
    assert (report["train_rows"], report["test_rows"], report["exact_duplicates"]) == (6, 5, 5)
    assert report["set_aside"]["train"] == {"unclosed_quote": 1}


def test_a_table_of_conversations_is_compared_by_what_users_said(tmp_path: Path) -> None:
    table = tmp_path / "log.csv"
    table.write_text("conversation,role,text\n1,user,where is it\n1,agent,here it is\n", encoding="utf-8")
    test = jsonl(tmp_path / "test.jsonl", *labelled("where is it", "here it is"))
    assert leakage([table], [test])["exact_duplicates"] == 1


def test_rows_without_a_text_are_counted_with_a_reason(tmp_path: Path) -> None:
    train = jsonl(
        tmp_path / "train.jsonl",
        *labelled("one"),
        "{broken",
        "[1]",
        "",
        {"text": 3},
        {"text": "  "},
        {"tokens": ["a", 3], "tags": []},
        {"other": 1},
        '{"text": "a", "text": "b"}',
    )
    report = leakage([train], [jsonl(tmp_path / "test.jsonl", *labelled("two"))])
    assert report["train_rows"] == 1
    assert report["set_aside"]["train"] == {
        "duplicate_keys": 1,
        "empty_message": 1,
        "malformed_json": 1,
        "not_an_object": 1,
        "unknown_shape": 1,
        "wrong_type": 2,
    }


def test_a_line_that_does_not_decode_is_counted(tmp_path: Path) -> None:
    train = tmp_path / "train.jsonl"
    train.write_bytes(b'{"text": "fine and long enough \xc3\xa9"}\n' * 50 + b'{"text": "\xff\xfe"}\n')
    report = leakage([train], [jsonl(tmp_path / "test.jsonl", *labelled("two"))])
    assert report["train_rows"] + sum(report["set_aside"]["train"].values()) == 51


def test_a_test_file_without_texts_shares_nothing(tmp_path: Path) -> None:
    train = jsonl(tmp_path / "train.jsonl", *labelled("one"))
    test = jsonl(tmp_path / "test.jsonl", {"text": " ", "label": "x"})
    report = leakage([train], [test])
    assert (report["test_rows"], report["exact_duplicates"], report["near_duplicates"]) == (0, 0, 0)


def test_files_that_are_not_there_not_logs_or_not_named_are_refused(tmp_path: Path) -> None:
    good = jsonl(tmp_path / "good.jsonl", *labelled("one"))
    with pytest.raises(NotFound, match=r"gone\.jsonl") as caught:
        leakage([good], [tmp_path / "gone.jsonl"])
    assert str(tmp_path) not in str(caught.value)
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(ImportRefused):
        leakage([empty], [good])
    for sides in (([], [good]), ([good], [])):
        with pytest.raises(UsageError, match="files to train on"):
            leakage(*sides)


def test_the_plain_form_lowers_case_and_collapses_white_space_and_nothing_else() -> None:
    assert plain("  Héllo\u00a0\n  WORLD! ") == "héllo world!"
    assert plain("ＡＢＣ １") == "ａｂｃ １"
