"""A trained encoder behind a channel, so that it can be asked as an exported one is. Write side: imports torch."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from data.render import Rendered, Renderer
from export.entities import TokenChannel
from export.ngrams import Ngrams
from export.onnx import AnyEncoder, PooledEncoder, TokenEncoder
from export.predict import Channel
from export.runtime import Embeddings, Ids, Run, embed_in_batches, states_in_batches


def torch_channel(encoder: PooledEncoder | Ngrams, renderer: Renderer) -> Channel:
    """One vector a text, as training ended. Each text is read once, however often comparisons ask for it."""
    if isinstance(encoder, Ngrams):
        return Channel(renderer, encoder.embed)
    run = _frozen(encoder)
    hidden = run(np.ones((1, 2), dtype=np.int64), np.ones((1, 2), dtype=np.int64)).shape[1]

    known: dict[tuple[int, ...], Embeddings] = {}

    def embed(rendered: Sequence[Rendered]) -> Embeddings:
        new = [text for ids, text in {text.ids: text for text in rendered}.items() if ids not in known]
        known.update(zip((text.ids for text in new), embed_in_batches(run, new, hidden), strict=True))
        return np.array([known[text.ids] for text in rendered], dtype=np.float32).reshape(len(rendered), hidden)

    return Channel(renderer, embed)


def torch_tokens(encoder: TokenEncoder, renderer: Renderer) -> TokenChannel:
    """The state of each token, as training ended."""
    run = _frozen(encoder)

    def states(rendered: Sequence[Rendered]) -> Sequence[Embeddings]:
        return states_in_batches(run, rendered)

    return TokenChannel(renderer, states)


def _frozen(encoder: AnyEncoder) -> Run:
    """The encoder evaluated in float32 on the CPU, without touching the module itself."""
    frozen = copy.deepcopy(encoder).cpu().float().eval()

    def run(input_ids: Ids, attention_mask: Ids) -> Embeddings:
        with torch.inference_mode():
            found: Embeddings = frozen(torch.from_numpy(input_ids), torch.from_numpy(attention_mask)).numpy()
        return found

    return run
