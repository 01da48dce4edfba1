"""The form of the sets of `tests/data` that redaction is measured on. Nothing here knows a recogniser."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "data"
PATH = FOLDER / "personal.jsonl"
STRUCTURED = ("email", "phone", "card", "iban", "ip", "url_credentials", "national_id", "order")
TYPES = (*STRUCTURED, "address", "person")
LANGUAGES = {"en", "de", "fr", "es", "it", "nl", "zh"}
REGIONS = {"US", "GB", "DE", "FR", "ES", "IT", "NL", "CN"}
MARKS = ("spans", "lookalikes")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in PATH.read_bytes().decode("utf-8").splitlines()]


def test_every_row_has_the_same_fields(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert set(row) == {"text", "language", "region", *MARKS}
        assert row["language"] in LANGUAGES
        assert row["region"] in REGIONS


def test_texts_are_distinct_and_normal(rows: list[dict[str, Any]]) -> None:
    texts = [row["text"] for row in rows]
    assert len(set(texts)) == len(texts)
    assert all(unicodedata.is_normalized("NFC", text) and text == text.strip() for text in texts)


def test_every_mark_is_exactly_a_value(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        marks = sorted((mark for kind in MARKS for mark in row[kind]), key=lambda mark: mark["start"])
        assert marks, row["text"]
        for mark in marks:
            assert set(mark) == {"start", "end", "type"}
            assert mark["type"] in TYPES
            assert 0 <= mark["start"] < mark["end"] <= len(row["text"])
            value = row["text"][mark["start"] : mark["end"]]
            assert value == value.strip()
        assert all(one["end"] <= two["start"] for one, two in pairwise(marks)), row["text"]


def test_a_row_never_holds_a_type_and_its_lookalike(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert not {mark["type"] for mark in row["spans"]} & {mark["type"] for mark in row["lookalikes"]} - {"ip"}


@pytest.mark.parametrize("type_", TYPES)
def test_there_is_enough_of_every_type_in_every_language(rows: list[dict[str, Any]], type_: str) -> None:
    for kind, least in (("spans", 60 if type_ in STRUCTURED else 40), ("lookalikes", 40)):
        counts = Counter(row["language"] for row in rows for mark in row[kind] if mark["type"] == type_)
        assert counts.total() >= least
        assert set(counts) == LANGUAGES
        assert min(counts.values()) >= 5


BLIND = ("personal_blind", "personal_fresh")
BLIND_LANGUAGES = LANGUAGES | {"pl", "pt", "tr"}
BLIND_STRUCTURED = ("email", "phone", "card", "iban", "ip", "secret", "national_id", "order")


@pytest.fixture(scope="module", params=BLIND)
def blind_rows(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    text = (FOLDER / f"{request.param}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def test_every_mark_of_the_blind_sets_is_exactly_a_value(blind_rows: list[dict[str, Any]]) -> None:
    for row in blind_rows:
        assert set(row) == {"text", "language", "region", *MARKS}
        assert row["language"] in BLIND_LANGUAGES
        assert unicodedata.is_normalized("NFC", row["text"])
        assert row["text"] == row["text"].strip()
        marks = sorted((mark for kind in MARKS for mark in row[kind]), key=lambda mark: mark["start"])
        for mark in marks:
            assert mark["type"] in (*BLIND_STRUCTURED, "address", "person")
            assert 0 <= mark["start"] < mark["end"] <= len(row["text"])
            value = row["text"][mark["start"] : mark["end"]]
            assert value == value.strip()
        assert all(one["end"] <= two["start"] for one, two in pairwise(marks)), row["text"]


def test_texts_of_the_blind_sets_are_distinct_and_many_hold_lookalikes(blind_rows: list[dict[str, Any]]) -> None:
    assert len({row["text"] for row in blind_rows}) == len(blind_rows)
    assert sum(bool(row["lookalikes"]) for row in blind_rows) >= 0.4 * len(blind_rows)
    assert {row["language"] for row in blind_rows} == BLIND_LANGUAGES


def test_the_blind_set_holds_enough_of_every_type() -> None:
    text = (FOLDER / "personal_blind.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    counts = Counter(mark["type"] for row in rows for mark in row["spans"])
    assert min(counts[type_] for type_ in (*BLIND_STRUCTURED, "address", "person")) >= 50
