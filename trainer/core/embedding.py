"""Embedding many texts with a torch encoder: sorted by length, in batches, in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from data.render import Rendered, Renderer
from export.ngrams import Ngrams
from export.onnx import PooledEncoder

BATCH = 64

Embedder = PooledEncoder | Ngrams
"""What makes one vector of a text: a network, or the n-grams of a language that no network here knows."""
Check = Callable[[], None]
"""Called now and then by what takes long; raises where it is to stop."""


def embed_texts(
    encoder: Embedder, renderer: Renderer, texts: Sequence[str], check: Check | None = None
) -> npt.NDArray[np.float32]:
    """`embed` of utterances, each by itself."""
    return embed(encoder, renderer, renderer.utterances(texts), check)


def embed(
    encoder: Embedder,
    renderer: Renderer,
    rendered: Sequence[Rendered],
    check: Check | None = None,
) -> npt.NDArray[np.float32]:
    """Unit vectors [n, hidden] of `rendered`, in the order given. `check` is called between batches and may raise."""
    order = sorted(range(len(rendered)), key=lambda row: len(rendered[row]))
    vectors: npt.NDArray[np.float32] | None = None
    if isinstance(encoder, Ngrams):
        return encoder.embed(rendered)
    encoder.eval()
    device = next((parameter.device for parameter in encoder.parameters()), torch.device("cpu"))
    with torch.inference_mode():
        for at in range(0, len(order), BATCH):
            if check is not None:
                check()
            rows = order[at : at + BATCH]
            ids, mask = map(torch.from_numpy, renderer.pad([rendered[row] for row in rows]))
            found = encoder(ids.to(device), mask.to(device)).float().cpu().numpy()
            if vectors is None:
                vectors = np.empty((len(rendered), found.shape[1]), dtype=np.float32)
            vectors[rows] = found
    if vectors is None:
        hidden = int(encoder.transformer.config.hidden_size)  # type: ignore[union-attr, arg-type]
        return np.empty((0, hidden), dtype=np.float32)
    return vectors
