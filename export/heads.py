"""The intent head: plain arrays over an encoder's embeddings, small enough for thousands over one encoder."""

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

FILE = "intent_head.safetensors"
FEW = 500
"""Up to so many neighbours stay in half the bytes and are widened at every message: a quarter of a millisecond, for a
third of what a thousand small bots hold in memory (docs/benchmarks.md)."""
Floats = npt.NDArray[np.floating[Any]]
_ARRAYS = ("weight", "bias", "temperature", "neighbours", "neighbour_labels", "scope", "correct")


@dataclass(frozen=True, slots=True, eq=False)
class IntentHead:
    """Everything between an embedding and a calibrated answer.

    labels            names, in the order of the rows of `weight`; may hold `oos`
    weight            float32 [labels, hidden], over unit-length embeddings
    bias              float32 [labels]
    temperature       divides the logits before the softmax (Guo et al. 2017)
    neighbours        [n, hidden]: training embeddings that stand for their classes; float16 on disk,
                      and in memory where they are few
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
        """Write `intent_head.safetensors` into `folder`: the same head, the same bytes."""
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS if name != "temperature"}
        arrays["neighbours"] = arrays["neighbours"].astype(np.float16)
        arrays["temperature"] = np.array([self.temperature], dtype=np.float32)
        content = save(arrays, metadata={f"label.{i:05d}": label for i, label in enumerate(self.labels)})
        (folder / FILE).write_bytes(in_order(content))

    @classmethod
    def load(cls, folder: Path) -> IntentHead:
        """Read what `save` wrote. Raises IntegrityError when it is not that."""
        try:
            with safe_open(folder / FILE, framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in _ARRAYS}
        except (OSError, SafetensorError, TypeError) as error:  # TypeError: numbers that numpy has no type for
            raise IntegrityError(f"The intent head cannot be read ({type(error).__name__}).") from None
        labels = tuple(metadata[key] for key in sorted(metadata) if key.startswith("label."))
        _check(labels, arrays)
        temperature = float(arrays.pop("temperature")[0])
        if len(arrays["neighbours"]) > FEW:
            # Widening them at every message would cost more than the product.
            arrays["neighbours"] = arrays["neighbours"].astype(np.float32)
        return cls(labels=labels, temperature=temperature, **arrays)


def in_order(content: bytes) -> bytes:
    """A safetensors file with its labels in their order: the library writes them in that of a hash map."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]


def _check(labels: tuple[str, ...], arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Raise IntegrityError unless the arrays could have been saved together, with these labels."""
    from export.confidence import FEATURES  # which is built on this module

    weight, near = arrays["weight"], arrays["neighbour_labels"]
    hidden, count = (array.shape[-1] if array.ndim else -1 for array in (weight, near))
    shapes = {
        "weight": (len(labels), hidden),
        "bias": (len(labels),),
        "temperature": (1,),
        "neighbours": (count, hidden),
        "neighbour_labels": (count,),
        "scope": (len(FEATURES) + 1,),
        "correct": (len(FEATURES) + 1,),
    }
    fits = all(arrays[name].shape == shape for name, shape in shapes.items()) and len(set(labels)) == len(labels)
    numbers = all(
        np.issubdtype(array.dtype, np.floating) and np.isfinite(array).all()
        for name, array in arrays.items()
        if name != "neighbour_labels"
    )
    named = np.issubdtype(near.dtype, np.signedinteger) and ((near >= 0) & (near < len(labels))).all()
    if not (fits and numbers and named and (arrays["temperature"] > 0).all()):
        raise IntegrityError("The intent head's labels, weights and neighbours do not fit each other.")
