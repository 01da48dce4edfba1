"""Reading one text and writing another, with onnxruntime: a rewriter, its cached loop, greedy, drawn or with beams.

Token ids in, token ids out; text is the renderer's. Each step reads one token and remembers what it made of it, so
that a text costs as many steps as it has tokens. The same source, sampling and threads give the same text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from data.errors import IntegrityError, UsageError
from data.pair_render import Seq2SeqRenderer, Source
from data.render import Rendered
from export.beams import Found, beam_search
from export.decoding import Clock, Ending, Generation, Told
from export.rewriters import RewriterFolder, open_rewriter
from export.runtime import open_session
from export.sampling import Chooser, Sampling
from export.sealed import REMEDY

SOURCE, TOKEN, LOGITS = "source", "token", "logits"
CROSS, PAST, PRESENT = "cross", "past", "present"
MOST_BEAMS = 8

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Watch = Callable[[], Ending | None]
"""Why nothing more is to be written, None as long as more is."""


def cache_names(kind: str, layers: int) -> tuple[str, ...]:
    """What the keys and values of each layer are called in the graphs."""
    return tuple(f"{kind}_{part}_{layer}" for layer in range(layers) for part in ("key", "value"))


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What was written: ids without the end token, and why there are no more."""

    ids: tuple[int, ...]
    ending: Ending


class _Memory:
    """What the decoder knows of one source, and of the tokens it wrote of it; several rows are several beginnings."""

    def __init__(self, rewriter: Rewriter, cross: list[Floats]) -> None:
        cache = rewriter.card.cache
        self._rewriter, self._looked_up = rewriter, cross
        self._past = [np.zeros((1, cache.heads, 0, cache.size), dtype=np.float32) for _ in range(2 * cache.layers)]
        self._wide = cross

    def read(self, tokens: Ids, rows: Ids | None = None) -> Floats:
        """Scores [rows, vocabulary] of what comes after these tokens, which go on from `rows` of the last step."""
        if rows is not None and (len(rows) != len(self._past[0]) or (rows != np.arange(len(rows))).any()):
            self._past = [one[rows] for one in self._past]
        if len(tokens) != len(self._wide[0]):
            self._wide = [np.repeat(one, len(tokens), axis=0) for one in self._looked_up]
        scores, self._past = self._rewriter.step(tokens, self._wide, self._past)
        return scores


class Rewriter:
    """One loaded rewriter. Thread-safe: sessions may be run from many threads at once."""

    def __init__(self, opened: RewriterFolder, threads: int = 1, clock: Clock = time.monotonic) -> None:
        """Load both graphs with `threads` CPU threads each. Raises IntegrityError when they are no rewriter."""
        self.digest, self.card, self.size_bytes = opened.digest, opened.card, opened.size_bytes
        self._tokenizer, self._clock = opened.tokenizer, clock
        graphs = (opened.encoder, opened.decoder)
        self._encoder, self._decoder = (open_session(graph, threads, what="rewriter") for graph in graphs)
        layers = self.card.cache.layers
        self._cross, self._past, self._present = (cache_names(kind, layers) for kind in (CROSS, PAST, PRESENT))
        wanted = [({SOURCE}, {*self._cross}), ({TOKEN, *self._cross, *self._past}, {LOGITS, *self._present})]
        if [_names(self._encoder), _names(self._decoder)] != wanted:
            raise IntegrityError("The graphs of this rewriter take and give other things than theirs.", remedy=REMEDY)

    @classmethod
    def load(cls, folder: Path, threads: int = 1, *, verify: bool = True, clock: Clock = time.monotonic) -> Rewriter:
        """Open and load the rewriter in `folder` (see `open_rewriter` for `verify` and errors)."""
        return cls(open_rewriter(folder, verify=verify), threads, clock)

    @cached_property
    def renderer(self) -> Seq2SeqRenderer:
        """What turns text into the ids that this rewriter reads, and its ids into text."""
        renderer = Seq2SeqRenderer.read(self._tokenizer, self.card.shape)
        if renderer.end_id != self.card.end_id:
            raise IntegrityError("The tokenizer of this rewriter is not the one it was exported with.", remedy=REMEDY)
        return renderer

    @property
    def usual(self) -> Sampling:
        """The likeliest token each time, as many as it has learned to write."""
        return Sampling(max_tokens=self.card.shape.target_length)

    def rewrite(self, source: Source) -> str:
        """What it writes of a source, in the way that it was measured."""
        written = self.write(self.renderer.source(source), self.usual, beams=self.card.beams)
        return self.renderer.written(written.ids)

    def write(
        self, source: Rendered, sampling: Sampling, *, beams: int = 1, cancelled: Callable[[], bool] = _never
    ) -> Rewritten:
        """The whole of what it writes of a rendered source. With several `beams` the likeliest text is looked for, and
        nothing is drawn. Raises UsageError for a number of beams, or a sampling beside them, that makes no sense."""
        if not 1 <= beams <= MOST_BEAMS:
            raise UsageError(f"1 to {MOST_BEAMS} beams can be followed at once.")
        if beams > 1:
            return self._searched(source, sampling, beams, cancelled)
        writing = self.generate(source, sampling, cancelled)
        ids = tuple(writing)
        return Rewritten(ids, writing.ending or "stop")

    def generate(self, source: Rendered, sampling: Sampling, cancelled: Callable[[], bool] = _never) -> Generation:
        """What it writes of a rendered source, token by token, as far as `sampling` lets it and no further than it has
        learned to write. `cancelled` is asked before each token, so it must be quick."""
        return Generation(lambda told: self._steps(source, sampling, self._watch(sampling, cancelled), told))

    def look_up(self, source: Rendered) -> list[Floats]:
        """Keys and values of a source for each layer of the decoder."""
        return list(self._encoder.run(list(self._cross), {SOURCE: np.array([source.ids], dtype=np.int64)}))

    def step(self, tokens: Ids, cross: list[Floats], past: list[Floats]) -> tuple[Floats, list[Floats]]:
        """One token a row: the scores of what comes next [rows, vocabulary], and the past with these tokens."""
        feeds = {TOKEN: tokens[:, None], **dict(zip(self._cross, cross, strict=True))}
        feeds |= dict(zip(self._past, past, strict=True))
        scores, *present = self._decoder.run([LOGITS, *self._present], feeds)
        return np.asarray(scores, dtype=np.float32), present

    def _steps(self, source: Rendered, sampling: Sampling, watch: Watch, told: Told) -> Generator[int]:
        choose, token = Chooser(sampling, ()), None
        told.ending = watch()
        if told.ending is not None:
            return
        memory, scores = self._opened(source)
        for _ in range(self._most(sampling)):
            told.ending = watch()
            if told.ending is not None:
                return
            if token is not None:
                scores = memory.read(np.array([token], dtype=np.int64))
            token = choose(scores[0])
            if token == self.card.end_id:
                told.ending = "stop"
                return
            yield token
        told.ending = "length"

    def _searched(self, source: Rendered, sampling: Sampling, beams: int, cancelled: Callable[[], bool]) -> Rewritten:
        if sampling.temperature or sampling.repetition_penalty != 1:
            raise UsageError("Beams follow the likeliest text: nothing is drawn, and nothing is punished.")
        watch = self._watch(sampling, cancelled)
        if early := watch():
            return Rewritten((), early)
        memory, first = self._opened(source)
        found: Found[Ending] = beam_search(first, memory.read, self.card.end_id, (beams, self._most(sampling)), watch)
        whole = found.ids[-1:] == (self.card.end_id,)
        return Rewritten(found.ids[:-1] if whole else found.ids, found.interrupted or ("stop" if whole else "length"))

    def _opened(self, source: Rendered) -> tuple[_Memory, Floats]:
        """What is known once the decoder has read what every text opens with."""
        memory = _Memory(self, self.look_up(source))
        return memory, [memory.read(np.array([token], dtype=np.int64)) for token in self.renderer.opening][-1]

    def _watch(self, sampling: Sampling, cancelled: Callable[[], bool]) -> Watch:
        due = self._clock() + sampling.seconds

        def watch() -> Ending | None:
            return "cancelled" if cancelled() else "time" if self._clock() >= due else None

        return watch

    def _most(self, sampling: Sampling) -> int:
        return min(sampling.max_tokens, self.card.shape.target_length)


def _names(session: ort.InferenceSession) -> tuple[set[str], set[str]]:
    return {one.name for one in session.get_inputs()}, {one.name for one in session.get_outputs()}
