"""A trained encoder behind a channel, so that it can be asked as an exported one is. Write side: imports torch."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from data.render import Rendered, Renderer
from export.ngrams import Ngrams
from export.onnx import PooledEncoder
from export.predict import Channel
from export.runtime import Embeddings, Ids, embed_in_batches


def torch_channel(encoder: PooledEncoder | Ngrams, renderer: Renderer) -> Channel:
    """The trained encoder as a channel: evaluated in float32 on the CPU, without touching the module itself."""
    if isinstance(encoder, Ngrams):
        return Channel(renderer, encoder.embed)
    frozen = copy.deepcopy(encoder).cpu().float().eval()

    def run(input_ids: Ids, attention_mask: Ids) -> Embeddings:
        with torch.inference_mode():
            vectors: Embeddings = frozen(torch.from_numpy(input_ids), torch.from_numpy(attention_mask)).numpy()
        return vectors

    hidden = run(np.ones((1, 2), dtype=np.int64), np.ones((1, 2), dtype=np.int64)).shape[1]

    def embed(rendered: Sequence[Rendered]) -> Embeddings:
        return embed_in_batches(run, rendered, hidden)

    return Channel(renderer, embed)
