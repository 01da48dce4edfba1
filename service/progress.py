"""Progress on stderr: a bar with what is left and how well it goes; plain lines where no one watches a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from service.terminal import visible

LINES = 5
"""Lines a stage leaves where there is no terminal, whatever its length."""
PHASES = {
    "dataset": "Freezing the dataset",
    "findings": "Looking at the data",
    "messages": "Looking for messages without a label",
    "embeddings": "Reading what customers said",
    "groups": "Finding what belongs together",
    "search": "Searching a recipe",
    "folds": "Cross-validating",
    "train": "Training",
    "evaluate": "Evaluating",
    "export": "Exporting",
    "publish": "Publishing the release",
    "import": "Importing",
}
_PARTS = ("type", "stage", "step", "steps", "eta_seconds", "phase", "progress", "task", "epoch", "epochs")


class Meter:
    """Shows events as they come."""

    def __init__(self, console: Console, progress: Progress | None) -> None:
        self._console = console
        self._progress = progress
        self._bar: TaskID | None = None
        self._stage = ""
        self._shown = -1
        self._metric = ""

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take one event of the trainer or of a job; those that say nothing new to a person are passed over."""
        kind = event.get("type", "progress")
        if kind == "phase":
            self._begin(PHASES.get(str(event.get("phase")), str(event.get("phase"))))
        elif kind == "estimate":
            self._console.print(visible(_estimate(event)))
        elif kind == "example":
            # Words of customers and of the brand: what looks like markup in them is none.
            said = f"As it will be learned, what the brand says in [[ ]]: {event['text']}"
            self._console.print(visible(said), markup=False, highlight=False)
        elif kind == "validated":
            self._metric = _measures(event)
            self._move(self._stage, None, self._metric)
        elif kind == "progress":
            stage = str(event.get("stage") or self._stage or PHASES["train"])
            self._move(stage, _share(event), ", ".join(filter(None, (_left(event), _measures(event) or self._metric))))

    def _begin(self, stage: str) -> None:
        self._stage, self._shown, self._metric = stage, -1, ""
        if self._progress is None:
            self._console.print(visible(stage))
            return
        if self._bar is not None:
            self._progress.remove_task(self._bar)
        self._bar = self._progress.add_task(visible(stage), total=None, note="")

    def _move(self, stage: str, share: float | None, note: str) -> None:
        if self._progress is not None:
            if self._bar is None:
                self._begin(stage)
            assert self._bar is not None
            self._progress.update(self._bar, description=visible(stage), note=visible(note))
            if share is not None:
                self._progress.update(self._bar, completed=share, total=1.0)
            return
        if stage != self._stage:
            self._stage, self._shown = stage, -1
        reached = self._shown if share is None else int(share * LINES)
        if reached > self._shown or (share is None and note):
            self._shown = reached
            percent = "" if share is None else f"{share:4.0%}  "
            self._console.print(visible(f"{stage}  {percent}{note}"))


@contextmanager
def meter(console: Console) -> Iterator[Meter]:
    """A meter for the length of the block."""
    if not console.is_terminal:
        yield Meter(console, None)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Meter(console, progress)


def _share(event: Mapping[str, Any]) -> float | None:
    step, steps, progress = event.get("step"), event.get("steps"), event.get("progress")
    if isinstance(step, (int, float)) and isinstance(steps, (int, float)) and steps > 0:
        return min(1.0, max(0.0, step / steps))
    return min(1.0, max(0.0, float(progress))) if isinstance(progress, (int, float)) else None


def _left(event: Mapping[str, Any]) -> str:
    seconds = event.get("eta_seconds")
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < 1e6:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} left"


def _estimate(event: Mapping[str, Any]) -> str:
    """What a training or a search will take, and whether the data suffices where that is known."""
    minutes, seconds = divmod(round(event["seconds"]), 60)
    took = f"about {minutes} min {seconds} s" if minutes else f"about {seconds} s"
    taking = f"take {took} and {event['memory_bytes'] / 1e6:.0f} MB of memory."
    if event.get("of") == "search":
        return f"Searching a recipe on {event['rows']} rows will at most {taking}"
    said = f"Training {event['rows']} rows will {taking}"
    return said if event.get("suffices", True) else f"{said} The data does not suffice: {event['why']}"


def _measures(event: Mapping[str, Any]) -> str:
    numbers = [(name, value) for name, value in event.items() if name not in _PARTS and _is_number(value)]
    written = (f"{value:.3f}" if isinstance(value, float) else str(value) for _, value in numbers)
    return ", ".join(f"{name} {value}" for (name, _), value in zip(numbers, written, strict=True))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
