"""The intent head: plain arrays over an encoder's embeddings, small enough for thousands over one encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from data.errors import IntegrityError

FILE = "intent_head.safetensors"
Floats = npt.NDArray[np.floating[Any]]
_ARRAYS = ("weight", "bias", "temperature", "neighbours", "neighbour_labels", "scope", "correct")


@dataclass(frozen=True, slots=True, eq=False)
class IntentHead:
    """Everything between an embedding and a calibrated answer.

    labels            names, in the order of the rows of `weight`; may hold `oos`
    weight            float32 [labels, hidden], over unit-length embeddings
    bias              float32 [labels]
    temperature       divides the logits before the softmax (Guo et al. 2017)
    neighbours        [n, hidden]: training embeddings that stand for their classes; float16 on disk
    neighbour_labels  int32 [n]: the label of each neighbour
    scope, correct    float32 [features + 1]: logistic coefficients over `export.confidence.FEATURES`, bias last: is the
                      message in scope; given that it is, is the best label right
    """

    labels: tuple[str, ...]
    weight: Floats
    bias: Floats
    temperature: float
    neighbours: Floats
    neighbour_labels: npt.NDArray[np.int32]
    scope: Floats
    correct: Floats

    @property
    def size_bytes(self) -> int:
        arrays = (self.weight, self.bias, self.neighbours, self.neighbour_labels, self.scope, self.correct)
        return sum(int(array.nbytes) for array in arrays)

    def save(self, folder: Path) -> None:
        """Write `intent_head.safetensors` into `folder`."""
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS if name != "temperature"}
        arrays["neighbours"] = arrays["neighbours"].astype(np.float16)
        arrays["temperature"] = np.array([self.temperature], dtype=np.float32)
        save_file(arrays, folder / FILE, metadata={f"label.{i:05d}": label for i, label in enumerate(self.labels)})

    @classmethod
    def load(cls, folder: Path) -> IntentHead:
        """Read what `save` wrote. Raises IntegrityError when it is not that."""
        try:
            with safe_open(folder / FILE, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in _ARRAYS}
        except (OSError, SafetensorError) as error:
            raise IntegrityError(f"The intent head cannot be read ({type(error).__name__}).") from None
        labels = tuple(metadata[key] for key in sorted(metadata) if key.startswith("label."))
        temperature = float(arrays.pop("temperature")[0])
        # Kept in half the bytes; widened once here, since widening at every message would cost more than the product.
        arrays["neighbours"] = arrays["neighbours"].astype(np.float32)
        head = cls(labels=labels, temperature=temperature, **arrays)
        if head.weight.shape[0] != len(labels) or head.neighbours.shape[0] != len(head.neighbour_labels):
            raise IntegrityError("The intent head's labels, weights and neighbours do not fit each other.")
        return head
