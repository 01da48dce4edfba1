"""A trained encoder behind a channel: as training ended, and each text read once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from data.render import Renderer
from export.predict import Channel
from export.trained import torch_channel
from tests.unit.export.conftest import HIDDEN, Exported

TEXTS = ["where is my order", "thanks", "where is my order", "refund please"]


@pytest.fixture
def renderer(exported: Exported) -> Renderer:
    return Renderer.from_file(exported.tokenizer, 16)


@pytest.fixture
def channel(exported: Exported, renderer: Renderer) -> Channel:
    return torch_channel(exported.torch_encoder, renderer)


def test_a_text_has_the_vector_the_encoder_makes_of_it(
    exported: Exported, renderer: Renderer, channel: Channel
) -> None:
    found = channel.read(TEXTS)
    assert (found.dtype, found.shape) == (np.float32, (4, HIDDEN))
    for text, vector in zip(TEXTS, found, strict=True):
        ids, mask = map(torch.from_numpy, renderer.pad(renderer.utterances([text])))
        with torch.inference_mode():
            np.testing.assert_allclose(vector, exported.torch_encoder(ids, mask)[0].numpy(), atol=1e-6)


def test_each_text_is_read_once(exported: Exported, renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(self: object, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        read.append(len(input_ids))
        return forward(self, input_ids, attention_mask)

    kind = type(exported.torch_encoder)
    forward = kind.forward
    monkeypatch.setattr(kind, "forward", counted)
    channel = torch_channel(exported.torch_encoder, renderer)
    read.clear()
    first = channel.read(TEXTS)
    again = channel.read([*reversed(TEXTS), "hello number"])
    assert sum(read) == 4
    np.testing.assert_array_equal(again[:4], first[::-1])


def test_what_is_learned_later_does_not_reach_it(exported: Exported, renderer: Renderer) -> None:
    encoder = type(exported.torch_encoder)(torch.nn.Module())
    encoder.transformer = exported.torch_encoder.transformer
    channel = torch_channel(encoder, renderer)
    before = channel.read(["thanks"])
    weight = next(exported.torch_encoder.parameters())
    kept = weight.detach().clone()
    try:
        with torch.no_grad():
            weight.mul_(3)
        np.testing.assert_array_equal(channel.read(["thanks"]), before)
        assert not np.array_equal(torch_channel(encoder, renderer).read(["thanks"]), before)
    finally:
        with torch.no_grad():
            weight.copy_(kept)


def test_nothing_has_no_vectors(channel: Channel) -> None:
    assert channel.read([]).shape == (0, HIDDEN)
