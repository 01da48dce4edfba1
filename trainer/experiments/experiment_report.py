"""What an experiment leaves: its report and every prediction, as JSON that any program reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.core.callbacks import Row
from trainer.experiments.reading import LabelledFile
from trainer.judgement.metrics import IntentScores, finite
from trainer.replies.selection import Places
from trainer.replies.train_reply import Pairs


def history_row(row: Row) -> dict[str, Any]:
    return {
        "training_loss": row.training_loss,
        "epoch": row.epoch,
        "step": row.step,
        "validation_loss": row.validation_loss,
        **row.metrics,
    }


def intent_predictions(test: LabelledFile, scores: IntentScores) -> list[dict[str, Any]]:
    rows = zip(test.texts, test.labels, scores.predicted, scores.confidence, scores.in_scope, strict=True)
    return [
        {
            "text": text,
            "label": label,
            "predicted": predicted,
            "confidence": round(float(sure), 6),
            "score_in_scope": round(float(inside), 6),
        }
        for text, label, predicted, sure, inside in rows
    ]


def reply_predictions(test: Pairs, scores: npt.NDArray[np.float64], places: Places) -> list[dict[str, Any]]:
    best = scores.argmax(axis=1)
    return [
        {
            "text": context[-1][1],
            "label": reply,
            "predicted": places.distinct[row[at]],
            "confidence": round(float(score[at]), 6),
            "rank": int((score > score[0]).sum()) + 1,
        }
        for context, reply, row, at, score in zip(
            test.contexts, test.replies, places.candidates, best, scores, strict=True
        )
    ]


def write(out: Path, result: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]]) -> None:
    with (out / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for row in predictions:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    text = json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")


def sayable(value: Any) -> Any:
    """`value` as JSON can hold it: what is not a number, or has no end, is null."""
    if isinstance(value, Mapping):
        return {key: sayable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [sayable(inner) for inner in value]
    return finite(value) if isinstance(value, float) else value
