"""What frozen layers make is computed once and changes nothing, with any kind of encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from data.render import Rendered, Renderer
from export.onnx import PooledEncoder
from tests.architectures import HIDDEN, KINDS, random_model
from trainer.bases.catalogue import LocalBase
from trainer.core import fixed_layers
from trainer.core.fixed_layers import kept_below
from trainer.recipes import IntentRecipe
from trainer.tasks.intent import IntentTask


@pytest.fixture
def renderer(tiny: LocalBase) -> Renderer:
    return tiny.renderer(16)


@pytest.fixture
def texts(renderer: Renderer, said: Callable[..., Any]) -> list[Rendered]:
    return renderer.utterances(said(6, ("refund", "delivery")).texts)


def task_of(transformer: Any, frozen: int = 1) -> IntentTask:
    recipe = IntentRecipe(name="t", method="top", frozen_layers=frozen, dropout=0.0)
    weight = np.random.default_rng(0).standard_normal((2, HIDDEN)).astype(np.float32)
    return IntentTask(PooledEncoder(transformer), recipe, weight, np.zeros(2, dtype=np.float32)).train()


def batch(renderer: Renderer, texts: list[Rendered]) -> tuple[torch.Tensor, ...]:
    ids, mask = map(torch.from_numpy, renderer.pad(texts))
    return ids, mask, torch.arange(len(texts)) % 2, torch.ones(len(texts))


def learned(task: IntentTask, given: tuple[torch.Tensor, ...]) -> tuple[float, list[torch.Tensor]]:
    """The loss, and what every parameter that moves would move by."""
    task.zero_grad()
    loss = task.loss(given)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), [p.grad.clone() for p in task.parameters() if p.grad is not None]


def calls(module: torch.nn.Module) -> list[int]:
    counted: list[int] = []
    module.register_forward_hook(lambda _module, _given, made: counted.append(made.shape[0]))
    return counted


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "roberta, with a head"])
def test_a_step_is_the_same_with_every_kind_of_encoder(kind: str, renderer: Renderer, texts: list[Rendered]) -> None:
    task = task_of(random_model(kind, 200, 64, 3))
    names, given = list(task.state_dict()), batch(renderer, texts[:5])
    loss, gradients = learned(task, given)
    with kept_below(task, texts, renderer) as keeps:
        again, others = learned(task, given)
        assert list(task.state_dict()) == names
    if kind in ("bert", "roberta", "xlm-roberta"):  # the others may compute, as long as they say the same
        assert keeps
    assert again == pytest.approx(loss, abs=1e-4)
    assert len(others) == len(gradients)
    for one, other in zip(gradients, others, strict=True):
        torch.testing.assert_close(other, one, atol=1e-3, rtol=1e-3)


def test_the_frozen_layers_read_each_text_once(tiny: LocalBase, renderer: Renderer, texts: list[Rendered]) -> None:
    task = task_of(tiny.encoder().transformer)
    with kept_below(task, texts, renderer) as keeps:
        counted = calls(task.encoder.transformer.get_submodule("embeddings").word_embeddings)
        for _ in range(3):
            learned(task, batch(renderer, texts[:4]))
        task.eval()
        with torch.inference_mode():
            task.validate([batch(renderer, texts[4:])])
    assert keeps
    assert counted == []


def test_a_text_that_was_not_announced_is_computed(tiny: LocalBase, renderer: Renderer, texts: list[Rendered]) -> None:
    task = task_of(tiny.encoder().transformer)
    strange = [texts[0], *renderer.utterances(["a song about the weather"])]
    alone, together = learned(task, batch(renderer, strange)), learned(task, batch(renderer, texts))
    with kept_below(task, texts, renderer):
        found = learned(task, batch(renderer, strange)), learned(task, batch(renderer, texts))
    assert [loss for loss, _ in found] == pytest.approx([alone[0], together[0]], abs=1e-5)


def test_afterwards_all_layers_compute_again(tiny: LocalBase, renderer: Renderer, texts: list[Rendered]) -> None:
    task = task_of(tiny.encoder().transformer)
    plain = learned(task, batch(renderer, texts))[0]
    with pytest.raises(KeyError), kept_below(task, texts, renderer):
        raise KeyError
    assert task.training
    assert not any("forward" in vars(module) for module in task.modules())
    with torch.no_grad():
        task.encoder.transformer.get_submodule("embeddings").word_embeddings.weight.mul_(-2)
    assert learned(task, batch(renderer, texts))[0] != pytest.approx(plain, abs=1e-4)


def test_where_nothing_is_frozen_or_fits_nothing_is_kept(
    tiny: LocalBase, renderer: Renderer, texts: list[Rendered], monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept_below(task_of(tiny.encoder().transformer, frozen=0), texts, renderer) as keeps:
        assert not keeps
    with kept_below(task_of(tiny.encoder().transformer), [], renderer) as keeps:
        assert not keeps
    monkeypatch.setattr(fixed_layers, "MOST_BYTES", 100)
    task = task_of(tiny.encoder().transformer)
    plain = learned(task, batch(renderer, texts))[0]
    with kept_below(task, texts, renderer) as keeps:
        assert not keeps
        assert learned(task, batch(renderer, texts))[0] == pytest.approx(plain, abs=1e-6)


def test_of_too_many_texts_the_shorter_ones_are_kept(
    tiny: LocalBase, renderer: Renderer, texts: list[Rendered], monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered = sorted(texts, key=lambda text: (len(text.ids), text.ids))
    monkeypatch.setattr(fixed_layers, "BATCH", 4)
    monkeypatch.setattr(fixed_layers, "MOST_BYTES", 4 * len(ordered[3].ids) * HIDDEN * 4)
    task = task_of(tiny.encoder().transformer)
    with kept_below(task, texts, renderer) as keeps:
        counted = calls(task.encoder.transformer.get_submodule("embeddings").word_embeddings)
        learned(task, batch(renderer, ordered[:4]))
        assert counted == []
        learned(task, batch(renderer, ordered[2:6]))
        assert counted == [4]
    assert keeps
