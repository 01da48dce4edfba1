"""How steady a result is: on parts of TRAIN, from several seeds, with a recipe that was searched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import DatasetError, UsageError
from data.settings import Settings, TrainSettings
from trainer.experiments.experiment import Question, experiment
from trainer.recipes import IntentRecipe, ReplyRecipe
from trainer.search.budget import Budget
from trainer.search.cross_validation import over_seeds, spread_of

pytestmark = pytest.mark.usefixtures("quick_experiments")

Say = Callable[..., Any]


@pytest.fixture(scope="module")
def question(said: Say, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Question:
    folder = tmp_path_factory.mktemp("files")
    for name, start, rows in (("train", 0, 12), ("test", 13, 4)):
        some = said(rows, ("refund", "delivery"), start=start)
        lines = [json.dumps({"text": t, "label": n}) for t, n in zip(some.texts, some.labels, strict=True)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
    recipe = IntentRecipe(name="t", method="frozen", folds=2, max_length=16, augment="off", base=str(tiny_folder))
    return Question(folder / "train.jsonl", folder / "test.jsonl", "intent", folder / "out", recipe=recipe)


def ask(question: Question, events: list[Any] | None = None) -> dict[str, Any]:
    tell = (lambda _event: None) if events is None else events.append
    return experiment(question, Settings(train=TrainSettings(threads=1, accelerator="cpu")), tell)


def test_folds_seeds_and_a_search_stand_in_one_report(question: Question) -> None:
    events: list[Any] = []
    asked = ask(replace(question, task="labels", folds=3, seeds=2, search=Budget(2)), events)
    folded = asked["cross_validation"]
    assert (folded["folds"], folded["rows"]) == (3, 24)
    for name in ("accuracy", "macro_f1"):
        assert len(folded[name]["each"]) == 3
        assert 0.5 < folded[name]["mean"] <= 1
        assert folded[name]["sd"] >= 0
    assert asked["over_seeds"]["seeds"] == [0, 1]
    assert asked["over_seeds"]["accuracy"]["each"][0] == asked["accuracy"]
    assert asked["search"]["trials"] == 2
    assert {"pruned", "best", "gain", "seconds", "accepted", "why"} <= asked["search"].keys()
    assert asked["recipe"] == asked["search"]["recipe"]
    assert json.loads((question.out / "report.json").read_text("utf-8")) == asked
    assert [event["phase"] for event in events if event["type"] == "phase"][:3] == ["search", "folds", "train"]


def test_a_plain_experiment_says_nothing_of_them(question: Question) -> None:
    assert not {"cross_validation", "over_seeds", "search"} & ask(question).keys()


def test_more_folds_than_there_are_different_rows(question: Question) -> None:
    same = question.out.parent / "same.jsonl"
    rows = [{"text": f"where is my parcel {at}", "label": "delivery"} for at in range(9)]
    rows += [{"text": f"i want my money back {at}", "label": "refund"} for at in range(9)]
    same.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    with pytest.raises(DatasetError, match="parted into 3"):
        ask(replace(question, train=same, folds=3))


@pytest.mark.parametrize(
    "given",
    [{"folds": 1}, {"folds": 21}, {"seeds": 0}, {"seeds": 101}, {"task": "entities", "folds": 3, "recipe": None},
     {"task": "reply", "search": Budget(), "recipe": ReplyRecipe(name="r", method="frozen")}],
)  # fmt: skip
def test_what_cannot_be_is_refused(question: Question, given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ask(replace(question, **given))


def test_texts_with_many_labels_have_no_folds(question: Question) -> None:
    many = question.out.parent / "many.jsonl"
    rows = [{"text": f"one thing {at}", "labels": ["a", "b"][: at % 3]} for at in range(12)]
    many.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    with pytest.raises(UsageError, match="exactly one label"):
        ask(replace(question, task="labels", train=many, test=many, folds=3, recipe=None))


def test_what_one_customer_says_of_how_they_feel_is_in_one_fold(question: Question, said: Say) -> None:
    """Customers who each say one kind of thing, in other words every time: who splits them learns them by heart."""
    folder = question.out.parent
    some = said(12, ("refund", "delivery"))
    rows = [
        {"text": text, "sentiment": "bad" if label == "refund" else "good", "customer": f"{label}-{at % 3}"}
        for at, (text, label) in enumerate(zip(some.texts, some.labels, strict=True))
    ]
    paths = {}
    for name, kept in (("own", rows), ("nobody", [{**row, "customer": None} for row in rows])):
        paths[name] = folder / f"{name}.jsonl"
        paths[name].write_text("\n".join(json.dumps(row) for row in kept), "utf-8")
    asked = {
        name: ask(replace(question, task="sentiment", train=path, test=path, folds=3)) for name, path in paths.items()
    }
    assert asked["own"]["cross_validation"]["groups"] <= 6
    assert asked["nobody"]["cross_validation"]["groups"] > 6


def test_spreads() -> None:
    assert spread_of([1.0, 2.0, 3.0]) == {"mean": 2.0, "sd": 1.0, "each": [1.0, 2.0, 3.0]}
    assert spread_of([1.0])["sd"] == 0
    assert over_seeds([{"seed": 1, "accuracy": 0.5}, {"seed": 2, "accuracy": None}]) == {"seeds": [1, 2]}
