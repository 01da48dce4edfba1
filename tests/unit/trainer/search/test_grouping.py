"""Rows that say nearly the same, or come of one source, belong together."""

from __future__ import annotations

from trainer.intents.intent_data import Utterances
from trainer.search.grouping import groups_of


def test_twins_and_sources_hang_together() -> None:
    texts = ["Where is my parcel 4711?", "where is my parcel 815", "i want my money back", "so what now", "hello there"]
    groups = groups_of(Utterances(texts, ["a"] * 5, sources=["x", "y", "y", None, "z"]))
    assert groups[0] == groups[1] == groups[2]
    assert len(set(groups)) == 3


def test_without_sources_only_words_count() -> None:
    assert len(set(groups_of(Utterances(["one thing", "quite another"], ["a", "b"])))) == 2
    assert groups_of(Utterances([], [])) == []
