"""What an experiment is asked is what it does, in every task: options over the recipe; whether the data suffices."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.appraise import ENOUGH_FELT
from data.errors import BaseRefused
from data.settings import Settings, TrainSettings
from tests import tiny_seq2seq
from tests.tiny_chat import lay_chat
from trainer.estimates.estimate import Estimate
from trainer.experiments.experiment import Question, experiment
from trainer.labels import sentiment
from trainer.recipes import parse_recipe

SETTINGS = Settings(train=TrainSettings(threads=1, accelerator="cpu"))
Say = Callable[..., Any]

TALK = {
    "messages": [
        {"role": "user", "content": "where is my parcel"},
        {"role": "agent", "content": "It is on its way."},
        {"role": "user", "content": "and my refund"},
        {"role": "agent", "content": "You have it by Friday."},
    ]
}
FROZEN = {"method": "frozen", "folds": 2}
ROWS: dict[str, list[dict[str, Any]]] = {
    "intent": [{"text": f"{word} {at}", "label": word} for at in range(8) for word in ("refund", "delivery")],
    "labels": [{"text": f"one {at}", "labels": ["a", "b"][: at % 3]} for at in range(12)],
    "sentiment": [{"text": f"{word} {at}", "sentiment": word} for at in range(8) for word in ("glad", "angry")],
    "entities": [{"text": f"a table at {at}", "spans": [[11, 11 + len(str(at)), "time"]]} for at in range(12)],
    "reply": [TALK] * 6,
    "generate": [TALK] * 6,
    "summarise": [{"source": f"a long text {at}", "target": "a text"} for at in range(12)],
}
RECIPES: dict[str, dict[str, Any]] = {
    "intent": FROZEN,
    "labels": FROZEN,
    "sentiment": {**FROZEN, "task": "intent"},
    "entities": {},
    "reply": {"method": "frozen"},
    "generate": {"method": "full"},
    "summarise": {},
}
FORETOLD = {
    "intent": "experiment.for_intents",
    "labels": "experiment_labels.for_labels",
    "sentiment": "experiment.for_intents",
    "entities": "entity_experiment.for_entities",
    "reply": "reply_experiment.for_replies",
    "generate": "generate_experiment.for_writing",
    "summarise": "seq2seq_experiment.for_seq2seq",
}
LACKS = {
    "intent": "intent: 16 there, 24 more",
    "labels": "labels: 12 there, 28 more",
    "sentiment": "sentiment: 16 there, 24 more",
    "entities": "entities: 12 there, 38 more",
    "reply": "reply: 12 there, 188 more",
    "generate": "generate: 12 there, 88 more",
    "summarise": "summarise: 12 there, 188 more",
}


class Told(Exception):
    """An experiment that ends where it would begin to learn."""


@pytest.fixture(scope="module")
def bases(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("writing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rewrites = tiny_seq2seq.lay(folder / "bart", "bart", layers=1)
    named = dict.fromkeys(ROWS, tiny_folder)
    return {**named, "generate": lay_chat(folder / "chat"), "summarise": rewrites}


@pytest.fixture
def begun(tmp_path: Path, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What a task sets out to train by (`recipe`, `base`), and what it foretells."""

    def begin(task: str, recipe: dict[str, Any] | None, **given: Any) -> dict[str, Any]:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS[task]), "utf-8")
        found: dict[str, Any] = {}

        def foretell(recipe: Any, base: Any, *_: Any) -> Estimate:
            found.update(recipe=recipe, base=getattr(base, "local", base).name)
            return Estimate(1.0, 1, 1, 1)

        def tell(event: Any) -> None:
            if event["type"] == "estimate":
                found.update(event)
                raise Told

        monkeypatch.setattr(f"trainer.experiments.{FORETOLD[task]}", foretell)
        parsed = None if recipe is None else parse_recipe({"task": task, "name": "mine", **RECIPES[task], **recipe})
        with pytest.raises(Told):
            experiment(Question(path, path, task, tmp_path / "out", recipe=parsed, **given), SETTINGS, tell)
        return found

    return begin


@pytest.mark.parametrize("task", ROWS)
def test_a_seed_and_a_base_that_are_asked_for_stand_above_the_recipe(
    task: str, begun: Callable[..., dict[str, Any]], bases: dict[str, Path]
) -> None:
    found = begun(task, {"seed": 42, "base": "nobody/nothing"}, seed=7, base=str(bases[task]))
    assert (found["recipe"].seed, found["recipe"].base, found["recipe"].name) == (7, str(bases[task]), "mine")
    assert found["base"] == bases[task].name


@pytest.mark.parametrize("task", ROWS)
def test_what_is_not_asked_for_is_as_the_recipe_has_it(
    task: str, begun: Callable[..., dict[str, Any]], bases: dict[str, Path]
) -> None:
    found = begun(task, {"seed": 42, "base": str(bases[task])})
    assert (found["recipe"].seed, found["base"]) == (42, bases[task].name)


@pytest.mark.parametrize("task", ROWS)
def test_whether_the_data_suffices_is_said_before_any_task_learns(
    task: str, begun: Callable[..., dict[str, Any]], bases: dict[str, Path]
) -> None:
    found = begun(task, None, base=str(bases[task]))
    assert found["suffices"] is False
    assert found["why"].startswith(LACKS[task])


def test_the_report_and_all_seeds_name_the_seed_of_the_recipe(
    said: Say, tiny_folder: Path, tmp_path: Path, quick_experiments: None
) -> None:
    """It used to say 0 whatever the recipe's seed was."""
    some = said(8, ("refund", "delivery"))
    path = tmp_path / "rows.jsonl"
    rows = [{"text": text, "label": label} for text, label in zip(some.texts, some.labels, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    body = {"task": "intent", "name": "t", **FROZEN, "augment": "off", "seed": 42, "base": str(tiny_folder)}
    asked = Question(path, path, "intent", tmp_path / "out", recipe=parse_recipe(body), seeds=2)
    report = experiment(asked, SETTINGS, lambda _: None)
    assert (report["seed"], report["recipe"]["seed"], report["over_seeds"]["seeds"]) == (42, 42, [42, 43])
    again = replace(asked, seed=5, seeds=1, out=tmp_path / "again")
    report = experiment(again, SETTINGS, lambda _: None)
    assert (report["seed"], report["recipe"]["seed"]) == (5, 5)


def test_a_brand_lacks_sentiments_for_as_long_as_it_has_none_of_its_own() -> None:
    assert ENOUGH_FELT == sentiment.ENOUGH


def test_an_empty_name_of_a_base_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS["intent"]), "utf-8")
    recipe = parse_recipe({"task": "intent", "name": "t", **FROZEN})
    with pytest.raises(BaseRefused):
        experiment(Question(path, path, "intent", tmp_path / "out", recipe=recipe, base=""), SETTINGS, lambda _: None)
