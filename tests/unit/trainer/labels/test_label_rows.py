"""Reading texts with any number of labels, and what becomes of rows that are none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import DatasetError
from data.settings import ImportSettings
from trainer.labels.label_rows import LabelRows, read_label_rows

LIMITS = ImportSettings()


def lines(path: Path, rows: list[Any]) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")
    return path


def test_labels_stand_in_a_list_or_in_one_text(tmp_path: Path) -> None:
    rows = [
        {"text": "my card is gone", "labels": ["card", "lost"]},
        {"text": "thanks", "labels": []},
        {"text": "card again", "label": "card|new"},
        {"tokens": ["a", "new", "pin"], "tags": ["O", "O", "O"], "labels": ["pin", "pin", " new "]},
    ]
    found = read_label_rows(lines(tmp_path / "rows.jsonl.gz", rows), LIMITS, "labels")
    assert list(found.texts) == ["my card is gone", "thanks", "card again", "a new pin"]
    assert list(found.labels) == [("card", "lost"), (), ("card", "new"), ("pin", "new")]
    assert found.names == ("card", "lost", "new", "pin")
    assert not found.exclusive


def test_a_sentiment_is_looked_for_in_its_own_field_first(tmp_path: Path) -> None:
    rows = [
        {"text": "great", "label": "positive", "labels": ["joy", "love"]},
        {"text": "fine", "label": "thanks", "sentiment": "neutral"},
    ]
    path = lines(tmp_path / "rows.jsonl", rows)
    assert list(read_label_rows(path, LIMITS, "sentiment").labels) == [("positive",), ("neutral",)]
    assert list(read_label_rows(path, LIMITS, "labels").labels) == [("joy", "love"), ("thanks",)]
    assert read_label_rows(path, LIMITS, "sentiment").exclusive


def test_conversations_and_tables_are_read_by_their_importers(tmp_path: Path) -> None:
    told = [{"role": "user", "content": "oh no", "sentiment": "negative"}, {"role": "assistant", "content": "sorry"}]
    path = lines(tmp_path / "talk.jsonl", [{"id": "1", "messages": told}])
    assert list(read_label_rows(path, LIMITS, "sentiment").labels) == [("negative",)]
    table = tmp_path / "rows.csv"
    table.write_text("text,label\nhello there,greet\ncard and pin,card|pin\n", "utf-8")
    assert list(read_label_rows(table, LIMITS, "labels").labels) == [("greet",), ("card", "pin")]


def test_what_cannot_be_read_is_counted_by_reason(tmp_path: Path) -> None:
    rows = [
        {"text": "good", "labels": ["a"]},
        "{broken",
        {"text": "no label"},
        {"text": "  ", "labels": ["a"]},
        {"text": "a number in a list", "labels": [["a"]]},
        {"text": "a table", "labels": {"a": 1}},
        {"text": None, "labels": ["a"]},
    ]
    found = read_label_rows(lines(tmp_path / "rows.jsonl", rows), LIMITS, "labels")
    assert list(found.texts) == ["good"]
    assert found.set_aside == {"malformed_json": 1, "missing_field": 2, "empty_message": 1, "wrong_type": 2}


def test_a_file_without_a_label_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "rows.jsonl", [{"text": "a", "labels": []}, {"text": "b", "labels": []}])
    with pytest.raises(DatasetError, match="no labelled message"):
        read_label_rows(path, LIMITS, "labels")


def test_of_every_label_some_rows_are_drawn() -> None:
    rows = LabelRows(
        [str(at) for at in range(40)], [("a",)] * 10 + [("b",)] * 10 + [("a", "b")] * 5 + [()] * 14 + [("c",)]
    )
    few = rows.per_class(3, seed=1)
    counts = few.targets(few.names).sum(axis=0)
    assert few.names == ("a", "b", "c")
    assert (counts >= [3, 3, 1]).all()
    assert sum(not labels for labels in few.labels) == 3
    assert few.per_class(99, seed=1).texts == few.texts
    assert rows.per_class(3, seed=1) == few != rows.per_class(3, seed=2)


def test_a_row_counts_by_its_rarest_label() -> None:
    rows = LabelRows(["1", "2", "3", "4"], [("a",), ("a", "b"), (), ("a",)], [1.0, 0.5, 1.0, 1.0])
    assert rows.rarest() == ["a", "b", "", "a"]
    assert rows.pick([1]).weights == [0.5]
    assert rows.targets(("b", "a")).tolist() == [[0, 1], [1, 1], [0, 0], [0, 1]]


def test_rows_know_whose_they_are_also_when_some_are_picked(tmp_path: Path) -> None:
    said = {"role": "user", "content": "oh no", "sentiment": "negative"}
    talk = {"id": "7", "messages": [said, {"role": "assistant", "content": "sorry"}, {**said, "content": "still no"}]}
    rows = [
        talk,
        {**talk, "id": "8", "customer": "ann"},
        {"text": "great", "sentiment": "positive", "customer": "ann"},
        {"text": "fine", "sentiment": "positive"},
    ]
    found = read_label_rows(lines(tmp_path / "rows.jsonl", rows), LIMITS, "sentiment")
    assert list(found.sources) == ["7", "7", "ann", "ann", "ann", None]
    assert list(found.pick([5, 4, 0]).sources) == [None, "ann", "7"]
