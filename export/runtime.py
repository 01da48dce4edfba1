"""onnxruntime sessions: token ids in, vectors out, one a text or one a token. Knows no text.

A text's vectors do not depend on its neighbours in a batch. In fp32 that holds to about 1e-6; dynamic int8 takes
its activation scale from the whole batch, padding included, so an int8 graph is fed one text at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from data.errors import IntegrityError
from data.render import Rendered, Renderer
from export.encoders import EncoderCard, EncoderFolder, encoder_path, open_encoder
from export.sealed import REMEDY
from export.sharing import SharedModels

Ids = npt.NDArray[np.int64]
Embeddings = npt.NDArray[np.float32]
Run = Callable[[Ids, Ids], Embeddings]
"""(input_ids, attention_mask), both [batch, sequence], to embeddings [batch, hidden]."""

INPUTS = ("input_ids", "attention_mask")
OUTPUT = "embedding"
BATCH = 32
SLOW_FUSIONS = ("SkipLayerNormFusion",)
"""What onnxruntime would put together and then compute more slowly: an addition and a normalisation, in one loop that
does not vectorise. Figures: docs/benchmarks.md."""


def embed_in_batches(run: Run, rendered: Sequence[Rendered], hidden: int, batch: int = BATCH) -> Embeddings:
    """Embed any number of texts, in the order given: [n, hidden]. Texts of like length share a batch, to pad little."""
    vectors = np.zeros((len(rendered), hidden), dtype=np.float32)
    order = sorted(range(len(rendered)), key=lambda row: len(rendered[row]))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        vectors[rows] = run(*_pad([rendered[row] for row in rows]))
    return vectors


def states_in_batches(run: Run, rendered: Sequence[Rendered], batch: int = BATCH) -> list[Embeddings]:
    """The states [tokens, hidden] of any number of texts, in the order given; padding is cut off."""
    states: list[Embeddings] = [np.empty((0, 0), dtype=np.float32)] * len(rendered)
    order = sorted(range(len(rendered)), key=lambda row: len(rendered[row]))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        found = run(*_pad([rendered[row] for row in rows]))
        for row, own in zip(rows, found, strict=True):
            states[row] = own[: len(rendered[row])]
    return states


class Encoder:
    """One loaded encoder. Thread-safe: sessions may be run from many threads at once."""

    def __init__(self, opened: EncoderFolder, threads: int = 1) -> None:
        """Load the graph with `threads` CPU threads for one inference. Raises IntegrityError when it is no encoder."""
        self.digest = opened.digest
        self.card: EncoderCard = opened.card
        self.tokenizer: Path = opened.tokenizer
        self.size_bytes = opened.size_bytes
        self._session = open_session(opened.graph, threads, what="encoder")
        names = tuple(sorted(node.name for node in self._session.get_inputs()))
        shape = [node.shape for node in self._session.get_outputs() if node.name == self.card.output]
        if names != tuple(sorted(INPUTS)) or len(shape) != 1 or shape[0][-1] != self.card.hidden:
            raise IntegrityError("The graph of this encoder has not the inputs and output it should.", remedy=REMEDY)

    @classmethod
    def load(cls, folder: Path, threads: int = 1, *, verify: bool = True) -> Encoder:
        """Open and load the encoder in `folder` (see `open_encoder` for `verify` and errors)."""
        opened = open_encoder(folder, verify=verify)
        if opened.card.kind == "ngrams":
            from export.ngrams import NgramEncoder  # which is built on this module

            return NgramEncoder(opened, threads)
        return cls(opened, threads)

    def renderer(self) -> Renderer:
        """What turns text into the ids that this encoder reads: one for all releases that share the encoder, since a
        tokenizer takes more memory than a head."""
        return self._renderer

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer.from_file(self.tokenizer, self.card.max_length)

    def run(self, input_ids: Ids, attention_mask: Ids) -> Embeddings:
        """One pass: int64 [batch, sequence] twice, to unit vectors float32 [batch, hidden]; an encoder of tokens gives
        their states, [batch, sequence, hidden]."""
        if input_ids.shape[0] == 0:
            return np.zeros((0, self.card.hidden), dtype=np.float32)
        feeds = dict(zip(INPUTS, (input_ids, attention_mask), strict=True))
        (vectors,) = self._session.run([self.card.output], feeds)
        return np.asarray(vectors, dtype=np.float32)

    def embed(self, rendered: Sequence[Rendered]) -> Embeddings:
        """Embeddings [n, hidden] of any number of rendered texts, in their order."""
        return embed_in_batches(self.run, rendered, self.card.hidden, self._batch)

    def states(self, rendered: Sequence[Rendered]) -> list[Embeddings]:
        """The states [tokens, hidden] of any number of rendered texts, by an encoder of tokens."""
        return states_in_batches(self.run, rendered, self._batch)

    @property
    def _batch(self) -> int:
        return 1 if self.card.precision == "int8" else BATCH


class EncoderPool(SharedModels[Encoder]):
    """Loaded encoders shared by digest."""

    def __init__(self, encoders: Path, threads: int = 1) -> None:
        super().__init__(lambda digest: Encoder.load(encoder_path(encoders, digest), threads))


def _pad(batch: Sequence[Rendered]) -> tuple[Ids, Ids]:
    """(ids, mask). What stands under the mask's zeros is never looked at, so any id pads."""
    longest = max(len(rendered) for rendered in batch)
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    mask = np.zeros((len(batch), longest), dtype=np.int64)
    for row, rendered in enumerate(batch):
        ids[row, : len(rendered)] = rendered.ids
        mask[row, : len(rendered)] = 1
    return ids, mask


def open_session(graph: Path, threads: int, *, what: str) -> ort.InferenceSession:
    """The graph of a `what`, ready to be run. Raises IntegrityError when it cannot be loaded."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Patterns are remembered per shape, and every utterance has its own length: they would only ever grow.
    options.enable_mem_pattern = False
    # Idle threads must not burn the cores that other sessions need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"], disabled_optimizers=list(SLOW_FUSIONS)
        )
    except Exception as error:  # onnxruntime raises its own kinds, all of which mean: no such graph can be run
        raise IntegrityError(
            f"The graph of this {what} cannot be loaded ({type(error).__name__}).", remedy=REMEDY
        ) from None
