"""An encoder without a network: from the n-grams of a text to a vector, by what it shares with known texts.

A text is a bag of n-grams (data/ngrams), each weighed by how rare it is: tf-idf. That space has as many dimensions as
there are n-grams, too many to keep heads and neighbours in. But a linear head only ever sees a text by its products
with the texts it was trained on, and those products fit into as many dimensions as there are texts: so known texts, the
*landmarks*, span the space of this encoder (Williams & Seeger 2001, "Using the Nystroem Method to Speed Up Kernel
Machines"). With as many landmarks as texts nothing is lost; with fewer, what no landmark has. Vectors are of length 1
at most: what a text shares with no landmark makes its vector shorter, so that a strange text is near to nothing.

Nothing is trained in it, so that it is served as it was made: no graph, no tokenizer, no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from data.errors import IntegrityError
from data.ngrams import BUCKETS, NgramRenderer
from data.render import Rendered, Renderer
from export.encoders import NGRAMS, EncoderCard, EncoderFolder
from export.runtime import Embeddings, Encoder
from export.sealed import REMEDY

WORDS = 0.3
"""How much words count, beside the n-grams of characters."""
_ARRAYS = ("seen", "rarity", "rarest", "starts", "rows", "values", "turn")
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """How rare n-grams are.

    seen      int32 [n], rising: the numbers of the n-grams that were counted
    rarity    float32 [n]: inverse document frequency of each
    rarest    that of an n-gram which nobody has seen
    """

    seen: npt.NDArray[np.int32]
    rarity: npt.NDArray[np.float32]
    rarest: float

    def weigh(self, rendered: Rendered) -> tuple[Array, Array]:
        """(numbers of the n-grams, weight of each): of length 1 together, WORDS of its square in words."""
        numbers, counts = np.unique(np.array(rendered.ids, dtype=np.int32), return_counts=True)
        at, known = self.find(numbers)
        rarity = np.where(known, self.rarity[at], self.rarest) if len(self.seen) else self.rarest
        weights = (1 + np.log(counts)) * rarity
        words = int(np.searchsorted(numbers, BUCKETS))
        for part, share in ((weights[:words], 1 - WORDS), (weights[words:], WORDS)):
            part *= np.sqrt(share) / max(float(np.linalg.norm(part)), 1e-12)
        return numbers, weights / max(float(np.linalg.norm(weights)), 1e-12)

    def find(self, numbers: Array) -> tuple[Array, Array]:
        """(place in `seen`, whether it stands there) of each number."""
        at = np.minimum(np.searchsorted(self.seen, numbers), max(len(self.seen) - 1, 0))
        return at, self.seen[at] == numbers if len(self.seen) else np.zeros(len(numbers), dtype=bool)


@dataclass(frozen=True, slots=True, eq=False)
class Ngrams:
    """The encoder.

    starts        int32 [n + 1]: where each seen n-gram's entries begin in the two next
    rows, values  int32, float32: the landmarks that hold it, and its weight in each
    turn          float32 [landmarks, hidden]: from products with the landmarks to a vector
    """

    weighing: Weighing
    starts: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]
    turn: npt.NDArray[np.float32]

    @property
    def hidden(self) -> int:
        return int(self.turn.shape[1])

    def embed(self, rendered: Sequence[Rendered]) -> Embeddings:
        """Vectors [n, hidden], of length 1 at most; none depends on another."""
        vectors = np.zeros((len(rendered), self.hidden), dtype=np.float32)
        for row, one in enumerate(rendered):
            vectors[row] = self._products(one) @ self.turn
        return vectors

    def _products(self, rendered: Rendered) -> npt.NDArray[np.float32]:
        numbers, weights = self.weighing.weigh(rendered)
        at, known = self.weighing.find(numbers)
        at, weights = at[known], weights[known]
        begin, lengths = self.starts[at], self.starts[at + 1] - self.starts[at]
        # The entries of all n-grams in one go: begin_0, begin_0 + 1, ..., begin_1, begin_1 + 1, ...
        places = np.arange(int(lengths.sum())) + np.repeat(begin - (np.cumsum(lengths) - lengths), lengths)
        shares = self.values[places] * np.repeat(weights, lengths)
        return np.bincount(self.rows[places], weights=shares, minlength=len(self.turn)).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write `ngrams.safetensors` into `folder`: the same encoder, the same bytes."""
        arrays: dict[str, Array] = {name: getattr(self, name) for name in ("starts", "rows", "values", "turn")}
        arrays |= {"seen": self.weighing.seen, "rarity": self.weighing.rarity}
        arrays["rarest"] = np.array([self.weighing.rarest], dtype=np.float32)
        (folder / NGRAMS).write_bytes(save({name: np.ascontiguousarray(arrays[name]) for name in _ARRAYS}))

    @classmethod
    def load(cls, folder: Path) -> Ngrams:
        """Read what `save` wrote. Raises IntegrityError when it is not that."""
        try:
            arrays = load((folder / NGRAMS).read_bytes())
            found = [arrays[name] for name in _ARRAYS]
        except (OSError, SafetensorError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"The n-grams of this encoder cannot be read ({type(error).__name__}).", remedy=REMEDY
            ) from None
        seen, rarity, rarest, starts, rows, values, turn = found
        if not _fit(arrays):
            raise IntegrityError("The n-grams of this encoder do not fit each other.", remedy=REMEDY)
        return cls(Weighing(seen, rarity, float(rarest[0])), starts, rows, values, turn)


class NgramEncoder(Encoder):
    """`Ngrams` from a sealed folder, served as any encoder is."""

    def __init__(self, opened: EncoderFolder, threads: int = 1) -> None:
        """`threads` makes no difference. Raises IntegrityError when it is no such encoder."""
        self.digest = opened.digest
        self.card: EncoderCard = opened.card
        self.size_bytes = opened.size_bytes
        self._ngrams = Ngrams.load(opened.folder)
        if self._ngrams.hidden != self.card.hidden:
            raise IntegrityError("The n-grams of this encoder are not of the size that its card says.", remedy=REMEDY)

    def embed(self, rendered: Sequence[Rendered]) -> Embeddings:
        return self._ngrams.embed(rendered)

    def renderer(self) -> Renderer:
        return NgramRenderer(self.card.max_length)


def _fit(arrays: dict[str, Array]) -> bool:
    """Whether the arrays could have been saved together."""
    seen, starts, rows, values, turn = (arrays[name] for name in ("seen", "starts", "rows", "values", "turn"))
    whole = all(arrays[name].dtype == np.int32 for name in ("seen", "starts", "rows"))
    parts = all(arrays[name].dtype == np.float32 for name in ("rarity", "rarest", "values", "turn"))
    if not (whole and parts and turn.ndim == 2 and all(arrays[n].ndim == 1 for n in _ARRAYS if n != "turn")):
        return False
    lengths = len(arrays["rarity"]) == len(seen) == len(starts) - 1 and len(rows) == len(values)
    if not lengths or arrays["rarest"].shape != (1,) or not all(turn.shape):
        return False
    rising = bool((np.diff(seen) > 0).all() and (np.diff(starts) >= 0).all())
    inside = starts[0] == 0 and starts[-1] == len(rows) and bool(((rows >= 0) & (rows < len(turn))).all())
    numbers = all(bool(np.isfinite(arrays[name]).all()) for name in ("rarity", "rarest", "values", "turn"))
    return rising and inside and numbers
