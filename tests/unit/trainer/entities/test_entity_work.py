"""Which rows of a dataset are marked, whether they suffice, and what it means to find less than the live release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.profile import Acceptance, BotProfile
from data.schema import Entity, Example
from data.settings import ImportSettings
from export.entities import EntityModel
from export.parts import Parts
from export.tagging import Span
from export.thresholds import Thresholds
from trainer.entities.entity_data import Marked
from trainer.entities.entity_work import marked_splits, span_scores_of
from trainer.judgement.comparison import Comparison
from trainer.judgement.verdict import decide


def example(name: str, text: str, upload: str = "a", **given: Any) -> Example:
    return Example(id=name, conversation=name, upload=upload, split="train", text=text, **given)


def marking(name: str, before: str | None = None) -> Example:
    context = () if before is None else (("assistant", before),)
    return example(name, "to Rome", entities=(Entity(3, 7, "city"),), context=context)


def test_unmarked_rows_count_only_where_the_upload_marks_spans() -> None:
    rows = [marking("m1", "Where to?"), example("m2", "hello"), example("m3", "to Paris", upload="b")]
    found = marked_splits(rows, [], [])
    assert [(row.text, row.before) for row in found.train] == [("to Rome", "Where to?"), ("hello", None)]
    assert found.data.validation is None


def test_too_few_spans_are_a_finding_and_none_are_nothing() -> None:
    few = marked_splits([marking(f"m{at}") for at in range(4)], [], [])
    assert not few.suffices
    (told,) = few.findings()
    assert (told.code, told.severity) == ("too_few_spans", "warning")
    assert "city has 4" in told.sample
    assert marked_splits([marking(f"m{at}") for at in range(10)], [], []).suffices
    assert marked_splits([example("m", "hello")], [], []).findings() == ()


@dataclass(frozen=True)
class Finds:
    """Stands where an entity model does: finds the first `share` of 100 texts right."""

    right: int

    def find_many(self, asked: Sequence[tuple[str, str | None]]) -> list[tuple[Span, ...]]:
        return [(Span(3, 7, "city"),) if at < self.right else () for at in range(len(asked))]


def parts(right: int | None) -> Parts:
    model: EntityModel | None = None if right is None else Finds(right)  # type: ignore[assignment]
    made = Parts("acme@1", BotProfile(name="acme"), Thresholds(), ImportSettings())
    return replace(made, entities=model)


ROWS = [Marked("to Rome", (Entity(3, 7, "city"),))] * 100


def test_spans_lost_beyond_chance_hold_a_candidate_back() -> None:
    lost = span_scores_of(ROWS, parts(70), parts(95), seed=0)
    (told,) = lost.findings
    assert told.code == "spans_lost"
    assert set(lost.scores) == {"candidate", "live"}
    comparison = lost.into(Comparison(0, 0, 0.9, {"candidate": {}, "live": {}}, {}))
    assert comparison.models["candidate"]["span_f1"].value < comparison.models["live"]["span_f1"].value
    assert told.sample in decide(comparison, {"passed": True}, Acceptance(), lost.findings).reasons
    assert span_scores_of(ROWS, parts(95), parts(95), seed=0).findings == ()
    assert span_scores_of(ROWS, parts(95), None, seed=0).findings == ()
    assert span_scores_of(ROWS[:4], parts(0), parts(4), seed=0).findings == ()  # four messages prove nothing


def test_without_a_model_or_a_marked_row_nothing_is_said() -> None:
    assert span_scores_of(ROWS, parts(None), parts(95), seed=0).scores == {}
    assert span_scores_of([Marked("hello")], parts(95), None, seed=0).scores == {}
