"""What a training is given that no model can come of, or hardly: each ends in the right finding or in a clear refusal.

No run that predicts one class is called succeeded, neither by a job nor by an experiment.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.errors import AttuneError, Collapsed, DatasetError, Diverged
from data.settings import Settings, TrainSettings
from data.store import runs
from tests.brand import INTENTS, VOCABULARY, Brand, brand_at
from trainer.experiments.experiment import Question, experiment
from trainer.intents import intent_work
from trainer.recipes import IntentRecipe

# As `python -m trainer` does: torch and the exporter warn of what is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")

Rows = list[tuple[str, str]]
FROZEN = {"name": "hard", "method": "frozen", "folds": 3, "max_length": 32, "augment": "off"}
FULL = {"name": "hard", "method": "full", "folds": 0, "validation_share": 0.3, "batch_size": 8, "max_length": 16,
        "precision": "32-true", "augment": "off", "describe_labels": False}  # fmt: skip
WILD = {**FULL, "learning_rate": 0.99, "head_learning_rate": 0.99, "clip_norm": 1e30, "warmup_share": 0.0}
# Without a mean of squared gradients, what is nearly learned is moved furthest.
RISING = {**FULL, "learning_rate": 0.001, "adam_beta1": 0.99, "adam_beta2": 0.0, "clip_norm": 1e30, "epochs": 6,
          "warmup_share": 0.0, "schedule": "constant"}  # fmt: skip
ENDLESS = {**RISING, "learning_rate": 0.1, "head_learning_rate": 0.9, "adam_epsilon": 1e-30}


@pytest.fixture(autouse=True, scope="module")
def _small_background() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intent_work, "MOST_BACKGROUND", 60)
        yield


def rows(each: int, labels: tuple[str, ...] = ("refund", "delivery", "login"), seed: int = 0) -> Rows:
    """`each` different texts of every label, told apart by its words."""
    dice = random.Random(seed)
    return [(" ".join(dice.sample(INTENTS[label].split(), 3)), label) for label in labels for _ in range(each)]


def write(path: Path, some: Rows) -> Path:
    path.write_text("".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in some), encoding="utf-8")
    return path


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(base: Path, tmp_path: Path) -> Ask:
    """An experiment over these rows; TEST are three rows of each of three labels, unless others are given."""

    def run(train: Rows, recipe: dict[str, Any] = FROZEN, test: Rows | None = None) -> dict[str, Any]:
        question = Question(
            write(tmp_path / "train.jsonl", train),
            write(tmp_path / "test.jsonl", test or rows(3, seed=9)),
            "intent",
            tmp_path / "out",
            recipe=IntentRecipe(base=str(base), **recipe),
        )
        return experiment(question, Settings(train=TrainSettings(threads=1, accelerator="cpu")), lambda event: None)

    return run


SAID_ONCE: Rows = [("refund please", label) for label in ("a", "b") * 15]
LONG: Rows = [*rows(12), (("refund money " * 800)[:10_000], "refund")]
NO_MODEL: dict[str, tuple[Rows, dict[str, Any], type[AttuneError]]] = {
    "one class": ([(text, "refund") for text, _ in rows(10)], FROZEN, DatasetError),
    "one class and out of scope": (rows(10, ("refund", "oos")), FROZEN, DatasetError),
    "two rows": (rows(1, ("refund", "delivery")), FROZEN, DatasetError),
    "empty texts": ([("", label) for _, label in rows(5)], FROZEN, AttuneError),
    "all duplicates, two labels": (SAID_ONCE, FROZEN, Collapsed),
    "all duplicates, two labels, tuned": (SAID_ONCE, FULL, Collapsed),
    "nothing but the frequent label is ever said": (
        [*rows(30, ("refund",)), *rows(2, ("delivery",))], {**FROZEN, "regularisation": 1e-3}, Collapsed,
    ),
    "weights thrown far": (rows(12), WILD, Collapsed),
    "a loss that rises": (rows(12), RISING, Diverged),
    "a loss that is no number": (rows(12), ENDLESS, Diverged),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_MODEL)
def test_what_gives_no_model_is_refused_with_a_remedy(ask: Ask, tmp_path: Path, name: str) -> None:
    train, recipe, kind = NO_MODEL[name]
    with pytest.raises(kind) as caught:
        ask(train, recipe)
    assert caught.value.remedy
    assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "out" / "report.json").exists()


MODEL: dict[str, Rows] = {
    "all duplicates, each of its own label": rows(1) * 12,
    "some empty texts": [*rows(12), ("", "refund"), (" ", "login")],
    "10,000 characters": LONG,
}


@pytest.mark.parametrize("name", MODEL)
def test_what_is_odd_but_can_be_learned_is_learned(ask: Ask, name: str) -> None:
    report = ask(MODEL[name])
    assert report["accuracy"] > 0.5
    assert report["findings"] == []


def test_500_classes_of_two_rows_are_learned_or_warned_of(ask: Ask) -> None:
    dice = random.Random(0)
    labels = [" ".join(dice.sample(VOCABULARY, 4)) for _ in range(500)]
    train = [(f"{label} {word}", f"l{at}") for at, label in enumerate(labels) for word in ("again", "water")]
    test = [(f"{label} winter", f"l{at}") for at, label in enumerate(labels[:60])]
    report = ask(train, {**FROZEN, "folds": 2}, test)
    assert len(report["per_label"]) >= 60
    assert {finding["severity"] for finding in report["findings"]} <= {"warning"}
    assert report["accuracy"] > 20 / 500


def test_a_test_that_gets_one_answer_is_no_success_but_keeps_its_report(ask: Ask, tmp_path: Path) -> None:
    """The rows of TEST all say what `refund` says; half of them are labelled otherwise."""
    said = [text for text, _ in rows(8, ("refund",), seed=3)]
    test = [(text, ("refund", "login")[at % 2]) for at, text in enumerate(said)]
    with pytest.raises(Collapsed, match="'refund'"):
        ask(rows(12), FROZEN, test)
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert [finding["code"] for finding in report["findings"]] == ["collapsed"]
    assert report["accuracy"] == 0.5


def test_labels_that_belong_to_other_texts_are_learned_by_heart(ask: Ask) -> None:
    dice = random.Random(1)
    texts = [" ".join(dice.sample(VOCABULARY, 5)) for _ in range(60)]
    train = [(text, ("refund", "delivery", "login")[at % 3]) for at, text in enumerate(texts)]
    report = ask(train, {**FROZEN, "regularisation": 1e4})
    assert [finding["code"] for finding in report["findings"]] == ["overfitted"]
    assert "always saying the most common label" in report["findings"][0]["sample"]


# By the job


def brand_of(home: Path, base: Path, some: Rows) -> Any:
    return brand_at(home, base, "".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in some).encode())


def ended(brand: Brand) -> list[str]:
    with brand.store.read() as tx:
        return [run.state for run in runs.list_for(tx, brand.bot_id)]


@pytest.mark.parametrize(("recipe", "code"), [(WILD, "collapsed"), (ENDLESS, "diverged")], ids=["wild", "endless"])
def test_a_job_whose_model_is_worthless_fails_and_releases_nothing(
    base: Path, tmp_path: Path, recipe: dict[str, Any], code: str
) -> None:
    with brand_of(tmp_path / "home", base, rows(16)) as brand:
        done = brand.retrain(tasks=["intent"], recipe={"task": "intent", **recipe})
        assert done.state == "failed"
        assert done.error is not None
        assert (done.error["code"], bool(done.error["remedy"])) == (code, True)
        assert ended(brand) == ["failed"]
        assert not [release for release in brand.releases() if release.state != "reserved"]


def test_a_warning_stands_in_the_verdict_on_the_card_and_with_the_run(base: Path, tmp_path: Path) -> None:
    dice = random.Random(1)
    texts = [" ".join(dice.sample(VOCABULARY, 5)) for _ in range(150)]
    some = [(text, ("refund", "delivery", "login")[at % 3]) for at, text in enumerate(texts)]
    with brand_of(tmp_path / "home", base, some) as brand:
        done = brand.retrain(tasks=["intent"], recipe={"task": "intent", **FROZEN, "regularisation": 1e4})
        assert done.state == "succeeded", done.error
        assert done.result is not None
        told = {finding["code"]: finding for finding in done.result["verdict"]["findings"]}
        assert told["overfitted"]["severity"] == "warning"
        assert "what it has learned" in told["overfitted"]["sentence"]
        card = (brand.folder(done.result["release"]) / "README.md").read_text("utf-8")
        part = card.split("## Training")[1].split("\n## ")[0]
        assert "What its figures say of the training" in part
        assert told["overfitted"]["sentence"] in part.replace("\\", "")
        assert "overfitted" not in card.split("## Data")[1].split("\n## ")[0]
        with brand.store.read() as tx:
            (run,) = runs.list_for(tx, brand.bot_id)
        assert [finding["code"] for finding in run.metrics["findings"]] == ["overfitted"]
        assert done.result["verdict"]["decision"] != "promote"
