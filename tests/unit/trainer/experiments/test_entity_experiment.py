"""An experiment on spans, from two files to the exported model's figures on one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import DatasetError, UsageError
from data.settings import Settings, TrainSettings
from tests.unit.trainer.entities.test_train_entities import talk
from trainer.bases.catalogue import LocalBase
from trainer.experiments.experiment import Question, experiment
from trainer.recipes import EntityRecipe

COMMON = {"task", "seed", "train_rows", "test_rows", "train_seconds", "latency_ms", "size_bytes", "recipe", "base"}


def lay(path: Path, start: int, rows: int) -> Path:
    made = [
        {"text": row.text, "spans": [[one.start, one.end, one.type] for one in row.spans]}
        for row in talk(start + rows)[start:]
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in made), "utf-8")
    return path


def question(tmp_path: Path, tiny: LocalBase, **given: int) -> Question:
    body = {"name": "test", "base": str(tiny.folder), "epochs": 4, "batch_size": 8, "inner": 16, "max_length": 32}
    body |= {"learning_rate": 1e-3, "head_learning_rate": 2e-2, "precision": "32-true"}
    train, test = lay(tmp_path / "train.jsonl", 0, 90), lay(tmp_path / "test.jsonl", 90, 24)
    return Question(train, test, "entities", tmp_path / "out", recipe=EntityRecipe.model_validate(body), **given)


def test_the_report_holds_what_the_exported_model_finds(tmp_path: Path, tiny: LocalBase) -> None:
    asked = question(tmp_path, tiny)
    report = experiment(asked, Settings(train=TrainSettings(threads=1, accelerator="cpu")), lambda _: None)
    assert report == json.loads((asked.out / "report.json").read_text("utf-8"))
    assert set(report) >= COMMON | {"span_f1", "span_precision", "span_recall", "per_type"}
    assert (report["train_rows"], report["test_rows"]) == (90, 24)
    assert set(report["per_type"]) == {"thing", "day"}
    assert report["fp32_agreement"] == 1.0
    assert report["span_f1"] > 0.9
    rows = [json.loads(line) for line in (asked.out / "predictions.jsonl").read_text("utf-8").splitlines()]
    true = [{(s["start"], s["end"], s["type"]) for s in row["spans"]} for row in rows]
    found = [{(s["start"], s["end"], s["type"]) for s in row["predicted"]} for row in rows]
    right = sum(len(a & b) for a, b in zip(true, found, strict=True))
    assert report["span_f1"] == pytest.approx(2 * right / (sum(map(len, true)) + sum(map(len, found))))


def test_what_cannot_be_asked_is_refused(tmp_path: Path, tiny: LocalBase) -> None:
    settings = Settings(train=TrainSettings(threads=1, accelerator="cpu"))
    with pytest.raises(UsageError, match="spans are no labels"):
        experiment(question(tmp_path, tiny, per_class=3), settings, lambda _: None)
    lay(tmp_path / "few.jsonl", 0, 4)
    few = Question(tmp_path / "few.jsonl", tmp_path / "test.jsonl", "entities", tmp_path / "out")
    with pytest.raises(DatasetError, match="at least 10 marked spans"):
        experiment(few, settings, lambda _: None)
