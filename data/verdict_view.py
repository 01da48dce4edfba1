"""A verdict as rows of text, for whoever prints it: the command line, the training side, a page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MODELS = ("floor", "base", "live", "candidate")
ABSENT = "–"


def _share(value: float) -> str:
    return f"{value * 100:.1f} %"


def _plain(value: float) -> str:
    return f"{value:.3f}"


def _milliseconds(value: float) -> str:
    return f"{value:.1f} ms"


def _megabytes(value: float) -> str:
    return f"{value / 1e6:.1f} MB"


METRICS: dict[str, tuple[str, Callable[[float], str]]] = {
    "accuracy": ("Accuracy", _share),
    "macro_f1": ("Macro-F1", _plain),
    "in_scope_accuracy": ("Accuracy in scope", _share),
    "auroc": ("AUROC, in against out of scope", _plain),
    "ece": ("Calibration error", _plain),
    "coverage_at_target_precision": ("Answerable at the target precision", _share),
    "realised_precision": ("Right when it answers", _share),
    "realised_coverage": ("Messages it answers", _share),
    "in_scope_coverage": ("In-scope messages it answers", _share),
    "recall_at_1": ("Own reply found first", _share),
    "recall_at_5": ("Own reply among five", _share),
    "latency_ms": ("One message takes", _milliseconds),
    "size_bytes": ("Size", _megabytes),
}
"""Every metric of a verdict in the order of reading: its title and how its values are written."""


def verdict_rows(verdict_wire: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The comparison of a verdict as a table: a header, then one row per metric.

    Models stand in the order floor, base, live, candidate, those that were judged. A cell reads `value (low – high)`;
    a bare value where the interval has no width, a dash where there is no value. A metric this version does not know
    is shown under its own name.
    """
    models = verdict_wire["models"]
    shown = [model for model in MODELS if model in models]
    named = {name for model in shown for name in models[model]}
    order = [name for name in METRICS if name in named] + sorted(named - METRICS.keys())
    rows: list[tuple[str, ...]] = [("", *shown)]
    for name in order:
        title, write = METRICS.get(name, (name, _plain))
        rows.append((title, *(_cell(models[model].get(name), write) for model in shown)))
    return rows


def _cell(interval: Mapping[str, float | None] | None, write: Callable[[float], str]) -> str:
    if interval is None or interval["value"] is None:
        return ABSENT
    value, low, high = interval["value"], interval.get("low"), interval.get("high")
    if low is None or high is None or low == high == value:
        return write(value)
    return f"{write(value)} ({write(low).split()[0]} – {write(high)})"
