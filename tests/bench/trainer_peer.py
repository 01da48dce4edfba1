"""The peer of `intents` and `entities`: transformers' `Trainer` with the defaults of `TrainingArguments`.

Three epochs, batches of 8, a rate of 5e-5. It needs `accelerate`, which peft brings along.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from transformers import PrinterCallback, TrainerCallback

from tests.bench.side import Look, Taken

LOOKS = 20


def missing() -> str:
    """What to say where the peer cannot be measured; empty where it can."""
    return "" if find_spec("accelerate") else "Not measured: pip install accelerate"


class Looks(TrainerCallback):
    """Asks the model at so many even distances of its training how many rows it gets right; the clock stands still
    meanwhile."""

    def __init__(self, right: Callable[[], float]) -> None:
        self.found: list[Look] = []
        self.away = Taken(0, 0)
        self._right = right
        self._started = Taken.now()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._started = Taken.now()

    def on_step_end(self, args: Any, state: Any, *_: Any, model: Any, **__: Any) -> None:
        before, after = ((step * LOOKS) // state.max_steps for step in (state.global_step - 1, state.global_step))
        if before == after:
            return
        stopped = Taken.now()
        model.eval()
        self.found.append(Look(stopped - self._started - self.away, self._right()))
        model.train()
        self.away += Taken.now() - stopped


def train(model: Any, rows: Sequence[Any], collate: Callable[[Any], Any], seed: int, *looks: Looks) -> Taken:
    """Train `model` as it is by default, on the CPU; what it took, without the looks."""
    from transformers import Trainer, TrainingArguments

    with tempfile.TemporaryDirectory() as out:
        given = TrainingArguments(
            out,
            seed=seed,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        trainer = Trainer(model, given, train_dataset=rows, data_collator=collate, callbacks=list(looks))
        trainer.remove_callback(PrinterCallback)
        started = Taken.now()
        trainer.train()
        taken = Taken.now() - started
    model.eval()
    return taken - sum((look.away for look in looks), Taken(0, 0))
