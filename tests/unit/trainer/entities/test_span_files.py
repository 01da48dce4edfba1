"""Files of texts with spans, in every shape they come in; what cannot be read is counted, never lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DatasetError
from data.schema import Entity
from data.settings import ImportSettings
from trainer.entities.entity_data import OUTSIDE_TEXT, UNALIGNED
from trainer.entities.span_files import SpanFile, read_spans

TOKENS, TAGS = ["Fly", "to", "New", "York", "!"], ["O", "O", "B-city", "I-city", "O"]


def lay(folder: Path, rows: list[Any], name: str = "rows.jsonl") -> Path:
    path = folder / name
    content = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def read(folder: Path, *rows: Any, name: str = "rows.jsonl") -> SpanFile:
    return read_spans(lay(folder, list(rows), name), ImportSettings())


@pytest.mark.parametrize(
    "row",
    [
        {"text": "Fly to New York!", "spans": [{"start": 7, "end": 15, "type": "city"}]},
        {"text": "Fly to New York!", "spans": [{"start": 7, "end": 15, "label": "city"}]},
        {"text": "Fly to New York!", "spans": [[7, 15, "city"]]},
        {"text": "Fly to New York!", "entities": [[7, 15, "city"]], "split": "train"},
        {"text": "Fly to New York!", "tokens": TOKENS, "tags": TAGS},
        {"text": "Fly to New York!", "tokens": TOKENS, "tags": TAGS, "spans": [[7, 15, "city"]]},
        {"messages": [{"role": "user", "content": "Fly to New York!",
                       "entities": [{"start": 7, "end": 15, "type": "city"}]}]},
    ],
)  # fmt: skip
def test_every_shape_says_the_same(tmp_path: Path, row: dict[str, Any]) -> None:
    (found,) = read(tmp_path, row).rows
    assert (found.text, found.spans, found.before) == ("Fly to New York!", (Entity(7, 15, "city"),), None)


def test_tokens_alone_are_joined_by_spaces_and_a_packed_file_is_read(tmp_path: Path) -> None:
    (found,) = read(tmp_path, {"tokens": TOKENS, "tags": TAGS}, name="rows.jsonl.gz").rows
    assert found.text == "Fly to New York !"
    assert found.spans == (Entity(7, 15, "city"),)


def test_what_was_asked_for_stands_before_the_text(tmp_path: Path) -> None:
    row = {"text": "Ann", "spans": [[0, 3, "first_name"]], "requested": ["first_name", "last_name"]}
    answer = {"role": "user", "content": "Ann", "entities": [{"start": 0, "end": 3, "type": "name"}]}
    answer = {"role": "user", "content": "Ann", "entities": [{"start": 0, "end": 3, "type": "name"}]}
    said = {"messages": [{"role": "assistant", "content": "Your name?"}, answer]}
    first, second = read(tmp_path, row, said).rows
    assert first.before == "first name, last name"
    assert second.before == "Your name?"


def test_spans_stay_on_their_words_when_a_text_is_cleaned(tmp_path: Path) -> None:
    (found,) = read(tmp_path, {"text": "  to\t\tRome \u200bnow", "spans": [[6, 10, "city"]]}).rows
    (span,) = found.spans
    assert found.text == "to Rome now"
    assert found.text[span.start : span.end] == "Rome"


def test_what_cannot_be_read_is_counted_by_reason(tmp_path: Path) -> None:
    good = {"text": "to Rome", "spans": [[3, 7, "city"]]}
    rows = [
        good,
        "{not json",
        {"text": "to Rome", "spans": [[3, 99, "city"]]},
        {"text": "to Rome", "spans": [[3, "x", "city"]]},
        {"text": "to Rome"},
        {"tokens": ["a"], "tags": ["O", "O"]},
        {"tokens": ["a"], "tags": ["S-city"]},
        {"text": "other words", "tokens": ["Rome"], "tags": ["B-city"]},
    ]
    found = read(tmp_path, *rows)
    assert len(found.rows) == 1
    assert found.set_aside == {
        "malformed_json": 1, OUTSIDE_TEXT: 1, "wrong_type": 2, "missing_field": 1, "label_invalid": 1, UNALIGNED: 1,
    }  # fmt: skip


def test_a_file_without_a_span_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no text with marked spans"):
        read(tmp_path, {"text": "to Rome", "spans": []}, {"text": "hello", "spans": []})
    with pytest.raises(DatasetError, match="JSON Lines"):
        read_spans(lay(tmp_path, ["text,label", "hi,greet", "bye,part"], "rows.csv"), ImportSettings())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Rome", "ab", "é", "你好", "-"]), st.sampled_from(["O", "B-x", "I-x", "B-y", "I-y"])
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_tags_give_spans_of_whole_tokens_in_order(tmp_path_factory: pytest.TempPathFactory, pairs: Any) -> None:
    tokens, tags = [token for token, _ in pairs], [tag for _, tag in pairs]
    text = "".join(f"{token}{' ' if at % 2 else ''}" for at, token in enumerate(tokens)).strip()
    row = {"text": text, "tokens": tokens, "tags": tags}
    try:
        (found,) = read(tmp_path_factory.mktemp("rows"), row).rows
    except DatasetError:
        assert set(tags) == {"O"}
        return
    assert all(one.end <= other.start for one, other in zip(found.spans, found.spans[1:], strict=False))
    assert all(found.text[one.start : one.end].strip() == found.text[one.start : one.end] for one in found.spans)
    assert len(found.spans) <= sum(tag != "O" for tag in tags)
