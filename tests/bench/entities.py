"""Span F1 of the default recipe on public sets, beside the defaults of transformers' Trainer over the same base.

python -m tests.bench.entities                          Restaurants-8k, SNIPS and WNUT17, both sides, one seed
python -m tests.bench.entities wnut17 --seeds 0 1 2     one set, several seeds
python -m tests.bench.entities snips --ours             without the peer

The peer: `AutoModelForTokenClassification` over the base, trained as `trainer_peer` says, first pieces of words
labelled, spans read back from BIO tags of words; it reads the requested slots of Restaurants-8k as ours does. The
difference comes with the interval of a paired bootstrap over the texts. Without `accelerate` the peer is left out, and
said to be.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.settings import ImportSettings, Settings
from export.tagging import places, rendered_for
from tests.bench.corpora import parser, require
from tests.bench.trainer_peer import missing
from tests.bench.trainer_peer import train as train_by_defaults
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.entities.entity_data import Marked, readable_rows
from trainer.entities.span_files import read_spans
from trainer.entities.span_metrics import counted, counted_f1
from trainer.experiments.experiment import Question, experiment
from trainer.judgement.intervals import bootstrap, paired_bootstrap
from trainer.tasks.entities import tagged

CORPORA = ("restaurants8k", "snips", "wnut17")
LONGEST = 128


Found = list[set[tuple[int, int, str]]]
"""Of each text of the test file, its spans."""


def ours(train: Path, test: Path, seed: int) -> tuple[Found, float]:
    """What was found, and seconds of training."""
    with tempfile.TemporaryDirectory() as out:
        report = experiment(Question(train, test, "entities", Path(out), seed=seed), Settings(), lambda _event: None)
        lines = (Path(out) / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    said = [json.loads(line)["predicted"] for line in lines]
    return [{(one["start"], one["end"], one["type"]) for one in spans} for spans in said], report["train_seconds"]


def peer(train: Path, test: Path, seed: int) -> tuple[Found, float]:
    """The same of transformers' Trainer, as it is."""
    from transformers import AutoModelForTokenClassification

    base = find_base(DEFAULT)
    renderer = base.renderer(LONGEST)
    learned = readable_rows(read_spans(train, ImportSettings()).rows, renderer).rows
    asked = read_spans(test, ImportSettings()).rows
    types = tuple(sorted({name for row in learned for name in row.types}))
    rows = [_features(renderer, row, types) for row in learned]
    torch.manual_seed(seed)
    model = AutoModelForTokenClassification.from_pretrained(base.folder, num_labels=2 * len(types) + 1)
    taken = train_by_defaults(model, rows, lambda batch: _batch(renderer, batch), seed)
    return [_found(model, renderer, row, types) for row in asked], taken.clock


def _features(renderer: Any, row: Marked, types: tuple[str, ...]) -> Any:
    """A row with the tags of the first pieces of its words; the other pieces are ignored."""
    rendered = rendered_for(renderer, row.text, row.before)
    tags = tagged(rendered, row.spans, types)
    return {"row": rendered, "tags": np.where(_first(row.text, rendered.offsets), tags, -100)}


def _first(text: str, offsets: Any) -> list[bool]:
    """Which tokens begin a word: those that no letter or digit stands directly before."""
    return [b > a and (a == 0 or not (text[a - 1].isalnum() and text[a].isalnum())) for a, b in offsets]


def _batch(renderer: Any, rows: list[Any]) -> dict[str, torch.Tensor]:
    ids, mask = renderer.pad([row["row"] for row in rows])
    tags = np.full(ids.shape, -100, dtype=np.int64)
    for at, row in enumerate(rows):
        tags[at, : len(row["tags"])] = row["tags"]
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "labels": torch.from_numpy(tags),
    }


def _found(model: Any, renderer: Any, row: Marked, types: tuple[str, ...]) -> set[tuple[int, int, str]]:
    rendered = rendered_for(renderer, row.text, row.before)
    ids, mask = map(torch.from_numpy, renderer.pad([rendered]))
    with torch.inference_mode():
        said = model(input_ids=ids, attention_mask=mask).logits[0].argmax(dim=1).tolist()
    words: list[list[int]] = []  # begin, end, tag of the first piece
    for (start, end), begins, tag in zip(rendered.offsets, _first(row.text, rendered.offsets), said, strict=True):
        if begins:
            words.append([start, end, tag])
        elif end > start and words:
            words[-1][1] = end
    spans: list[list[Any]] = []
    before = 0
    for start, end, tag in words:
        if tag and tag % 2 == 0 and before in (tag, tag - 1):
            spans[-1][1] = end
        elif tag:
            spans.append([start, end, types[(tag - 1) // 2]])
        before = tag
    return {(start, end, name) for start, end, name in spans}


SIDES = {"default recipe": ours, "transformers Trainer": peer}


def main() -> None:
    options = parser("Span F1 of the default recipe, beside transformers' Trainer")
    options.add_argument("corpus", nargs="*", choices=[*CORPORA, []], help="restaurants8k, snips, wnut17")
    options.add_argument("--seeds", nargs="+", type=int, default=[0])
    options.add_argument("--ours", action="store_true", help="without the peer")
    options.add_argument("--peer", action="store_true", help="the peer alone")
    asked = options.parse_args()
    wanted = {"default recipe": not asked.peer, "transformers Trainer": not asked.ours and not missing()}
    if not asked.ours and missing():
        print(f"transformers Trainer: {missing()}")
    sides = [(name, side) for name, side in SIDES.items() if wanted[name]]
    for corpus in asked.corpus or CORPORA:
        train, test = require(asked.corpora, f"{corpus}/train.jsonl.gz", f"{corpus}/test.jsonl.gz")
        truth = [places(row.spans) for row in read_spans(test, ImportSettings()).rows]
        for seed in asked.seeds:
            found = []
            for name, side in sides:
                spans, seconds = side(train, test, seed)
                there, counts = counted(truth, spans)
                score = bootstrap(counted_f1, there, counts, seed=seed)
                told = f"{100 * score.value:.2f} ({100 * score.low:.2f} to {100 * score.high:.2f})"
                print(f"{corpus} seed {seed} {name}: span F1 {told}, {seconds:.0f} s", flush=True)
                found.append(counts)
            if len(found) == len(SIDES):
                gap = paired_bootstrap(counted_f1, there, (found[1], found[0]), seed=seed)
                print(f"{corpus} seed {seed}: {gap.points} in span F1 over the peer", flush=True)


if __name__ == "__main__":
    main()
