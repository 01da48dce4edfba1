"""The tagging head: from the token states of an encoder to typed spans of the text, with how sure each is. No torch.

Every token that stands for text gets one of the tags O, B-type, I-type. What each token says for itself (`emissions`)
and what may follow what (`transitions`) are weighed together: the best sequence of tags is found (Viterbi 1967), and a
span's confidence is the probability that these tokens, and no more, are one span of that type, over all sequences
(Lafferty et al. 2001, "Conditional Random Fields").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from data.errors import IntegrityError
from data.render import Rendered, Renderer
from data.schema import Entity
from export.heads import in_order
from export.sealed import REMEDY
from export.surface import BUCKETS, Signs, surface

FILE = "tagging_head.safetensors"
OUTSIDE = "O"
FORBIDDEN = -1e4
"""Added where a tag may not stand: an I- begins nothing and goes on with its own type alone."""
Floats = npt.NDArray[np.floating[Any]]
_ARRAYS = ("project", "shift", "signs", "weight", "bias", "transitions", "begin")


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` is a `type`; `confidence` the probability that exactly this stretch is one."""

    start: int
    end: int
    type: str
    confidence: float = 1.0


Place = tuple[int, int, str]
"""(begin, end, type) of a span."""


def places(spans: Iterable[Span | Entity]) -> set[Place]:
    """Where spans stand and what they are: all that is compared of them."""
    return {(span.start, span.end, span.type) for span in spans}


@dataclass(frozen=True, slots=True, eq=False)
class TaggingHead:
    """types        the kinds of spans, in the order of their tags
    project      float32 [hidden, inner], shift [inner]: the state of a token, brought to the size of its signs
    signs        [BUCKETS, inner]: what each sign of the surface adds; float16 on disk
    weight       float32 [inner, tags], bias [tags]
    transitions  float32 [tags, tags]: from the row's tag to the column's; begin [tags]: of the first token
    """

    types: tuple[str, ...]
    project: Floats
    shift: Floats
    signs: Floats
    weight: Floats
    bias: Floats
    transitions: Floats
    begin: Floats

    @property
    def size_bytes(self) -> int:
        return sum(int(getattr(self, name).nbytes) for name in _ARRAYS)

    def save(self, folder: Path) -> None:
        """Write `tagging_head.safetensors` into `folder`: the same head, the same bytes."""
        arrays = {name: np.ascontiguousarray(getattr(self, name), dtype=np.float32) for name in _ARRAYS}
        arrays["signs"] = arrays["signs"].astype(np.float16)
        content = save(arrays, metadata={f"type.{at:05d}": name for at, name in enumerate(self.types)})
        (folder / FILE).write_bytes(in_order(content))

    @classmethod
    def load(cls, folder: Path) -> TaggingHead:
        """Raises IntegrityError when the file is none that `save` could have written."""
        try:
            with safe_open(folder / FILE, framework="numpy") as opened:
                types = tuple(name for _, name in sorted((opened.metadata() or {}).items()))
                arrays = {name: opened.get_tensor(name).astype(np.float32) for name in _ARRAYS}
        except (OSError, SafetensorError):
            raise IntegrityError("The tagging head of this release cannot be read.", remedy=REMEDY) from None
        _check(types, arrays)
        return cls(types, **arrays)

    def tag(self, states: Floats, text: str, offsets: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
        """The spans of `text`, in its order, without overlaps; `states` [tokens, hidden] are those of its tokens."""
        places = [at for at, (start, end) in enumerate(offsets) if end > start]
        if not places:
            return ()
        emissions = self.emissions(states, surface(text, offsets))[places]
        path = best_path(self, emissions)
        return spans_of(self, emissions, path, [offsets[at] for at in places])

    def emissions(self, states: Floats, signs: Sequence[Signs]) -> Floats:
        """What each token says for each tag: [tokens, tags]."""
        inner = states @ self.project + self.shift
        for at, rows in enumerate(signs):
            if rows:
                inner[at] += self.signs[list(rows)].sum(axis=0)
        return np.asarray(_gelu(inner) @ self.weight + self.bias)


def rendered_for(renderer: Renderer, text: str, before: str | None = None) -> Rendered:
    """A text as the tagger reads it, after what the brand said just before, where that is known and there is room."""
    return renderer.utterance(text) if not before else renderer.context([("assistant", before), ("user", text)])


def tags_of(types: Sequence[str]) -> list[str]:
    """O, then B- and I- of each type: the columns of a head."""
    return [OUTSIDE, *(f"{prefix}-{name}" for name in types for prefix in "BI")]


def allowed(types: Sequence[str]) -> tuple[Floats, Floats]:
    """(transitions, beginnings): 0 where BIO allows it, else FORBIDDEN."""
    count = len(tags_of(types))
    steps, begin = np.zeros((count, count), dtype=np.float32), np.zeros(count, dtype=np.float32)
    for inside in range(2, count, 2):
        steps[:, inside] = FORBIDDEN
        steps[[inside - 1, inside], inside] = 0
        begin[inside] = FORBIDDEN
    return steps, begin


def best_path(head: TaggingHead, emissions: Floats) -> list[int]:
    """The tags of all tokens together that score best."""
    score, back = head.begin + emissions[0], []
    for row in emissions[1:]:
        ways = score[:, None] + head.transitions
        back.append(ways.argmax(axis=0))
        score = ways.max(axis=0) + row
    path = [int(score.argmax())]
    for came_from in reversed(back):
        path.append(int(came_from[path[-1]]))
    return path[::-1]


def spans_of(
    head: TaggingHead, emissions: Floats, path: Sequence[int], places: Sequence[tuple[int, int]]
) -> tuple[Span, ...]:
    """The spans of a path over tokens that stand at `places` of the text."""
    found = [(first, last, tag) for first, last, tag in runs_of(path)]
    if not found:
        return ()
    forth, back = _forth(head, emissions), _back(head, emissions)
    whole = _logsumexp(forth[-1])
    spans = []
    for first, last, tag in found:
        name = head.types[(tag - 1) // 2]
        log = _run(head, emissions, (first, last, tag), forth, back) - whole
        spans.append(Span(places[first][0], places[last][1], name, float(min(np.exp(log), 1.0))))
    return tuple(spans)


def runs_of(path: Sequence[int]) -> list[tuple[int, int, int]]:
    """(first token, last token, tag it begins with) of every span of a path. An I- alone is taken for a beginning."""
    runs: list[tuple[int, int, int]] = []
    for at, tag in enumerate(path):
        if tag == 0:
            continue
        begins = tag if tag % 2 else tag - 1
        if tag % 2 == 0 and runs and runs[-1][1] == at - 1 and runs[-1][2] == begins:
            runs[-1] = (runs[-1][0], at, begins)
        else:
            runs.append((at, at, begins))
    return runs


def _run(head: TaggingHead, emissions: Floats, run: tuple[int, int, int], forth: Floats, back: Floats) -> float:
    """The log of the weight of all paths that hold exactly this span."""
    first, last, tag = run
    score = float(forth[first][tag])
    before = tag
    for at in range(first + 1, last + 1):
        score += float(head.transitions[before, tag + 1] + emissions[at][tag + 1])
        before = tag + 1
    if last + 1 == len(emissions):
        return score
    onward = head.transitions[before] + emissions[last + 1] + back[last + 1]
    return score + float(_logsumexp(np.delete(onward, tag + 1)))


def _forth(head: TaggingHead, emissions: Floats) -> Floats:
    score = np.empty(emissions.shape)
    score[0] = head.begin + emissions[0]
    for at in range(1, len(emissions)):
        score[at] = _logsumexp(score[at - 1][:, None] + head.transitions) + emissions[at]
    return score


def _back(head: TaggingHead, emissions: Floats) -> Floats:
    score = np.zeros(emissions.shape)
    for at in range(len(emissions) - 2, -1, -1):
        score[at] = _logsumexp((head.transitions + emissions[at + 1] + score[at + 1]).T)
    return score


def _logsumexp(values: Floats) -> Any:
    """Over the first axis."""
    most = values.max(axis=0)
    return most + np.log(np.exp(values - most).sum(axis=0))


def _gelu(values: Floats) -> Floats:
    """x times the normal distribution's share below x, by its usual approximation (Hendrycks & Gimpel 2016)."""
    return np.asarray(0.5 * values * (1.0 + np.tanh(0.7978845608 * (values + 0.044715 * values**3))))


def _check(types: tuple[str, ...], arrays: dict[str, Floats]) -> None:
    """Raise IntegrityError unless the arrays could have been saved together, with these types."""
    tags = len(tags_of(types))
    hidden, inner = arrays["project"].shape if arrays["project"].ndim == 2 else (-1, -1)
    shapes = {
        "project": (hidden, inner),
        "shift": (inner,),
        "signs": (BUCKETS, inner),
        "weight": (inner, tags),
        "bias": (tags,),
        "transitions": (tags, tags),
        "begin": (tags,),
    }
    fits = all(arrays[name].shape == shape for name, shape in shapes.items()) and len(set(types)) == len(types) > 0
    if not fits or not all(np.isfinite(array).all() for array in arrays.values()):
        raise IntegrityError("The arrays of this tagging head do not fit together.", remedy=REMEDY)
