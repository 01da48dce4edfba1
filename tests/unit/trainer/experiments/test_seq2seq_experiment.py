"""An experiment with summaries, from two files to what the exported model writes."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.errors import BaseRefused, Collapsed, DatasetError, RecipeError, UsageError
from data.settings import Settings, TrainSettings
from service.cli import run
from tests.tiny_seq2seq import lay, marked_talks
from trainer.bases.catalogue import LocalBase
from trainer.experiments.experiment import Question, experiment
from trainer.recipes import Seq2SeqRecipe, parse_recipe
from trainer.search.cross_validation import over_seeds

COMMON = {"task", "seed", "train_rows", "test_rows", "train_seconds", "latency_ms", "size_bytes", "recipe", "base"}
MEASURES = {"bits_per_byte", "perplexity_per_token", "chrf", "bleu", "rouge_l", "exact_match", "copies"}
SETTINGS = Settings(train=TrainSettings(threads=1, accelerator="cpu"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lay(tmp_path_factory.mktemp("bases") / "bart", "bart", layers=1)


def laid(path: Path, rows: int, seed: int) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in marked_talks(rows, seed)), "utf-8")
    return path


def question(tmp_path: Path, base: Path | str, rows: tuple[int, int] = (1200, 40), **given: Any) -> Question:
    train, test = laid(tmp_path / "train.jsonl", rows[0], 0), laid(tmp_path / "test.jsonl", rows[1], 1)
    return Question(train, test, "summarise", tmp_path / "out", base=str(base), **given)


def recipe(base: Path | str, **given: Any) -> Seq2SeqRecipe:
    body = {"name": "test", "task": "summarise", "base": str(base), "max_length": 64, "target_length": 12, "epochs": 4}
    body |= {"batch_size": 16, "dropout": 0.0, "learning_rate": 3e-3, "precision": "32-true", "beams": 2}
    return Seq2SeqRecipe.model_validate({**body, **given})


def test_the_report_holds_what_the_exported_model_writes(tmp_path: Path, base: Path) -> None:
    asked = question(tmp_path, base, recipe=recipe(base))
    report = experiment(asked, SETTINGS, lambda _: None)
    assert report == json.loads((asked.out / "report.json").read_text("utf-8"))
    assert set(report) >= COMMON | MEASURES
    assert set(report["base"]) >= MEASURES
    assert (report["train_rows"], report["test_rows"], report["written_rows"]) == (1200, 40, 40)
    assert report["fp32_agreement"] == 1.0
    assert [one["passed"] for one in report["parity"] if one["precision"] == "fp32"] == [True]
    assert report["precision"] in ("fp32", "int8")
    assert report["bits_per_byte"] < 0.6 * report["base"]["bits_per_byte"]
    assert report["chrf"] > 2 * report["base"]["chrf"]
    assert report["gain"]["chrf"]["low"] > 0
    rows = [json.loads(line) for line in (asked.out / "predictions.jsonl").read_text("utf-8").splitlines()]
    assert [row["label"] for row in rows] == [row["summary"] for row in marked_talks(40, 1)]
    assert rows[0]["text"].startswith("user: ")
    assert all(set(row) == {"text", "label", "predicted", "base"} for row in rows)
    assert report["exact_match"] == sum(row["label"] == row["predicted"] for row in rows) / 40
    assert report["exact_match"] > report["base"]["exact_match"]
    assert (report["estimate"]["suffices"], "enough" in report["estimate"]["why"]) == (True, True)
    assert set(over_seeds([report, report])) == {"seeds", *MEASURES}
    assert [path.name for path in (asked.out / "model").iterdir()] == [report["model"]]
    written = tmp_path / "written.jsonl"
    assert run(["rewrite", str(asked.out), str(asked.test), "--out", str(written), "--home", str(tmp_path)]) == 0
    said = [json.loads(line) for line in written.read_text("utf-8").splitlines()]
    assert said == [{"text": row["text"], "written": row["predicted"]} for row in rows]


def talked(path: Path, talks: list[list[dict[str, str]]]) -> Path:
    path.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks), "utf-8")
    return path


def answered(rows: int, seed: int) -> list[list[dict[str, str]]]:
    """Conversations that end with what they are summarised by elsewhere."""
    said = ((row["messages"], row["summary"]) for row in marked_talks(rows, seed))
    return [[*messages, {"role": "agent", "content": summary}] for messages, summary in said]


def test_a_base_that_rewrites_writes_replies_too(tmp_path: Path, base: Path) -> None:
    tested = answered(20, 1)
    longer = [first + second for first, second in zip(tested[::2], tested[1::2], strict=True)]
    train, test = talked(tmp_path / "train.jsonl", answered(400, 0)), talked(tmp_path / "test.jsonl", longer)
    asked = Question(train, test, "generate", tmp_path / "out", base=str(base))
    report = experiment(replace(asked, recipe=recipe(base, task="generate", epochs=2)), SETTINGS, lambda _: None)
    assert (report["task"], report["train_rows"], report["test_rows"]) == ("generate", 800, 40)
    assert report["fp32_agreement"] == 1.0
    assert report["bits_per_byte"] < 0.7 * report["base"]["bits_per_byte"]
    rows = [json.loads(line) for line in (asked.out / "predictions.jsonl").read_text("utf-8").splitlines()]
    assert [row["label"] for row in rows] == [turn["content"] for talk in longer for turn in talk[1::2]]
    assert rows[3]["text"] == "\n".join(f"{turn['role']}: {turn['content']}" for turn in longer[0][:7])


def test_a_recipe_for_another_kind_of_base_and_logs_without_replies_are_refused(tmp_path: Path, base: Path) -> None:
    some = talked(tmp_path / "some.jsonl", answered(4, 0))
    asked = Question(some, some, "generate", tmp_path / "out", base=str(base))
    chat = parse_recipe({"task": "generate", "name": "t", "method": "full", "base": str(base)})
    with pytest.raises(UsageError, match="rewrites"):
        experiment(replace(asked, recipe=chat), SETTINGS, lambda _: None)
    with pytest.raises(UsageError, match="chat model"):
        experiment(
            replace(asked, base="attune-chat-10m", recipe=recipe(base, task="generate")), SETTINGS, lambda _: None
        )
    silent = talked(tmp_path / "silent.jsonl", [[{"role": "agent", "content": "hello"}]])
    with pytest.raises(DatasetError, match="no reply"):
        experiment(replace(asked, train=silent), SETTINGS, lambda _: None)
    with pytest.raises(RecipeError, match="method"):
        parse_recipe({"task": "generate", "name": "t", "packing": True})


@pytest.mark.slow
def test_a_model_that_writes_one_text_of_everything_is_no_use(tmp_path: Path, base: Path) -> None:
    asked = question(tmp_path, base, rows=(12, 8), recipe=recipe(base, epochs=1, learning_rate=1e-9))
    told: list[dict[str, Any]] = []
    with pytest.raises(Collapsed):
        experiment(asked, SETTINGS, lambda event: told.append(dict(event)))
    assert [event["phase"] for event in told if event["type"] == "phase"] == ["train", "export", "evaluate"]
    report = json.loads((asked.out / "report.json").read_text("utf-8"))
    assert "collapsed" in [finding["code"] for finding in report["findings"]]


def test_what_cannot_be_asked_is_refused(tmp_path: Path, base: Path, tiny: LocalBase) -> None:
    with pytest.raises(UsageError, match="writes") as caught:
        experiment(question(tmp_path, "minilm-l6"), SETTINGS, lambda _: None)
    assert "attune bases import" in caught.value.remedy
    with pytest.raises(BaseRefused, match="'bert'"):
        experiment(question(tmp_path, tiny.folder), SETTINGS, lambda _: None)
    with pytest.raises(UsageError, match="no labels"):
        experiment(question(tmp_path, base, per_class=2), SETTINGS, lambda _: None)
    with pytest.raises(UsageError, match="Folds"):
        experiment(question(tmp_path, base, folds=2), SETTINGS, lambda _: None)
    with pytest.raises(UsageError, match="recipe is for"):
        experiment(question(tmp_path, base, recipe=recipe(base, task="translate")), SETTINGS, lambda _: None)
    asked = question(tmp_path, base)
    asked.train.write_text('{"text": "hello", "label": "greeting"}\n', "utf-8")
    with pytest.raises(DatasetError, match="no pair"):
        experiment(asked, SETTINGS, lambda _: None)
