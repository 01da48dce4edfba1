"""Entities from rows to a trained model: learned, scored on unseen rows, refused where there is nothing to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from data.errors import Collapsed, DatasetError
from data.schema import Entity
from trainer.bases.catalogue import LocalBase
from trainer.core.run_folder import RunFolder
from trainer.entities.entity_data import (
    CUT_OFF,
    OUTSIDE_TEXT,
    OVERLAPPING,
    UNALIGNED,
    EntityData,
    Marked,
    readable_rows,
)
from trainer.entities.train_entities import train_entities
from trainer.recipes import EntityRecipe, pick_entities

MakeRun = Callable[..., RunFolder]
THINGS, DAYS = ["parcel", "courier", "screen", "part", "password", "account"], ["today", "sunday", "holiday"]


def marked(text: str, **given: str) -> Marked:
    """`text` with the first place of each value marked as a span of that type."""
    spans = [Entity(text.index(value), text.index(value) + len(value), name) for name, value in given.items()]
    return Marked(text, tuple(sorted(spans, key=lambda one: one.start)))


def talk(rows: int) -> list[Marked]:
    """Sentences with a thing and a day in them, in some order."""
    found = []
    for at in range(rows):
        thing, day = THINGS[at % len(THINGS)], DAYS[(at // 2) % len(DAYS)]
        shape = ("please fix {0} {1}", "{0} arrive late", "can you help {1} with {0}", "what about the weather")[at % 4]
        text = shape.format(thing, day)
        given = {name: value for name, value in (("thing", thing), ("day", day)) if value in text}
        found.append(marked(text, **given))
    return found


def recipe(base: LocalBase, **given: Any) -> EntityRecipe:
    body = {"name": "test", "base": base.name, "epochs": 4, "batch_size": 8, "inner": 16, "max_length": 32}
    body |= {"learning_rate": 1e-3, "head_learning_rate": 2e-2, "precision": "32-true", "validation_share": 0.2}
    return EntityRecipe.model_validate(body | given)


def test_it_finds_the_spans_of_rows_it_has_not_learned_from(tiny: LocalBase, make_run: MakeRun) -> None:
    trained = train_entities(recipe(tiny), tiny, EntityData(talk(80)), make_run())
    assert trained.held_out.f1 > 0.9
    assert trained.head.types == ("day", "thing")
    (day, thing) = trained.model().find("can you help sunday with parcel")
    assert (day.start, day.end, day.type) == (13, 19, "day")
    assert (thing.start, thing.end, thing.type) == (25, 31, "thing")
    assert 0 < day.confidence <= 1
    assert len(trained.history) == 4
    assert "span_f1" in trained.history[-1].metrics


def test_the_same_rows_and_seed_give_the_same_model(tiny: LocalBase, make_run: MakeRun) -> None:
    first, second = (
        train_entities(recipe(tiny, epochs=1), tiny, EntityData(talk(24)), make_run(name)) for name in ("a", "b")
    )
    assert (first.head.weight == second.head.weight).all()
    assert (first.head.signs == second.head.signs).all()


def test_what_the_brand_asked_tells_what_an_answer_is(tiny: LocalBase, make_run: MakeRun) -> None:
    rows = []
    for at in range(80):
        value = THINGS[at % len(THINGS)]
        name = ("order", "topic")[(at // 7) % 2]
        rows.append(replace(marked(value, **{name: value}), before="refund" if name == "order" else "login"))
    model = train_entities(recipe(tiny, epochs=8), tiny, EntityData(rows), make_run()).model()
    assert [span.type for span in model.find("parcel", "refund")] == ["order"]
    assert [span.type for span in model.find("parcel", "login")] == ["topic"]


def test_rows_that_no_tags_can_say_are_counted_by_reason(tiny: LocalBase, make_run: MakeRun) -> None:
    bad = [
        Marked("fix parcel", (Entity(4, 10, "thing"), Entity(6, 10, "day"))),
        Marked("fix parcel", (Entity(4, 99, "thing"),)),
        Marked("fix  parcel", (Entity(4, 5, "thing"),)),
        Marked("fix parcel", (Entity(4, 6, "thing"), Entity(6, 10, "day"))),
        Marked("fix " * 60 + "screen" + " fix" * 60, (Entity(240, 246, "thing"),)),
    ]
    read = readable_rows(bad, tiny.renderer(32))
    assert read.set_aside == {OVERLAPPING: 1, OUTSIDE_TEXT: 1, UNALIGNED: 2, CUT_OFF: 1}
    assert not read.rows
    trained = train_entities(recipe(tiny), tiny, EntityData([*talk(40), *bad]), make_run())
    assert sum(trained.set_aside.values()) == len(bad)
    assert [finding.count for finding in trained.findings if finding.code == "spans_set_aside"] == [len(bad)]


def test_a_type_with_a_handful_of_spans_is_left_out_and_named(tiny: LocalBase, make_run: MakeRun) -> None:
    rows = [*talk(40), marked("track my planet", rare="planet")]
    trained = train_entities(recipe(tiny), tiny, EntityData(rows, talk(8)), make_run())
    assert "rare" not in trained.head.types
    (told,) = (finding for finding in trained.findings if finding.code == "too_few_spans")
    assert "rare has 1" in told.sample


def test_too_few_spans_are_no_data(tiny: LocalBase, make_run: MakeRun) -> None:
    with pytest.raises(DatasetError, match="at least 10 marked spans"):
        train_entities(recipe(tiny), tiny, EntityData(talk(6)), make_run())


def test_a_model_that_finds_nothing_is_refused(tiny: LocalBase, make_run: MakeRun) -> None:
    idle = recipe(tiny, epochs=1, learning_rate=1e-6, head_learning_rate=3e-3)
    rows = [Marked(row.text, row.spans if at % 8 == 0 else ()) for at, row in enumerate(talk(160))]
    with pytest.raises(Collapsed, match="finds no span in 160 messages"):
        train_entities(idle, tiny, EntityData(rows, rows), make_run())


def test_more_rows_get_fewer_epochs() -> None:
    assert pick_entities(300).epochs > pick_entities(5_000).epochs >= pick_entities(50_000).epochs >= 1
