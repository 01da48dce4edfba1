"""Files of pairs: what is read, what is set aside and why, and what is done to it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import DatasetError
from data.pair_files import Pair, PairFile, as_read, read_pairs, read_sources
from data.settings import ImportSettings

TALK = [{"role": "user", "content": "where is my parcel"}, {"role": "agent", "content": "On its way."}]


def laid(path: Path, *rows: Any) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")
    return path


def read(tmp_path: Path, *rows: Any, name: str = "pairs.jsonl") -> PairFile:
    return read_pairs(laid(tmp_path / name, *rows), ImportSettings())


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.jsonl.gz"])
def test_every_shape_is_read(tmp_path: Path, name: str) -> None:
    found = read(
        tmp_path,
        {"source": "good morning", "target": "guten Morgen"},
        {"id": 7, "text": "a long story", "summary": "a story"},
        {"messages": TALK, "summary": "asks for a parcel"},
        {"turns": [{"role": "user", "text": "hello"}], "translation": "hallo"},
        name=name,
    )
    assert found.set_aside == {}
    assert list(found.rows) == [
        Pair(((None, "good morning"),), "guten Morgen"),
        Pair(((None, "a long story"),), "a story"),
        Pair((("user", "where is my parcel"), ("agent", "On its way.")), "asks for a parcel"),
        Pair((("user", "hello"),), "hallo"),
    ]
    assert found.rows[2].said == "user: where is my parcel\nagent: On its way."


def test_what_is_no_pair_is_set_aside_and_counted(tmp_path: Path) -> None:
    good = {"source": "a", "target": "b"}
    rows = [good, {"source": "a"}, {"target": "b"}, {"source": 5, "target": "b"}, {"source": "a", "target": ["b"]}]
    rows += [{"source": "  ", "target": "b"}, {"source": "a", "target": " "}, {"messages": [], "summary": "x"}]
    rows += [
        {"source": "a", "target": ""},
        {"messages": 5, "summary": "x"},
        "[]",
        "{",
        {"source": "a" * 2_000_000, "target": "b"},
    ]
    found = read(tmp_path, *rows)
    assert len(found.rows) == 1
    assert sum(found.set_aside.values()) == len(rows) - 1
    assert {"missing_field", "wrong_type", "empty_message", "empty_conversation", "malformed_json"} <= set(
        found.set_aside
    )


def test_source_and_target_are_redacted_together(tmp_path: Path) -> None:
    talk = [{"role": "user", "content": "I am ann@example.com"}, {"role": "agent", "content": "Not bob@example.com?"}]
    (row,) = read(tmp_path, {"messages": talk, "summary": "bob@example.com was meant"}).rows
    assert [text for _, text in row.source] == ["I am [email 1]", "Not [email 2]?"]
    assert row.target == "[email 2] was meant"


def test_a_file_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no pair"):
        read(tmp_path, {"text": "hello", "label": "greeting"})
    (tmp_path / "pairs.csv").write_text("source,target\na,b\nc,d\n", "utf-8")
    with pytest.raises(DatasetError, match="JSON Lines"):
        read_pairs(tmp_path / "pairs.csv", ImportSettings())


def test_sources_are_read_alone_and_as_with_their_targets(tmp_path: Path) -> None:
    lines = [{"source": "I am ann@example.com"}, {"messages": TALK, "summary": 5}, {"text": " "}, {"label": "x"}]
    found = read_sources(laid(tmp_path / "sources.jsonl", *lines), ImportSettings())
    assert list(found.rows) == [
        ((None, "I am [email 1]"),),
        (("user", "where is my parcel"), ("agent", "On its way.")),
    ]
    assert found.set_aside == {"empty_message": 1, "missing_field": 1}
    assert as_read(found.rows[1]) == "user: where is my parcel\nagent: On its way."
    with pytest.raises(DatasetError, match="no source"):
        read_sources(laid(tmp_path / "none.jsonl", {"label": "x"}), ImportSettings())
