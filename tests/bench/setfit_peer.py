"""The peer of `intents` that is SetFit, run by a Python that has it; nothing but the library and torch is imported.

PYTHON -c "from tests.bench.setfit_peer import answer; answer()"

stdin has the question: `base` (a folder), `texts` and `labels` to learn from, `asked` texts, `seed`, `threads` (0: as
torch has them) and `iterations` (null: the library's own sampling of pairs). stdout gets `said`, `clock`, `processor`,
`peak_mb` and `each`, the seconds of one text each.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from contextlib import redirect_stdout
from typing import Any

TIMED = 210


def answer() -> None:
    question = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):  # the libraries talk
        found = _measured(question)
    json.dump(found, sys.stdout)


def _measured(question: dict[str, Any]) -> dict[str, Any]:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    if question["threads"]:
        torch.set_num_threads(question["threads"])
    torch.manual_seed(question["seed"])
    names = sorted(set(question["labels"]))
    model = SetFitModel.from_pretrained(question["base"], labels=names, device="cpu")
    rows = Dataset.from_dict({"text": question["texts"], "label": question["labels"]})
    with tempfile.TemporaryDirectory() as out:
        given = TrainingArguments(
            output_dir=out,
            seed=question["seed"],
            num_iterations=question["iterations"],
            report_to="none",
            save_strategy="no",
            show_progress_bar=False,
        )
        clock, processor = time.monotonic(), time.process_time()
        Trainer(model, given, train_dataset=rows).train()
        clock, processor = time.monotonic() - clock, time.process_time() - processor
    return {
        "said": [str(label) for label in model.predict(question["asked"])],
        "clock": clock,
        "processor": processor,
        "each": [_seconds(model, text) for text in question["asked"][:TIMED]],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _seconds(model: Any, text: str) -> float:
    started = time.perf_counter()
    model.predict([text])
    return time.perf_counter() - started
