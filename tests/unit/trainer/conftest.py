"""Facts of an invented run, for the card and its plots; a tiny random base and what is said to it, for training."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data.profile import Acceptance
from tests.packing import packing_once
from tests.tiny_bert import OPENINGS, WORDS, lay_tiny
from trainer.bases.catalogue import LocalBase, find_base
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.judgement.card_facts import BaseFacts, CardFacts, DataFacts, Epoch, TaskFacts
from trainer.judgement.comparison import Against, ClassRow, Comparison, Flip, Slice
from trainer.judgement.intervals import Difference, Interval
from trainer.judgement.verdict import decide


@pytest.fixture
def facts() -> CardFacts:
    gap = Difference(0.1, 0.05, 0.15, 0.99)
    comparison = Comparison(
        rows=120,
        in_scope_rows=90,
        target_precision=0.9,
        models={
            "floor": {"accuracy": Interval(0.7, 0.62, 0.78), "macro_f1": Interval(0.68, 0.6, 0.75)},
            "candidate": {
                "accuracy": Interval(0.9, 0.85, 0.95),
                "macro_f1": Interval(0.89, 0.84, 0.94),
                "realised_precision": Interval(0.93, 0.9, 0.96),
                "realised_coverage": Interval(0.6, 0.5, 0.7),
                "auroc": Interval(float("nan"), float("nan"), float("nan")),
                "latency_ms": Interval.exactly(2.5),
                "size_bytes": Interval.exactly(23e6),
            },
        },
        against={"floor": Against(gap, gap, 0.002, None, 20, 5), "base": Against(gap, gap, 0.3, None, 9, 5)},
        per_class=[
            ClassRow("cancel | $order$", 60, 0.9, 0.8, 0.85, {"candidate": 0.85}),
            ClassRow("退款", 30, 1.0, 0.9, 0.95, {"candidate": 0.95}),
            ClassRow("oos", 30, 0.8, 0.9, 0.85, {"candidate": 0.85}),
        ],
        reference="floor",
        flips=[Flip("SECRET MESSAGE", "oos", "退款", "oos", "better")],
        slices=[
            Slice(
                "language", "en", 120, {"floor": Interval.of_share(84, 120), "candidate": Interval.of_share(108, 120)}
            )
        ],
        calibration=[
            {"from": 0.4, "to": 7 / 15, "rows": 20, "confidence": 0.45, "accuracy": 0.5},
            {"from": 14 / 15, "to": 1.0, "rows": 100, "confidence": 0.97, "accuracy": 0.95},
        ],
        confusion=[("cancel | $order$", "cancel | $order$", 48), ("cancel | $order$", "退款", 12), ("oos", "oos", 30)],
    )
    return CardFacts(
        release="acme@7",
        languages=("en", "no"),
        created_at="2026-11-21T02:00:00Z",
        bases=[BaseFacts("sentence-transformers/all-MiniLM-L6-v2", "apache-2.0", "ab" * 32, "By its authors.")],
        data=DataFacts(
            "f" * 64, {"train": 800, "validation": 80, "test": 120}, 300, 2, {"empty": 4, "duplicate": 9}, {"email": 7}
        ),
        tasks=(
            TaskFacts(
                "intent",
                {"learning_rate": 1e-4, "epochs": 2},
                (Epoch(0.5, 10, 2.5), Epoch(1, 20, 1.5, 1.25, 0.81234), Epoch(2, 40, None, float("nan"), 0.88)),
            ),
            TaskFacts("reply", {"recipe": "frozen"}, score_name="Recall@1"),
        ),
        comparison=comparison,
        verdict=decide(comparison, {"passed": True}, Acceptance(), []),
        thresholds={"answer": 0.62, "oos": None},
        reproduce=("attune import acme logs.jsonl", "attune train acme --seed 0"),
        versions={"torch": "2.13.0"},
        plots=("confusion.png", "calibration.png", "learning_curve.png"),
    )


@dataclass(frozen=True)
class Said:
    """Labelled texts."""

    texts: list[str]
    labels: list[str]


def say(rows: int, labels: Sequence[str] = ("refund", "delivery", "login"), start: int = 0) -> Said:
    """`rows` different texts of every label, told apart by words that no other label uses."""
    texts, names = [], []
    for label in labels:
        own = WORDS[label].split()
        pairs = [(a, b) for a in own for b in own if a != b]
        for at in range(start, start + rows):
            first, second = pairs[at % len(pairs)]
            texts.append(f"{OPENINGS[(at // len(pairs) + at) % len(OPENINGS)]} {first} {second}")
            names.append(label)
    return Said(texts, names)


@pytest.fixture(scope="session")
def said() -> Callable[..., Said]:
    return say


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read-only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lay_tiny(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LocalBase:
    return find_base(str(tiny_folder))


@pytest.fixture(scope="module")
def quick_experiments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same weights are exported once; confidence is calibrated on a part of the background."""
    from trainer.experiments import experiment
    from trainer.intents import intent_work

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "pack", packing_once(tmp_path_factory.mktemp("packed")))
        patch.setattr(intent_work, "MOST_BACKGROUND", 60)
        yield


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., RunFolder]:
    """Makes run folders; a ledger given again takes up what was left."""

    def make(name: str = "run", **given: Any) -> RunFolder:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return RunFolder(folder, given.pop("ledger", None) or MemoryLedger(), threads=1, **given)

    return make
