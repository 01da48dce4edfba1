"""Replies token by token from an exported decoder, by onnxruntime-genai. Knows token ids, no text, and no torch.

The engine computes scores, export/sampling chooses: so that one seed gives one reply, whatever runs beside it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnxruntime_genai as og

from data.errors import IntegrityError, UsageError
from export.adapter_shelf import KEPT, AdapterShelf
from export.decoders import DecoderCard, DecoderFolder, open_decoder
from export.sampling import Chooser, Sampling
from export.sealed import REMEDY

Ending = Literal["stop", "length", "time", "cancelled"]
"""Why a reply ends: the model ended it; it is as long as it may be; its time is over; nobody waits for it any more."""
Clock = Callable[[], float]

CHUNK = 64
"""Tokens of a context that are read at once. Between two chunks is looked whether anybody still waits."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Wish:
    """What a reply is written to and how: the context as token ids, an adapter's sealed folder, ids that end a reply
    besides those of the decoder. `cancelled` is asked before each token, so it must be quick."""

    ids: Sequence[int]
    sampling: Sampling = field(default_factory=Sampling)
    adapter: Path | None = None
    stop: Collection[int] = ()
    cancelled: Callable[[], bool] = _never


@dataclass(slots=True)
class Told:
    """What the steps of a reply tell of it."""

    ending: Ending | None = None


class Generation(Iterator[int]):
    """The tokens of one reply, each computed when it is asked for; the one that ends it is not among them.

    `ending` says why it ended, and is None until it has. To leave it midway, `close` it.
    """

    def __init__(self, steps: Callable[[Told], Generator[int]]) -> None:
        # What the steps tell goes through a third: if they knew this object, both would outlive their last use.
        self._told = Told()
        self._steps = steps(self._told)

    def __next__(self) -> int:
        return next(self._steps)

    @property
    def ending(self) -> Ending | None:
        return self._told.ending

    def close(self) -> None:
        """Ask for no more tokens: memory and adapter are given back at once."""
        self._told.ending = self._told.ending or "cancelled"
        self._steps.close()


class Decoder:
    """One loaded decoder. Thread-safe: any number of replies at once, each with a state of its own."""

    def __init__(
        self, opened: DecoderFolder, threads: int = 1, clock: Clock = time.monotonic, spare: int = KEPT
    ) -> None:
        """Load it with `threads` CPU threads for all replies; so many adapters stay loaded that nobody uses. Raises
        IntegrityError when it cannot be."""
        self.digest = opened.digest
        self.card: DecoderCard = opened.card
        self.folder = opened
        self.size_bytes = opened.size_bytes
        self._clock = clock
        self._model = _load(opened, threads)
        self.adapters = AdapterShelf(self._model, opened.digest, spare)

    @classmethod
    def load(cls, folder: Path, threads: int = 1, *, verify: bool = True, clock: Clock = time.monotonic) -> Decoder:
        """Open and load the decoder in `folder` (see `open_decoder` for `verify` and errors)."""
        return cls(open_decoder(folder, verify=verify), threads, clock)

    def generate(self, wish: Wish) -> Generation:
        """The reply to `wish`, step by step. Raises UsageError when its context leaves no room for a reply.

        The adapter is opened with the first token: what is wrong with it is raised there.
        """
        self._check(wish.ids)
        if len(wish.ids) >= self.card.context:
            raise UsageError(
                f"The context has {len(wish.ids)} tokens, and this model reads {self.card.context}, reply included.",
                remedy="Leave out the oldest turns.",
            )
        return Generation(lambda told: self._steps(wish, told))

    def log_likelihood(self, ids: Sequence[int], from_position: int, adapter: Path | None = None) -> float:
        """The sum of the natural logarithms of the probabilities of `ids[from_position:]`, each after all before it.

        Raises UsageError when the model cannot read as many tokens, ValueError when nothing stands before the first.
        """
        self._check(ids)
        if not 1 <= from_position < len(ids):
            raise ValueError(f"there are no tokens to score from {from_position} on, of {len(ids)}")
        if len(ids) > self.card.context:
            raise UsageError(f"There are {len(ids)} tokens, and this model reads {self.card.context}.")
        total = 0.0
        with self.adapters.using(adapter) as name:
            engine = self._engine(len(ids), name)
            for start in range(0, len(ids) - 1, CHUNK):
                chunk = ids[start : min(start + CHUNK, len(ids) - 1)]
                engine.append_tokens(np.array(chunk, dtype=np.int32))
                first = max(from_position - 1 - start, 0)
                if first < len(chunk):
                    scores = np.asarray(engine.get_output("logits"))[0, first:]
                    total += _log_probability(scores, ids[start + first + 1 : start + len(chunk) + 1])
        return total

    def _steps(self, wish: Wish, told: Told) -> Generator[int]:
        started, stop = self._clock(), {*self.card.stop, *wish.stop}
        limit = min(wish.sampling.max_tokens, self.card.context - len(wish.ids))
        choose = Chooser(wish.sampling, wish.ids)

        def interrupted() -> bool:
            if wish.cancelled():
                told.ending = "cancelled"
            elif self._clock() - started >= wish.sampling.seconds:
                told.ending = "time"
            return told.ending is not None

        with self.adapters.using(wish.adapter) as name:
            engine = self._engine(len(wish.ids) + limit, name)
            for start in range(0, len(wish.ids), CHUNK):
                if interrupted():
                    return
                engine.append_tokens(np.array(wish.ids[start : start + CHUNK], dtype=np.int32))
            token: int | None = None
            for _ in range(limit):
                if interrupted():
                    return
                if token is not None:
                    engine.append_tokens(np.array([token], dtype=np.int32))
                token = choose(np.asarray(engine.get_logits())[0, -1])
                if token in stop:
                    told.ending = "stop"
                    return
                yield token
        told.ending = "length"

    def _engine(self, length: int, adapter: str | None) -> og.Generator:
        """The state of one reading of at most `length` tokens. Memory for that many is taken at once."""
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=length, batch_size=1)
        engine = og.Generator(self._model, params)
        if adapter is not None:
            engine.set_active_adapter(self.adapters.engine, adapter)
        return engine

    def _check(self, ids: Sequence[int]) -> None:
        if not ids or not all(0 <= one < self.card.vocabulary for one in (min(ids), max(ids))):
            raise ValueError(f"a context is made of tokens from 0 to {self.card.vocabulary - 1}, one at least")


def _load(opened: DecoderFolder, threads: int) -> og.Model:
    options = {
        "intra_op_num_threads": threads,
        "inter_op_num_threads": 1,
        # Idle threads must not burn the cores that other replies need.
        "session.intra_op.allow_spinning": "0",
        "log_severity_level": 4,
    }
    try:
        config = og.Config(str(opened.folder))
        config.overlay(json.dumps({"model": {"decoder": {"session_options": options}}}))
        return og.Model(config)
    except Exception as error:  # the engine raises its own kinds, all of which mean: no such graph can be run
        raise IntegrityError(
            f"The graph of this decoder cannot be loaded ({type(error).__name__}).", remedy=REMEDY
        ) from None


def _log_probability(scores: npt.NDArray[np.float32], following: Sequence[int]) -> float:
    """Of `following`, by `scores` [positions, vocabulary]: row i says what comes where its token i does."""
    wide = scores.astype(np.float64)
    top = wide.max(axis=-1)
    whole = top + np.log(np.exp(wide - top[:, None]).sum(axis=-1))
    return float((wide[np.arange(len(following)), list(following)] - whole).sum())
