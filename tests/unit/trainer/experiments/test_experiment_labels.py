"""Experiments with labels and sentiments: single where the files are, else several, with the keys of the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import DatasetError, UsageError
from data.settings import Settings
from trainer.experiments.experiment import Question, experiment
from trainer.recipes import IntentRecipe, LabelRecipe

Said = Callable[..., Any]
COMMON = {"task", "seed", "train_rows", "test_rows", "train_seconds", "latency_ms", "size_bytes", "recipe", "base"}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def ask(question: Question) -> dict[str, Any]:
    return experiment(question, Settings(), lambda _: None)


@pytest.fixture(scope="module")
def several(said: Said, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Question:
    folder = tmp_path_factory.mktemp("several")

    def rows(count: int, start: int) -> list[dict[str, Any]]:
        some = said(count, ("refund", "delivery", "login"), start=start)
        single = [{"text": text, "labels": [label]} for text, label in zip(some.texts, some.labels, strict=True)]
        both = [
            {"text": f"{some.texts[at]} and {some.texts[count + at]}", "labels": ["refund", "delivery"]}
            for at in range(count)
        ]
        return [*single, *both, *({"text": text, "labels": []} for text in said(count, ("hours",)).texts)]

    train, test = write(folder / "train.jsonl", rows(14, 0)), write(folder / "test.jsonl", rows(5, 14))
    recipe = LabelRecipe(
        name="t", task="labels", method="frozen", folds=3, max_length=24, base=str(tiny_folder), precision="32-true"
    )
    return Question(train, test, "labels", folder / "out", recipe=recipe, base=str(tiny_folder))


@pytest.fixture(scope="module")
def reported(several: Question) -> dict[str, Any]:
    return ask(several)


def test_several_labels_are_reported_by_the_contract(several: Question, reported: dict[str, Any]) -> None:
    report = reported
    assert set(report) >= COMMON | {"micro_f1", "macro_f1", "per_label", "thresholds"}
    assert (report["train_rows"], report["test_rows"]) == (70, 25)
    assert set(report["per_label"]) == set(report["thresholds"]) == {"refund", "delivery", "login"}
    assert report["macro_f1"] > 0.6
    assert report["fp32_agreement"] == 1.0
    assert report == json.loads((several.out / "report.json").read_text("utf-8"))
    rows = [json.loads(line) for line in (several.out / "predictions.jsonl").read_text("utf-8").splitlines()]
    assert [set(row) for row in rows] == [{"text", "labels", "predicted", "scores"}] * 25
    for row in rows:
        assert row["predicted"] == [name for name, at in report["thresholds"].items() if row["scores"][name] >= at]


def test_one_label_a_text_goes_the_way_of_intents(said: Said, tiny_folder: Path, tmp_path: Path) -> None:
    some, other = said(12, ("refund", "delivery")), said(6, ("refund", "delivery"), start=12)
    paths = [
        write(
            tmp_path / f"{name}.jsonl",
            [{"text": text, "sentiment": label} for text, label in zip(part.texts, part.labels, strict=True)],
        )
        for name, part in (("train", some), ("test", other))
    ]
    recipe = IntentRecipe(name="t", method="frozen", folds=2, max_length=24, base=str(tiny_folder), augment="off")
    question = Question(paths[0], paths[1], "sentiment", tmp_path / "out", recipe=recipe, base=str(tiny_folder))
    report = ask(question)
    assert report["task"] == "sentiment"
    assert {"accuracy", "macro_f1", "per_label", "ece"} <= set(report)
    wrong = LabelRecipe(name="t", task="sentiment", method="frozen", folds=2)
    with pytest.raises(UsageError, match="asks for one for 'intent'"):
        ask(replace(question, recipe=wrong))


def test_a_recipe_for_one_label_is_refused_where_texts_have_several(several: Question) -> None:
    wrong = IntentRecipe(name="t", method="frozen", folds=2)
    with pytest.raises(UsageError, match="asks for one for 'labels'"):
        ask(replace(several, recipe=wrong))


@pytest.mark.parametrize("odd", [["refund", "delivery"], []])
def test_a_single_label_train_is_no_other_for_what_test_holds(
    several: Question, said: Said, tmp_path: Path, odd: list[str]
) -> None:
    """One odd row of TEST used to change head, recipe and thresholds; now it is said that it cannot be scored."""
    some = said(12, ("refund", "delivery"))
    rows = [{"text": text, "labels": [label]} for text, label in zip(some.texts, some.labels, strict=True)]
    train = write(tmp_path / "train.jsonl", rows)
    test = write(tmp_path / "test.jsonl", [*rows[:4], {"text": "refund and delivery", "labels": odd}])
    with pytest.raises(DatasetError, match="none or several") as caught:
        ask(replace(several, train=train, test=test, recipe=None, out=tmp_path / "out"))
    assert "1 of test.jsonl" in caught.value.message
    assert "TRAIN" in caught.value.remedy


def test_several_labels_in_train_are_several_whatever_test_holds(
    several: Question, reported: dict[str, Any], tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in several.test.read_text("utf-8").splitlines()]
    single = write(tmp_path / "test.jsonl", [row for row in rows if len(row["labels"]) == 1])
    found = ask(replace(several, test=single, out=tmp_path / "out"))
    for name in ("recipe", "thresholds", "held_out_macro_f1", "precision"):
        assert found[name] == reported[name]
    assert found["test_rows"] == 15
    assert found["macro_f1"] > 0.6
