"""The pictures of a model card: confusion, calibration, learning curve, as PNG. matplotlib is loaded on first use.

Figures are made without pyplot, which keeps global state and is not for threads; a file holds no date or version, so
that equal facts give equal bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.judgement.card_facts import CardFacts
from trainer.judgement.comparison import Comparison

Array = npt.NDArray[Any]
LABELS_SHOWN = 30
LABEL_CHARS = 24
REST = "(others)"
INK, ACCENT, PALE, WARM = "#334155", "#0f766e", "#cbd5e1", "#d97706"


def draw_plots(facts: CardFacts, folder: Path) -> tuple[str, ...]:
    """Write every plot there is something to show for into `folder`; the names of the files written."""
    drawers: dict[str, tuple[bool, Callable[[Any, CardFacts], None]]] = {
        "confusion.png": (bool(facts.comparison.confusion), _confusion),
        "calibration.png": (bool(facts.comparison.calibration), _calibration),
        "learning_curve.png": (any(task.history for task in facts.tasks), _learning_curve),
    }
    written = []
    for name, (has_content, draw) in drawers.items():
        if has_content:
            _save(draw, facts, folder / name)
            written.append(name)
    return tuple(written)


def confusion_matrix(comparison: Comparison, limit: int = LABELS_SHOWN) -> tuple[list[str], Array]:
    """The most frequent true labels and their counts [true, predicted]; all others share one last row and column."""
    support: dict[str, int] = {}
    for true, predicted, rows in comparison.confusion:
        support[true] = support.get(true, 0) + rows
        support.setdefault(predicted, 0)
    ranked = sorted(support, key=lambda label: (-support[label], label))
    names = sorted(ranked[:limit])
    place = {label: names.index(label) if label in names else len(names) for label in support}
    if len(ranked) > limit:
        names = [*names, REST]
    counts = np.zeros((len(names), len(names)), dtype=int)
    for true, predicted, rows in comparison.confusion:
        counts[place[true], place[predicted]] += rows
    return names, counts


def _save(draw: Callable[[Any, CardFacts], None], facts: CardFacts, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=110, layout="tight")
    FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # Labels in a script the plotting font lacks show as boxes; the table beside the plot has them in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        draw(figure, facts)
        figure.savefig(path, format="png", metadata={"Software": None})


def _confusion(figure: Any, facts: CardFacts) -> None:
    names, counts = confusion_matrix(facts.comparison)
    side = max(4.0, 0.28 * len(names) + 2)
    figure.set_size_inches(side, side)
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="BuGn", vmin=0, vmax=1)
    short = [name if len(name) <= LABEL_CHARS else name[: LABEL_CHARS - 1] + "…" for name in names]
    # A dollar sign in a label is money, not mathematics.
    axes.set_xticks(range(len(names)), short, rotation=90, fontsize=7, parse_math=False)
    axes.set_yticks(range(len(names)), short, fontsize=7, parse_math=False)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.6 else INK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=6, color=colour)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")


def _calibration(figure: Any, facts: CardFacts) -> None:
    bins = facts.comparison.calibration
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=PALE, linestyle="--", label="perfect")
    total = sum(row["rows"] for row in bins)
    for row in bins:
        width = row["to"] - row["from"]
        name = "share of messages" if row is bins[0] else None
        axes.bar(row["from"], row["rows"] / total, width=width, align="edge", color=PALE, alpha=0.6, label=name)
    axes.plot(
        [row["confidence"] for row in bins],
        [row["accuracy"] for row in bins],
        color=ACCENT,
        marker="o",
        label="measured",
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share answered right")
    axes.legend(loc="upper left", frameon=False)


def _learning_curve(figure: Any, facts: CardFacts) -> None:
    tasks = [task for task in facts.tasks if task.history]
    figure.set_size_inches(6, 3.2 * len(tasks))
    for axes, task in zip(figure.subplots(len(tasks), squeeze=False)[:, 0], tasks, strict=True):
        right = axes.twinx()
        for target, field, colour, style in (
            (axes, "training_loss", WARM, "-"),
            (axes, "validation_loss", INK, "-"),
            (right, "score", ACCENT, "--"),
        ):
            points = [(row.step, getattr(row, field)) for row in task.history if getattr(row, field) is not None]
            label = task.score_name if field == "score" else field.replace("_", " ")
            if points:
                target.plot(*zip(*points, strict=True), color=colour, linestyle=style, marker=".", label=label)
        axes.set(xlabel=f"step ({task.name})", ylabel="loss")
        right.set_ylabel(task.score_name)
        handles = [*axes.get_lines(), *right.get_lines()]
        axes.legend(
            handles,
            [line.get_label() for line in handles],
            frameon=False,
            fontsize=8,
            ncols=3,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
        )
