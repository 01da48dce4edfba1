"""Experiments on small files: every figure a report promises, and nothing but TRAIN read before TEST is measured."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import AttuneError, BaseRefused, DatasetError, ImportRefused, UsageError
from data.settings import ImportSettings, Settings, TrainSettings
from trainer.experiments.experiment import Question, experiment
from trainer.experiments.reading import read_dialogues, read_labelled
from trainer.recipes import IntentRecipe, Recipe, ReplyRecipe

pytestmark = pytest.mark.usefixtures("quick_experiments")

Say = Callable[..., Any]

COMMON = {"task", "seed", "train_rows", "test_rows", "train_seconds", "latency_ms", "size_bytes", "recipe", "base"}
INTENT = {
    "accuracy", "macro_f1", "in_scope_accuracy", "auroc", "coverage_at_precision_90", "answer_threshold",
    "realised_precision", "realised_coverage", "oos_threshold", "oos_recall_at_oos", "oos_precision_at_oos",
    "in_scope_accuracy_at_oos", "ece", "per_label",
}  # fmt: skip
REPLY = {"recall_at_1_of_100", "recall_at_5_of_100", "mrr"}


@dataclass(frozen=True)
class Asked:
    """An experiment that was run: what it returned, what it wrote, what it told on the way."""

    returned: dict[str, Any]
    report: dict[str, Any]
    predictions: list[dict[str, Any]]
    events: list[Mapping[str, Any]]


def ask(question: Question) -> Asked:
    events: list[Mapping[str, Any]] = []
    settings = Settings(train=TrainSettings(threads=1, accelerator="cpu"))
    returned = experiment(question, settings, events.append)

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    report = json.loads((question.out / "report.json").read_text("utf-8"), parse_constant=refuse)
    lines = (question.out / "predictions.jsonl").read_text("utf-8").splitlines()
    return Asked(returned, report, [json.loads(line, parse_constant=refuse) for line in lines], events)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def labelled(texts: list[str], labels: list[str]) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]


def intent_recipe(base: Path, **given: Any) -> IntentRecipe:
    return IntentRecipe(**{"name": "t", "method": "frozen", "folds": 3, "max_length": 16, "base": str(base), **given})


@pytest.fixture(scope="module")
def question(said: Say, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Question:
    """Two labels and out of scope to learn; TEST also holds a label that TRAIN lacks."""
    folder = tmp_path_factory.mktemp("files")
    train, test = said(15, ("refund", "delivery", "oos")), said(6, ("refund", "delivery", "hours", "oos"), start=16)
    return Question(
        train=write(folder / "train.jsonl", labelled(train.texts, train.labels)),
        test=write(folder / "test.jsonl", labelled(test.texts, test.labels)),
        task="intent",
        out=folder / "out",
        seed=3,
        base=str(tiny_folder),
    )


@pytest.fixture(scope="module")
def asked(question: Question) -> Asked:
    """By the recipe that the amount of data picks."""
    return ask(question)


def test_the_intent_report_holds_every_key_of_the_contract(asked: Asked) -> None:
    assert set(asked.report) >= COMMON | INTENT
    assert asked.report == json.loads(json.dumps(asked.returned))
    assert (asked.report["task"], asked.report["seed"]) == ("intent", 3)
    assert (asked.report["train_rows"], asked.report["test_rows"]) == (45, 24)
    assert set(asked.report["per_label"]) == {"refund", "delivery", "hours", "oos"}
    assert asked.report["per_label"]["hours"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 6}
    assert asked.report["latency_ms"] > 0
    assert asked.report["size_bytes"] > 1000
    assert asked.report["recipe"]["seed"] == 3


def test_the_report_says_what_variations_gained_and_what_people_may_mistype(asked: Asked) -> None:
    told, stands = asked.report["augmentation"], asked.report["robustness"]
    assert told["decision"] in ("kept", "left_out")
    assert set(told["clean"]) == {"rows", "without", "with", "gain", "low", "high", "p_value"} == set(told["perturbed"])
    assert set(stands) == {"rows", "base", "trained"}
    assert set(stands["base"]) == set(stands["trained"]) == {"clean", "perturbed"}
    assert asked.report["train_rows"] == 45


def test_the_predictions_are_what_the_report_measures(asked: Asked) -> None:
    rows = asked.predictions
    assert [set(row) for row in rows] == [{"text", "label", "predicted", "confidence", "score_in_scope"}] * 24
    assert {row["predicted"] for row in rows} <= {"refund", "delivery", "oos"}
    right = [row["label"] == row["predicted"] for row in rows]
    assert asked.report["accuracy"] == pytest.approx(sum(right) / 24)
    inside = [row for row in rows if row["label"] != "oos"]
    assert asked.report["in_scope_accuracy"] >= sum(row["label"] == row["predicted"] for row in inside) / len(inside)
    flagged = [row["score_in_scope"] < asked.report["oos_threshold"] for row in rows if row["label"] == "oos"]
    assert asked.report["oos_recall_at_oos"] == pytest.approx(sum(flagged) / 6)
    assert all(0 <= row["confidence"] <= 1 and 0 <= row["score_in_scope"] <= 1 for row in rows)


def test_the_phases_are_told(asked: Asked) -> None:
    assert [event["phase"] for event in asked.events if event["type"] == "phase"] == ["train", "export", "evaluate"]


def same(first: Asked, second: Asked) -> bool:
    changing = {"latency_ms", "train_seconds", "estimate"}
    one, two = ({k: v for k, v in a.report.items() if k not in changing} for a in (first, second))
    return one == two and first.predictions == second.predictions


def test_the_same_question_has_the_same_answer(question: Question, asked: Asked, tmp_path: Path) -> None:
    assert same(ask(replace(question, out=tmp_path / "again")), asked)


def test_nothing_of_test_is_read_for_training(question: Question, asked: Asked, said: Say, tmp_path: Path) -> None:
    """Another TEST, even one without anything out of scope, changes no threshold, and what it shares no prediction."""
    kept = [{"text": row["text"], "label": row["label"]} for row in asked.predictions[:9]]
    other = ask(replace(question, test=write(tmp_path / "t.jsonl", kept), out=tmp_path / "out"))
    for key in ("answer_threshold", "oos_threshold", "held_out_accuracy", "precision", "recipe", "history"):
        assert other.report[key] == asked.report[key]
    for mine, theirs in zip(other.predictions, asked.predictions[:9], strict=True):
        assert mine == pytest.approx(theirs, abs=2e-6)
    for key in ("auroc", "oos_recall_at_oos", "oos_precision_at_oos"):
        assert other.report[key] is None


def test_per_class_reads_the_drawn_rows_only(question: Question, tmp_path: Path) -> None:
    """Whatever the other rows say, nothing changes."""
    drawn = set(read_labelled(question.train, ImportSettings()).per_class(6, 3).texts)
    rows = [json.loads(line) for line in question.train.read_text("utf-8").splitlines()]
    poisoned = [row if row["text"] in drawn else {**row, "text": f"weather planet {at}"} for at, row in enumerate(rows)]
    asked_for = replace(question, per_class=6)
    first = ask(replace(asked_for, out=tmp_path / "one"))
    poison = write(tmp_path / "poison.jsonl", poisoned)
    second = ask(replace(asked_for, train=poison, out=tmp_path / "two"))
    assert first.report["train_rows"] == len(drawn) == 18
    assert same(first, second)


def test_a_draw_follows_from_the_seed_and_takes_what_there_is(question: Question) -> None:
    file = read_labelled(question.train, ImportSettings())
    assert file.per_class(4, 1) == file.per_class(4, 1) != file.per_class(4, 2)
    assert sorted(file.per_class(99, 0).texts) == sorted(file.texts)


def test_a_tuned_model_reports_the_same_keys(question: Question, tiny_folder: Path, tmp_path: Path) -> None:
    recipe = intent_recipe(tiny_folder, method="top", folds=2, epochs=1, batch_size=16)
    found = ask(replace(question, recipe=recipe, out=tmp_path / "out"))
    assert set(found.report) >= COMMON | INTENT
    assert found.report["recipe"]["method"] == "top"
    assert found.report["history"]


def test_a_full_recipe_without_a_row_to_hold_out_still_writes_json(
    question: Question, said: Say, tiny_folder: Path, tmp_path: Path
) -> None:
    some = said(3, ("refund", "delivery"))
    train = write(tmp_path / "small.jsonl", labelled(some.texts, some.labels))
    recipe = intent_recipe(tiny_folder, method="full", folds=0, epochs=1)
    found = ask(replace(question, train=train, recipe=recipe, seed=0, out=tmp_path / "out"))
    assert set(found.report) >= COMMON | INTENT


def test_two_intents_of_two_messages_are_enough(question: Question, said: Say, tmp_path: Path) -> None:
    some = said(2, ("refund", "delivery"))
    train = write(tmp_path / "small.jsonl", labelled(some.texts, some.labels))
    found = ask(replace(question, train=train, out=tmp_path / "out"))
    assert found.report["train_rows"] == 4


# Dialogues


def dialogue(at: int, user: str, brand: str) -> dict[str, Any]:
    turns = [
        {"role": "user", "text": "hello"},
        {"role": "user", "text": user},
        {"role": "assistant", "text": brand},
        {"role": "assistant", "text": "anything else"},
    ]
    return {"id": str(at), "turns": turns}


BRAND = {
    "refund": "money back in days",
    "delivery": "track the courier",
    "login": "reset by email",
    "hours": "open today",
}


@pytest.fixture(scope="module")
def dialogues(said: Say, tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Question:
    folder = tmp_path_factory.mktemp("dialogues")
    paths = []
    for name, start, rows in (("train", 0, 12), ("test", 16, 6)):
        some = said(rows, tuple(BRAND), start=start)
        pairs = enumerate(zip(some.texts, some.labels, strict=True))
        lines = [dialogue(at, text, f"{BRAND[label]} {at % 3}") for at, (text, label) in pairs]
        paths.append(write(folder / f"{name}.jsonl", lines))
    recipe = ReplyRecipe(
        name="t", method="full", epochs=2, batch_size=8, max_length=24, base=str(tiny_folder), learning_rate=1e-3
    )
    return Question(paths[0], paths[1], "reply", folder / "out", recipe=recipe)


@pytest.fixture(scope="module")
def selected(dialogues: Question) -> Asked:
    return ask(dialogues)


def test_the_reply_report_holds_every_key_of_the_contract(selected: Asked, tiny_folder: Path) -> None:
    report = selected.report
    assert set(report) >= COMMON | REPLY | {"bm25"}
    for part in (report, report["bm25"]):
        assert 0 < part["recall_at_1_of_100"] <= part["recall_at_5_of_100"] <= 1
        assert part["recall_at_1_of_100"] <= part["mrr"] <= 1
    assert (report["train_rows"], report["test_rows"]) == (48, 24)
    assert report["latency_ms"] > 0
    assert report["size_bytes"] > 1000


def test_the_reply_report_says_what_the_untouched_base_does(selected: Asked) -> None:
    """A reply report gives the base's figures, an intent report its name, both as `base`: here the figures win."""
    assert set(selected.report["base"]) >= REPLY


def test_reply_predictions_are_what_the_report_measures(selected: Asked) -> None:
    assert len(selected.predictions) == 24
    assert all(set(row) >= {"text", "label", "predicted", "confidence"} for row in selected.predictions)
    first = sum(row["rank"] == 1 for row in selected.predictions) / 24
    assert selected.report["recall_at_1_of_100"] == pytest.approx(first)
    assert {row["label"] for row in selected.predictions} >= {row["predicted"] for row in selected.predictions}


def test_dialogues_are_read_with_one_side_s_turns_merged(dialogues: Question) -> None:
    found = read_dialogues(dialogues.test, ImportSettings())
    assert [turn.role for turn in found[0].turns] == ["user", "assistant"]
    assert found[0].turns[0].text.startswith("hello\n")
    assert found[0].turns[1].text.endswith("\nanything else")


def test_a_picked_reply_recipe_works_too_and_few_replies_are_all_candidates(
    dialogues: Question, tiny_folder: Path, tmp_path: Path
) -> None:
    found = ask(replace(dialogues, recipe=None, base=str(tiny_folder), out=tmp_path / "out"))
    assert found.report["recipe"]["method"] == "frozen"
    assert found.report["recall_at_1_of_100"] == pytest.approx(found.report["base"]["recall_at_1_of_100"])


def test_what_was_replied_in_like_conversations_has_a_say(
    dialogues: Question, tiny_folder: Path, tmp_path: Path
) -> None:
    recipe = ReplyRecipe(name="t", method="frozen", max_length=24, base=str(tiny_folder), precedents=0.9)
    found = ask(replace(dialogues, recipe=recipe, out=tmp_path / "out")).report
    assert found["by_cosine"]["mrr"] == pytest.approx(found["base"]["mrr"])
    # The same words are learned and asked, so that the nearest conversation got the very reply.
    assert found["mrr"] > found["by_cosine"]["mrr"] + 0.02


# What makes no sense as asked


def test_an_unknown_task_or_a_recipe_for_another_is_refused(question: Question, dialogues: Question) -> None:
    for wrong in (
        replace(question, task="dance"),
        replace(question, recipe=dialogues.recipe),
        replace(dialogues, per_class=3),
    ):
        with pytest.raises(UsageError):
            ask(wrong)


def test_an_unknown_base_is_refused(question: Question, dialogues: Question) -> None:
    for asked_for in (question, replace(dialogues, recipe=None)):
        with pytest.raises(BaseRefused):
            ask(replace(asked_for, base="nobody/nothing"))


FILES: dict[str, tuple[str, type[AttuneError]]] = {
    "nothing": ("", ImportRefused),
    "one row": ('{"text": "a", "label": "x"}\n', DatasetError),
    "one label": ('{"text": "a", "label": "x"}\n{"text": "b", "label": "x"}\n' * 5, DatasetError),
    "no labels": ('{"text": "a"}\n' * 9, DatasetError),
    "single rows": ('{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n', DatasetError),
    "one intent and out of scope": ('{"text": "a", "label": "x"}\n{"text": "b", "label": "oos"}\n' * 5, DatasetError),
    "no JSON at all": ("\x00\x01\x02\x03" * 50, ImportRefused),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_train_are_refused(question: Question, tmp_path: Path, name: str) -> None:
    content, kind = FILES[name]
    path = tmp_path / "train.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises((kind, DatasetError)) as caught:
        ask(replace(question, train=path, out=tmp_path / "out"))
    assert str(tmp_path) not in str(caught.value)


def test_packed_files_and_tables_are_read_alike(question: Question, tmp_path: Path) -> None:
    plain = read_labelled(question.train, ImportSettings())
    packed = tmp_path / "train.jsonl.gz"
    packed.write_bytes(gzip.compress(question.train.read_bytes()))
    table = tmp_path / "train.csv"
    table.write_text("text,label\n" + "".join(f"{t},{x}\n" for t, x in zip(plain.texts, plain.labels, strict=True)))
    for path in (packed, table):
        found = read_labelled(path, ImportSettings())
        assert (found.texts, found.labels) == (plain.texts, plain.labels)


def test_rows_that_cannot_be_read_are_counted(question: Question, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(question.train.read_bytes() + b"{\n[]\n" + b'{"text": 5, "label": "refund"}\n')
    found = read_labelled(path, ImportSettings())
    assert len(found.texts) == 45
    assert sum(found.set_aside.values()) == 3


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "a seed of 2**70": {"seed": 2**70},
    "a negative seed": {"seed": -1},
    "less than no rows of a class": {"per_class": -1},
    "no rows of a class": {"per_class": 0},
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_question_is_refused_in_our_words(question: Question, tmp_path: Path, name: str) -> None:
    with pytest.raises(AttuneError):
        ask(replace(question, out=tmp_path / "out", **IMPOSSIBLE[name]))


def test_a_test_file_without_a_reply_to_a_user_is_refused(dialogues: Question, tmp_path: Path) -> None:
    turns = [{"role": "assistant", "text": "hello"}, {"role": "user", "text": "refund"}]
    test = write(tmp_path / "test.jsonl", [{"id": "1", "turns": turns}])
    with pytest.raises(DatasetError):
        ask(replace(dialogues, test=test, out=tmp_path / "out"))


def test_a_train_file_without_a_reply_to_a_user_is_refused(dialogues: Question, tmp_path: Path) -> None:
    turns = [{"role": "assistant", "text": "hello"}, {"role": "user", "text": "refund"}]
    train = write(tmp_path / "train.jsonl", [{"id": "1", "turns": turns}])
    for recipe in (dialogues.recipe, None):
        with pytest.raises(DatasetError):
            ask(replace(dialogues, train=train, recipe=recipe, base=dialogues.recipe.base, out=tmp_path / "out"))  # type: ignore[union-attr]


# No recipe allows it, so it is forced in.
ENDLESS: list[Recipe] = [
    IntentRecipe(name="t", method="frozen", folds=3).model_copy(update={"regularisation": math.inf}),
]


@pytest.mark.parametrize("recipe", ENDLESS, ids=["regularisation"])
def test_an_endless_number_in_a_recipe_does_not_cost_the_report(
    question: Question, tiny_folder: Path, tmp_path: Path, recipe: Recipe
) -> None:
    ask(replace(question, recipe=recipe.model_copy(update={"base": str(tiny_folder)}), out=tmp_path / "out"))
