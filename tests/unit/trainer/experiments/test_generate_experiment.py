"""An experiment with written replies, from two files of dialogues to what the exported model says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import BaseRefused, DatasetError, UsageError
from data.settings import Settings, TrainSettings
from tests.tiny_chat import SAID, lay_chat
from trainer.bases.known import CHAT, DEFAULT
from trainer.experiments.experiment import Question, experiment
from trainer.generation.recipe import LARGE, SMALL, GenerateRecipe, pick_generate
from trainer.search.cross_validation import over_seeds

COMMON = {"task", "seed", "train_rows", "test_rows", "train_seconds", "latency_ms", "size_bytes", "recipe", "base"}
MEASURES = {"bits_per_byte", "perplexity_per_token", "chrf", "bleu", "distinct_2", "copies"}
SETTINGS = Settings(train=TrainSettings(threads=1, accelerator="cpu"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_chat(tmp_path_factory.mktemp("chat"))


def laid(path: Path, rows: int, first: int = 0) -> Path:
    talks = []
    for at in range(first, first + rows):
        asked, said = SAID[at % len(SAID)]
        turns = [("user", f"{asked} It is about {at}."), ("assistant", said), ("user", "Thanks"), ("agent", "Bye now!")]
        talks.append({"id": str(at), "turns": [{"role": role, "text": text} for role, text in turns]})
    path.write_text("".join(json.dumps(talk) + "\n" for talk in talks), "utf-8")
    return path


def question(tmp_path: Path, base: Path | str, **given: Any) -> Question:
    train, test = laid(tmp_path / "train.jsonl", 60), laid(tmp_path / "test.jsonl", 12, 200)
    return Question(train, test, "generate", tmp_path / "out", base=str(base), **given)


def recipe(base: Path, **given: Any) -> GenerateRecipe:
    body = {"name": "test", "method": "full", "base": str(base), "max_length": 128, "epochs": 6, "batch_tokens": 512}
    return GenerateRecipe.model_validate({**body, "learning_rate": 1e-2, "precision": "32-true", **given})


def test_the_report_holds_what_the_exported_model_says(tmp_path: Path, base: Path) -> None:
    asked = question(tmp_path, base, recipe=recipe(base))
    report = experiment(asked, SETTINGS, lambda _: None)
    assert report == json.loads((asked.out / "report.json").read_text("utf-8"))
    assert set(report) >= COMMON | MEASURES
    assert set(report["base"]) >= MEASURES
    assert (report["train_rows"], report["test_rows"], report["written_rows"]) == (60, 12, 24)
    assert report["parity"]["fp32"]["passed"] is True
    assert report["parity"]["fp32"]["equal"] == 1.0
    assert report["precision"] in ("fp32", "int8")
    assert report["bits_per_byte"] < 0.6 * report["base"]["bits_per_byte"]
    assert report["less_bits_per_byte"]["high"] < 0
    assert report["chrf"] > 2 * report["base"]["chrf"]
    assert report["gain"]["chrf"]["low"] > 0
    assert report["divergence"] > 0
    assert report["estimate"]["suffices"] is True
    assert set(over_seeds([report, report])) >= {"seeds", *MEASURES}
    assert over_seeds([report, report])["chrf"]["each"] == [report["chrf"]] * 2
    assert report["forgetting"]["after"] != report["forgetting"]["before"]
    assert report["example"].endswith("Thanks [[Bye now!]]")
    rows = [json.loads(line) for line in (asked.out / "predictions.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 24
    assert {row["label"] for row in rows} == {"Bye now!", *(said for _, said in SAID)}
    assert sum(row["predicted"] == row["label"] for row in rows) >= 12
    assert any(row["base"] != row["predicted"] for row in rows)


def test_without_a_recipe_the_amount_of_data_and_the_base_pick_one() -> None:
    assert pick_generate(10**9, SMALL - 1, base="x").epochs == 2
    assert pick_generate(10, SMALL - 1, base="x").epochs == 3
    assert pick_generate(10, SMALL - 1, base="x").learning_rate > pick_generate(10, SMALL, base="x").learning_rate
    assert pick_generate(10, LARGE, base="x").method == "lora"


@pytest.mark.parametrize("given", [{"per_class": 3}, {"folds": 3}])
def test_what_dialogues_do_not_have_is_refused(tmp_path: Path, base: Path, given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        experiment(question(tmp_path, base, **given), SETTINGS, lambda _: None)


def test_a_recipe_for_something_else_is_refused(tmp_path: Path, base: Path) -> None:
    other = Question(tmp_path / "a", tmp_path / "b", "reply", tmp_path / "out", recipe=recipe(base))
    with pytest.raises(UsageError, match="recipe is for 'generate'"):
        experiment(other, SETTINGS, lambda _: None)


def test_a_base_that_only_reads_is_refused(tmp_path: Path, base: Path) -> None:
    for path in base.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(BaseRefused, match="no chat template"):
        experiment(question(tmp_path, tmp_path), SETTINGS, lambda _: None)


def test_where_no_base_is_named_the_one_that_comes_along_is_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(recipe: object, base: Any, *rest: object) -> None:
        raise DatasetError(f"tunes {base.name}")

    monkeypatch.setattr("trainer.experiments.generate_experiment.train_generator", seen)
    with pytest.raises(DatasetError, match=f"tunes {CHAT}"):
        experiment(question(tmp_path, DEFAULT), SETTINGS, lambda _: None)


def test_files_without_a_reply_are_refused(tmp_path: Path, base: Path) -> None:
    asked = question(tmp_path, base)
    asked.test.write_text(json.dumps({"id": "1", "turns": [{"role": "assistant", "text": "Hello!"}]}) + "\n")
    with pytest.raises(DatasetError, match=r"test\.jsonl holds no reply"):
        experiment(asked, SETTINGS, lambda _: None)
