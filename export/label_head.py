"""The label head: which of some labels a text has, from its embedding; any number of them, or exactly one.

A sentiment is such a label. Calibration is folded into the weights when the head is fitted, so that a probability is
what it says and nothing but a product stands between an embedding and an answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from data.errors import IntegrityError
from export.heads import in_order

SENTIMENT_FILE = "sentiment_head.safetensors"
Floats = npt.NDArray[np.floating[Any]]
_ARRAYS = ("weight", "bias", "thresholds")


@dataclass(frozen=True, slots=True, eq=False)
class LabelHead:
    """Everything between an embedding and its labels.

    labels      names, in the order of the rows of `weight`
    weight      float32 [labels, hidden], over unit-length embeddings
    bias        float32 [labels]
    thresholds  float32 [labels]: the probability from which a text has the label; of no use where `exclusive`
    exclusive   a text has exactly one of the labels (softmax), else any number of them (a logistic model each)
    languages   those it holds for; none says any
    source      what it was learned from, in a word
    """

    labels: tuple[str, ...]
    weight: Floats
    bias: Floats
    thresholds: Floats
    exclusive: bool
    languages: tuple[str, ...] = ()
    source: str = ""

    @property
    def size_bytes(self) -> int:
        return int(self.weight.nbytes + self.bias.nbytes + self.thresholds.nbytes)

    def probabilities(self, embeddings: Floats) -> Floats:
        """[n, labels] of `embeddings` [n, hidden]; rows sum to 1 where the labels exclude each other."""
        logits = embeddings @ self.weight.T + self.bias
        if not self.exclusive:
            return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def standing(self, probabilities: Floats) -> Floats:
        """How far each label stands above its threshold, in log odds; the largest is the label that says most."""
        if self.exclusive:
            return probabilities
        return np.asarray(_log_odds(probabilities) - _log_odds(self.thresholds))

    def chosen(self, probabilities: Floats) -> npt.NDArray[np.bool_]:
        """Which labels texts of these `probabilities` [n, labels] have."""
        if not self.exclusive:
            return np.asarray(probabilities >= self.thresholds)
        best = probabilities.argmax(axis=1)
        return np.asarray(np.arange(len(self.labels)) == best[:, None])

    def save(self, path: Path) -> None:
        """Write a safetensors file: the same head, the same bytes."""
        arrays = {name: np.ascontiguousarray(getattr(self, name), dtype=np.float32) for name in _ARRAYS}
        told = {f"label.{at:05d}": label for at, label in enumerate(self.labels)}
        told["about"] = json.dumps(
            {"exclusive": self.exclusive, "languages": list(self.languages), "source": self.source}
        )
        path.write_bytes(in_order(save(arrays, metadata=told)))

    @classmethod
    def load(cls, path: Path) -> LabelHead:
        """Read what `save` wrote. Raises IntegrityError when it is not that."""
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in _ARRAYS}
            about = json.loads(metadata["about"])
            exclusive, languages, source = (about[name] for name in ("exclusive", "languages", "source"))
        except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
            raise IntegrityError(f"The label head cannot be read ({type(error).__name__}).") from None
        labels = tuple(metadata[key] for key in sorted(metadata) if key.startswith("label."))
        if not (_fits(labels, arrays) and isinstance(exclusive, bool) and isinstance(languages, list)):
            raise IntegrityError("The label head's labels and weights do not fit each other.")
        return cls(labels, **arrays, exclusive=exclusive, languages=tuple(map(str, languages)), source=str(source))


def _log_odds(probabilities: Floats) -> Floats:
    kept = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)))


def _fits(labels: tuple[str, ...], arrays: dict[str, npt.NDArray[Any]]) -> bool:
    count = len(labels)
    weight, bias, thresholds = (arrays[name] for name in _ARRAYS)
    shaped = weight.ndim == 2 and len(weight) == count and bias.shape == thresholds.shape == (count,)
    numbers = all(np.issubdtype(one.dtype, np.floating) and np.isfinite(one).all() for one in arrays.values())
    return bool(count and shaped and numbers and len(set(labels)) == count)
