"""Entities of what was typed: places and words of the original, whatever cleaning and redacting made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from data.settings import ImportSettings
from export.entities import EntityModel, Recogniser
from export.tagging import Span


@dataclass(frozen=True)
class Marks:
    """Stands where a trained model does: marks the given words of prepared text, or whatever stands between spaces."""

    words: tuple[str, ...] = ()
    heard: list[tuple[str, str | None]] = field(default_factory=list)

    def find(self, text: str, before: str | None = None) -> Sequence[Span]:
        self.heard.append((text, before))
        if self.words:
            places = [(text.index(word), len(word)) for word in self.words if word in text]
        else:
            pieces = text.split(" ")
            starts = [sum(len(piece) + 1 for piece in pieces[:at]) for at in range(len(pieces))]
            places = [(start, len(piece)) for start, piece in zip(starts, pieces, strict=True) if piece.strip()]
        return [Span(start, start + length, "thing", 0.75) for start, length in places]


def recogniser(marks: Marks | None = None) -> Recogniser:
    model: EntityModel | None = marks  # type: ignore[assignment]
    return Recogniser(ImportSettings(), model)


PIECES = [
    "jo@example.com",
    "+44 20 7946 0958",
    " ",
    "\u200b",
    "\t\t",
    "cafe\u0301",
    "sch\u00c3\u00b6n",
    "order #A123456",
    "Rome",
    "\r\n",
    "today",
    "[email 1]",
    "  15:30 ",
]
MESSY = st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(MESSY)
def test_every_value_is_the_stretch_of_the_typed_text(typed: str) -> None:
    end = 0
    for one in recogniser(Marks()).find(typed):
        assert typed[one.start : one.end] == one.value
        assert one.value == one.value.strip() != ""
        assert end <= one.start < one.end <= len(typed)
        end = one.end


def test_what_stood_behind_a_placeholder_is_the_value() -> None:
    marks = Marks(("[email 1]",))
    found = recogniser(marks).find("  hello,\u200b  mail jo@example.com ", "Your  mail?")
    assert [(one.type, one.value, one.source) for one in found] == [("thing", "jo@example.com", "model")]
    ((text, before),) = marks.heard
    assert "jo@" not in text
    assert before == "Your mail?"


def test_the_learned_span_stays_where_a_rule_finds_one_too() -> None:
    found = recogniser(Marks(("at 15:30",))).find("come at 15:30 or at 16:00 today")
    told = [(one.type, one.value, one.source) for one in found]
    assert told == [("thing", "at 15:30", "model"), ("time", "16:00", "rule"), ("date", "today", "rule")]
    assert [one.to_wire()["confidence"] for one in found] == [0.75, 1.0, 1.0]


def test_without_a_model_what_is_written_is_found_and_of_nothing_nothing() -> None:
    assert [one.type for one in recogniser().find("on 2026-11-21")] == ["date"]
    assert recogniser(Marks()).find(" \u200b ") == ()
