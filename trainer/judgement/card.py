"""The model card: README.md of a release, filled by the run itself. The same facts give the same text, byte for byte.

The front matter follows the model card metadata of the Hugging Face hub. No message of a customer stands in it: cards
are passed on. Figures come with their intervals wherever the evaluation has them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence

from data.markdown import front_matter, plain, table
from data.verdict_view import verdict_rows, verdict_sentences
from trainer.core import health
from trainer.judgement import regressions
from trainer.judgement.card_facts import CardFacts, Epoch, TaskFacts
from trainer.judgement.card_writing import written_replies
from trainer.judgement.comparison import Slice
from trainer.judgement.intervals import Interval

SHARED_METRICS = {"accuracy": "accuracy", "macro_f1": "f1", "recall_at_1": "recall"}
"""Our metrics that the hub has a name for."""
DECISIONS = {
    "promote": "may go live",
    "hold": "waits for a person to decide",
    "reject": "must not go live",
}


def model_card(facts: CardFacts) -> str:
    """The whole README.md: YAML front matter and Markdown, ending in a newline."""
    sections = (_front, _opening, _use, _data, _training, _results, _classes, _calibration, _thresholds, _closing)
    return "\n\n".join(part for section in sections for part in section(facts)) + "\n"


def _front(facts: CardFacts) -> Iterator[str]:
    measured = facts.comparison.models.get("candidate", {})
    metrics = [
        {"type": shared, "name": name, "value": round(measured[name].value, 4)}
        for name, shared in SHARED_METRICS.items()
        if name in measured and math.isfinite(measured[name].value)
    ]
    ids, licences = [base.id for base in facts.bases], {base.licence for base in facts.bases}
    result = {
        "task": {"type": "text-classification", "name": "Intent classification"},
        "dataset": {"type": "private", "name": f"attune dataset {facts.data.fingerprint[:12]}", "split": "test"},
        "metrics": metrics,
    }
    yield front_matter(
        {
            "license": licences.pop() if len(licences) == 1 else "other",
            "language": list(facts.languages),
            "base_model": ids[0] if len(ids) == 1 else ids,
            "library_name": "onnx",
            "pipeline_tag": "text-classification",
            "tags": ["attune", "chatbot", "onnx", *(f"{task.name}-model" for task in facts.tasks)],
            "metrics": [metric["type"] for metric in metrics],
            "model-index": [{"name": facts.release, "results": [result] if metrics else []}],
        }
    )


def _opening(facts: CardFacts) -> Iterator[str]:
    tasks = " and ".join(task.name for task in facts.tasks) or "no task"
    names = " and ".join(plain(base.id) for base in facts.bases)
    yield f"# {plain(facts.release)}"
    yield (
        f"A release of a brand's own chatbot: {tasks}, tuned from {names} on the brand's conversation "
        f"logs and exported to ONNX. Made on {plain(facts.created_at)}."
    )
    yield f"**Verdict: {facts.verdict.decision}** – it {DECISIONS[facts.verdict.decision]}."
    yield "\n".join(f"- {plain(reason)}" for reason in facts.verdict.reasons)


def _use(facts: CardFacts) -> Iterator[str]:
    languages = ", ".join(plain(code) for code in facts.languages) or "languages nobody stated"
    yield "## Intended use and limits"
    yield f"""\
- Made to answer customers of this brand about the intents below, in {languages}. It passes on what it is not sure of.
  It is of no use to another brand.
- It knows the past: wording, products and policies that changed after its logs are unknown to it.
- Figures hold for traffic like the test set. Look at the slices before trusting those of a small group.
- Texts were redacted by pattern before training, and a rare form of personal data may have been missed: treat the
  weights as made from personal data.
- Not for decisions about persons: credit, health, employment, law."""


def _data(facts: CardFacts) -> Iterator[str]:
    data = facts.data
    yield "## Data"
    yield (
        f"{data.conversations} conversations from {data.uploads} uploads; dataset fingerprint "
        f"`{plain(data.fingerprint)}`. Splits keep conversations, customers and near-duplicates together."
    )
    for title, counted in (
        ("Split", data.splits),
        ("Set aside because", data.set_aside),
        ("Redacted", data.redacted),
        ("Language", data.languages),
    ):
        if counted:
            yield table([(title, "Rows"), *_by_count(counted)])
    found = [finding for finding in facts.verdict.findings if "sentence" not in finding]
    if found:
        yield "What the checks of the data say:"
        named = ("code", "severity", "count", "remedy")
        rows = [tuple(str(finding[name]) for name in named) for finding in found]
        yield table([("Finding", "Severity", "Rows", "What to do"), *rows], right=False)


def _by_count(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _training(facts: CardFacts) -> Iterator[str]:
    yield "## Training"
    for task in facts.tasks:
        yield f"### {plain(task.name)}"
        yield table([("Hyperparameter", "Value"), *sorted(task.recipe.items())], right=False)
        yield _history(task)
        yield from _robustness(task)
        yield from written_replies(task.written)
    yield from _felt(facts)
    yield from _health(facts)
    if "learning_curve.png" in facts.plots:
        yield "![Learning curve](learning_curve.png)"


def _felt(facts: CardFacts) -> Iterator[str]:
    felt = facts.sentiment
    if felt is None or not felt.serves:
        return
    yield "### sentiment"
    names = ", ".join(plain(label) for label in felt.head.labels)
    if felt.head.source == "labels":
        yield (
            f"Learned from {felt.rows} messages that the brand has labelled, over the encoder of the other tasks: "
            f"{names}. Macro-F1 on parts not learned from: {_figure(felt.held_out)}."
        )
        return
    yield (
        f"The default head for English, made from GoEmotions (Demszky et al. 2020, Apache-2.0): {names}. It has seen "
        "no message of this brand and says nothing in other languages; docs/sentiment.md."
    )
    if felt.head.source == "distilled":
        yield (
            f"Handed on to this release's own encoder by {felt.rows} general utterances; on those left out it agrees "
            f"with the default head in {_figure(felt.held_out)} of its decisions."
        )


def _health(facts: CardFacts) -> Iterator[str]:
    yield from _seen(facts, health.KINDS, "What its figures say of the training:")


def _seen(facts: CardFacts, codes: Container[str], title: str) -> Iterator[str]:
    told = [finding for finding in facts.verdict.findings if finding["code"] in codes]
    if told:
        yield title
        named = ("code", "severity", "sentence", "remedy")
        rows = [tuple(str(finding[name]) for name in named) for finding in told]
        yield table([("Finding", "Severity", "What was seen", "What to do"), *rows], right=False)


def _history(task: TaskFacts) -> str:
    if not task.history:
        return "Fitted in one step, without validation on the way."
    header = ("Training Loss", "Epoch", "Step", "Validation Loss", task.score_name)
    return table([header, *(_epoch(row) for row in task.history)])


def _epoch(row: Epoch) -> tuple[str, ...]:
    loss, validation, score = (_figure(value) for value in (row.training_loss, row.validation_loss, row.score))
    return ("No log" if row.training_loss is None else loss, f"{row.epoch:.2f}", str(row.step), validation, score)


def _figure(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.4f}"


def _robustness(task: TaskFacts) -> Iterator[str]:
    """What variations of the rows gained and what was decided; how the model stands perturbed messages."""
    tried, stands = task.augmentation, task.robustness
    if tried is not None:
        made = f" Of the rows {tried.rows} variations were made." if tried.rows else ""
        yield f"**Variations of the rows: {tried.decision.replace('_', ' ')}.** {tried.why}{made}"
    if stands is None or not stands.rows:
        return
    rows: list[tuple[object, ...]] = [("Held-out messages", "Rows", "As they were said", "Perturbed")]
    rows += [("the untuned base", stands.rows, *map(_figure, stands.base))]
    rows += [("this model", stands.rows, *map(_figure, stands.trained))]
    if tried is not None and tried.clean is not None and tried.perturbed is not None:
        both = (tried.clean, tried.perturbed)
        counted = f"{tried.clean.rows}, {tried.perturbed.rows}"
        rows += [("tried without variations", counted, *(_figure(gain.without) for gain in both))]
        rows += [("tried with variations", counted, *(_figure(gain.having) for gain in both))]
        rows += [("gain, and its p-value", counted, *(f"{g.value:+.4f} ({g.p_value:.3f})" for g in both))]
    yield table(rows)


def _results(facts: CardFacts) -> Iterator[str]:
    comparison = facts.comparison
    yield "## Results"
    yield (
        f"On {comparison.rows} test messages no model has learned from, {comparison.oos_rows} of them out of scope. "
        f"The target precision is {comparison.target_precision * 100:.0f} %; brackets hold 95 % bootstrap intervals. "
        "The floor is TF-IDF with logistic regression (replies: BM25), the base the untuned encoder with its nearest "
        "neighbour."
    )
    wire = facts.verdict.to_wire()
    yield table(verdict_rows(wire))
    yield from map(plain, verdict_sentences(wire))
    changes = Counter(flip.change for flip in comparison.flips)
    if changes["different"]:
        yield f"Beside {comparison.reference}, {changes['different']} changed from one wrong label to another."
    yield from _seen(facts, regressions.KINDS, "What the comparison shows beside:")
    if comparison.slices:
        yield "### Slices"
        yield (
            "Length is by characters, in thirds; rare intents have few training rows; new is what came after the live "
            "release was made. Brackets hold Wilson's 95 % intervals; the p-value is McNemar's, corrected (Holm) for "
            "all of these parts."
        )
        models = list(comparison.slices[0].accuracy)
        header = ("Slice", "Value", "Rows", *(f"Accuracy, {model}" for model in models), "Won", "Lost", "p")
        yield table([header, *(_slice(part, models) for part in comparison.slices)])


def _slice(part: Slice, models: Sequence[str]) -> tuple[object, ...]:
    told = part.exchange
    cells = [_within(part.accuracy[model]) for model in models]
    beside = ("–",) * 3 if told is None else (told.won, told.lost, f"{told.corrected:.3f}")
    return (part.name, part.value, part.rows, *cells, *beside)


def _within(share: Interval) -> str:
    return f"{_figure(share.value)} ({_figure(share.low)} – {_figure(share.high)})"


def _classes(facts: CardFacts) -> Iterator[str]:
    comparison = facts.comparison
    if not comparison.per_class:
        return
    yield "## Intents"
    classes = comparison.per_class
    rows = [(row.label, row.support, *(_figure(v) for v in (row.precision, row.recall, row.f1))) for row in classes]
    yield table([("Intent", "Test rows", "Precision", "Recall", "F1"), *rows])
    confused = comparison.confused()
    if confused:
        yield "Most often confused:"
        yield table([("True", "Taken for", "Rows"), *confused])
    if "confusion.png" in facts.plots:
        yield "![Confusion matrix](confusion.png)"


def _calibration(facts: CardFacts) -> Iterator[str]:
    bins = facts.comparison.calibration
    if not bins:
        return
    yield "## Calibration"
    yield "When it says it is this sure, this share of its answers is right:"
    rows = [
        (f"{row['from']:.2f} – {row['to']:.2f}", int(row["rows"]), _figure(row["confidence"]), _figure(row["accuracy"]))
        for row in bins
    ]
    yield table([("Confidence", "Rows", "Mean confidence", "Right"), *rows])
    if "calibration.png" in facts.plots:
        yield "![Calibration](calibration.png)"


def _thresholds(facts: CardFacts) -> Iterator[str]:
    yield "## Thresholds"
    yield "Chosen on messages the scoring model had not learned from, never on the test set."
    yield table(
        [("Threshold", "Value"), *((name, _figure(facts.thresholds[name])) for name in sorted(facts.thresholds))]
    )


def _closing(facts: CardFacts) -> Iterator[str]:
    yield f"## Licence of the base model{'s' if len(facts.bases) > 1 else ''}"
    for base in facts.bases:
        digest = f", SHA-256 `{plain(base.digest)}`" if base.digest else ""
        attribution = f" {plain(base.attribution)}" if base.attribution else ""
        yield f"{plain(base.id)}: {plain(base.licence)}{digest}.{attribution}"
    if facts.reproduce:
        yield "## How to reproduce"
        # Four spaces make a code block that no text inside can end.
        yield "\n".join(f"    {' '.join(command.split())}" for command in facts.reproduce)
    if facts.versions:
        yield table([("Package", "Version"), *sorted(facts.versions.items())], right=False)
