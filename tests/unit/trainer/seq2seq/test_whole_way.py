"""The proof without a base at hand: tiny models learn tasks of words by heart and rule, are exported, and the exports
write what people would have written of rows that nobody learned."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from data.settings import Settings, TrainSettings
from tests.tiny_seq2seq import lay, marked_talks, toy_pairs
from trainer.experiments.experiment import Question, experiment
from trainer.recipes import Seq2SeqRecipe

HELD = 300
ENOUGH = 0.95


def translations(rows: int) -> list[dict[str, Any]]:
    return [{"source": source, "target": target} for source, target in toy_pairs(rows)]


def backwards(rows: int) -> list[dict[str, Any]]:
    return [{"source": source, "target": " ".join(reversed(source.split()))} for source, _ in toy_pairs(rows)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "made", "rows", "epochs"),
    [
        ("t5", translations, 3000, 12),
        ("t5", backwards, 3000, 16),
        ("bart", translations, 2000, 5),
        ("bart", backwards, 2000, 8),
        ("bart", marked_talks, 2000, 5),
    ],
)
def test_what_was_never_learned_is_written_right(tmp_path: Path, kind: str, made: Any, rows: int, epochs: int) -> None:
    lines = [json.dumps(row) + "\n" for row in made(rows + HELD)]
    (tmp_path / "train.jsonl").write_text("".join(lines[:rows]), "utf-8")
    (tmp_path / "test.jsonl").write_text("".join(lines[rows:]), "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay(tmp_path / kind, kind)
    task = "summarise" if made is marked_talks else "translate"
    body: dict[str, Any] = {"name": "proof", "task": task, "base": str(base), "max_length": 64, "target_length": 12}
    body |= {"epochs": epochs, "learning_rate": 5e-3 if kind == "t5" else 2e-3, "dropout": 0.0, "patience": 100}
    recipe = Seq2SeqRecipe.model_validate({**body, "weight_decay": 0.0, "precision": "32-true"})
    asked = Question(tmp_path / "train.jsonl", tmp_path / "test.jsonl", task, tmp_path / "out", recipe=recipe)
    report = experiment(asked, Settings(train=TrainSettings(threads=1, accelerator="cpu")), lambda _: None)
    assert report["written_rows"] == HELD
    assert report["exact_match"] >= ENOUGH
    assert report["base"]["exact_match"] == 0.0
    assert report["fp32_agreement"] == 1.0
    assert made is marked_talks or report["copies"] < 0.2  # two words of twelve are all said somewhere
