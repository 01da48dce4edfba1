"""The sides of `intents`: our default recipe, and what else could be done with the same rows.

Each gives a `Side` from a `Work`, and is meant to run in a process of its own. Libraries of others get the texts as
they stand in the files, and their defaults.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from data.prepare import Preparer
from data.settings import Settings, TrainSettings
from tests.bench.side import Look, Side, Taken, Work, peak_mb
from trainer.bases.catalogue import find_base
from trainer.bases.known import DEFAULT
from trainer.core.embedding import embed
from trainer.core.fit import set_threads
from trainer.experiments.experiment import Question, experiment
from trainer.experiments.reading import LabelledFile
from trainer.package import median_ms

ROOT = Path(__file__).resolve().parents[2]
BATCH = 64
"""Texts at once, where many are asked."""
WARM_UP = 10
"""First texts of SetFit that do not count as those of one text."""


class NotMeasured(RuntimeError):
    """A side that could not be had, and why."""


def ours(work: Work) -> Side:
    """The training is clocked from its estimate to its export."""
    settings, marks = Settings(train=TrainSettings(threads=work.threads)), dict[str, Taken]()

    def hear(event: Mapping[str, Any]) -> None:
        marks[str(event.get("phase", event["type"]))] = Taken.now()

    with tempfile.TemporaryDirectory() as out:
        question = Question(work.train, work.test, "intent", Path(out), seed=work.seed, per_class=work.per_class)
        report = experiment(question, settings, hear)
        lines = (Path(out) / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    said = [json.loads(line)["predicted"] for line in lines]
    return Side(said, marks["export"] - marks["estimate"], report["latency_ms"], peak_mb(), report=report)


def better_words(learned: LabelledFile, asked: LabelledFile) -> Any:
    """scikit-learn's TfidfVectorizer as it comes, with LogisticRegression or LinearSVC as they come, whichever is
    better on the asked rows."""
    made = [
        make_pipeline(TfidfVectorizer(), model).fit(learned.texts, learned.labels)
        for model in (LogisticRegression(), LinearSVC(random_state=0))
    ]
    return max(made, key=lambda model: np.mean(model.predict(asked.texts) == np.array(asked.labels)))


def words(work: Work) -> Side:
    learned, asked = work.rows()
    started = Taken.now()
    model = better_words(learned, asked)
    return _answering(lambda texts: model.predict(texts).tolist(), asked, Taken.now() - started)


def frozen(work: Work) -> Side:
    """The frozen base with scikit-learn's logistic regression."""
    prepare, base = Preparer(Settings().imports), find_base(DEFAULT)
    encoder, renderer = base.encoder(), base.renderer()
    learned, asked = work.rows()
    set_threads(work.threads)

    def vectors(texts: Sequence[str]) -> Any:
        return embed(encoder, renderer, renderer.utterances([prepare(text) for text in texts]))

    started = Taken.now()
    model = LogisticRegression(C=10, max_iter=300).fit(vectors(learned.texts), np.array(learned.labels))
    return _answering(lambda texts: model.predict(vectors(texts)).tolist(), asked, Taken.now() - started)


def trainer(work: Work) -> Side:
    """transformers' Trainer with its defaults on the default base."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, pipeline
    from transformers.utils import logging

    from tests.bench.trainer_peer import Looks, train

    logging.set_verbosity_error()  # that the head is new, it says at length
    logging.disable_progress_bar()
    learned, asked = work.rows()
    folder, names = find_base(DEFAULT).folder, sorted(set(learned.labels))
    set_threads(work.threads)
    torch.manual_seed(work.seed)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(names), id2label=dict(enumerate(names)), label2id={n: at for at, n in enumerate(names)}
    )
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")

    def answers(texts: Sequence[str]) -> list[str]:
        found = classify(list(texts), batch_size=min(BATCH, len(texts)), padding=False, truncation=True)
        return [one["label"] for one in found]

    pairs = sorted(zip(asked.texts, asked.labels, strict=True), key=lambda pair: len(pair[0]))  # few pads in a batch

    def right() -> float:
        said = answers([text for text, _ in pairs])
        return statistics.mean(a == b for a, (_, b) in zip(said, pairs, strict=True))

    looks = Looks(right)
    rows = [
        {**tokenizer(text, truncation=True), "labels": names.index(label)}
        for text, label in zip(learned.texts, learned.labels, strict=True)
    ]
    taken = train(model, rows, DataCollatorWithPadding(tokenizer), work.seed, looks)
    return _answering(answers, asked, taken, looks.found)


def setfit(work: Work, python: Path, iterations: int | None) -> Side:
    """SetFit with its defaults in the environment of `python`; with `iterations`, so many pairs of each kind a row,
    as its authors had them (Tunstall et al. 2022: 20). Raises NotMeasured with what it says."""
    learned, asked = work.rows()
    question = {
        "base": str(find_base(DEFAULT).folder),
        "texts": list(learned.texts),
        "labels": list(learned.labels),
        "asked": list(asked.texts),
        "seed": work.seed,
        "threads": work.threads,
        "iterations": iterations,
    }
    command = [str(python), "-c", "from tests.bench.setfit_peer import answer; answer()"]
    told = subprocess.run(command, input=json.dumps(question), text=True, capture_output=True, cwd=ROOT)
    if told.returncode:
        raise NotMeasured((told.stderr.strip().splitlines() or [f"exit status {told.returncode}"])[-1])
    found = json.loads(told.stdout)
    taken = Taken(found["clock"], found["processor"])
    return Side(found["said"], taken, statistics.median(found["each"][WARM_UP:]) * 1000, found["peak_mb"])


def _answering(
    answers: Callable[[Sequence[str]], list[str]], asked: LabelledFile, training: Taken, looks: Sequence[Look] = ()
) -> Side:
    said = answers(asked.texts)
    return Side(said, training, median_ms(lambda text: answers([text]), asked.texts), peak_mb(), looks)
