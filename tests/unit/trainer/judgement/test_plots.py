"""The plots are PNG files, the same for the same facts, and bear any label."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from trainer.judgement.card_facts import CardFacts
from trainer.judgement.plots import REST, confusion_matrix, draw_plots

ALL = ("confusion.png", "calibration.png", "learning_curve.png")


def test_every_plot_is_a_png_and_the_same_again(facts: CardFacts, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        assert draw_plots(facts, folder) == ALL
    for name in ALL:
        content = (first / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        assert content == (second / name).read_bytes()


def test_nothing_to_show_nothing_drawn(facts: CardFacts, tmp_path: Path) -> None:
    empty = replace(facts.comparison, confusion=(), calibration=())
    assert draw_plots(replace(facts, comparison=empty, tasks=facts.tasks[1:]), tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_task_that_measured_only_a_score(facts: CardFacts, tmp_path: Path) -> None:
    history = tuple(replace(row, training_loss=None, validation_loss=None) for row in facts.tasks[0].history)
    task = replace(facts.tasks[0], history=history)
    assert "learning_curve.png" in draw_plots(replace(facts, tasks=(task,)), tmp_path)


def test_many_labels_share_the_last_row(facts: CardFacts) -> None:
    comparison = replace(facts.comparison, confusion=[("a", "a", 5), ("b", "c", 2), ("d", "a", 1)])
    names, counts = confusion_matrix(comparison, limit=2)
    assert names == ["a", "b", REST]
    assert counts.tolist() == [[5, 0, 0], [0, 0, 2], [1, 0, 0]]
    assert confusion_matrix(comparison)[0] == ["a", "b", "c", "d"]


def test_long_labels_are_cut(facts: CardFacts, tmp_path: Path) -> None:
    comparison = replace(facts.comparison, confusion=[("x" * 500, "y", 5)])
    draw_plots(replace(facts, comparison=comparison), tmp_path)
    assert (tmp_path / "confusion.png").stat().st_size < 200_000


def test_judging_needs_neither_torch_nor_matplotlib_nor_scikit_learn() -> None:
    modules = "metrics, intervals, comparison, evaluate, verdict, card, plots, floor"
    code = f"import sys, trainer.intents.thresholds; from trainer.judgement import {modules}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "sklearn", "scipy", "matplotlib", "transformers", "lightning"} & set(loaded)
