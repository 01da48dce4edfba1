"""What the frozen layers make of each text of a fit, computed once.

Layers that keep the base's weights are a fixed function, without dropout: in every epoch they make the same of the same
text. So what comes out of them is kept, and a step begins above them: with three of the default base's six layers
frozen, half of every forward pass is saved.

What is kept is made before the first step, of all texts, in one order: a fit that was killed and taken up again sees
the same numbers as one that was not. The model is not rebuilt: for as long as the fit lasts its lower layers hand on
what they are given, and weights, names and checkpoints stay what they are. Where that cannot be shown to make no
difference, as with an architecture that works otherwise, nothing is kept and every layer computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn

from data.render import Padder, Rendered
from trainer.tasks.task import EncoderTask, Task

MOST_BYTES = 256 << 20
"""Kept at most; of more texts, the longer ones are computed at every step."""
BATCH = 64
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""How far a vector of the encoder may lie from what all layers together make of it, by their precision."""

Autocast = Callable[[], AbstractContextManager[Any]]


@contextmanager
def kept_below(
    task: Task, texts: Sequence[Rendered], renderer: Padder, autocast: Autocast = nullcontext
) -> Iterator[bool]:
    """Let the frozen layers of `task` compute what they make of `texts` once; yields whether they do. A step computes
    under `autocast`."""
    fixed = _Fixed.of(task)
    if fixed is None or not texts or any(parameter.device.type != "cpu" for parameter in task.parameters()):
        yield False
        return
    training = task.training
    try:
        with torch.no_grad(), autocast():
            task.eval()
            sample = fixed.learn(texts, renderer)
            sound = fixed.is_sound(sample)
        task.train(training)
        if not sound:
            fixed.forget()
        yield sound
    finally:
        fixed.forget()


class _Fixed:
    """The frozen layers of one encoder, and what they made of texts, by their token ids."""

    def __init__(self, encoder: nn.Module, embeddings: nn.Module, layers: Sequence[nn.Module]) -> None:
        self._encoder, self._embeddings, self._layers = encoder, embeddings, layers
        self._made: dict[bytes, torch.Tensor] = {}
        self._batch: torch.Tensor | None = None
        self._listening: Any = None

    @classmethod
    def of(cls, task: Task) -> _Fixed | None:
        """None for a task without an encoder, where no layer is frozen, or the embeddings are not to be found."""
        if not isinstance(task, EncoderTask):
            return None
        embeddings = getattr(task.encoder.transformer, "embeddings", None)
        layers = task.frozen_layers()
        return cls(task.encoder, embeddings, layers) if layers and isinstance(embeddings, nn.Module) else None

    def learn(self, texts: Sequence[Rendered], renderer: Padder) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute what is kept, shortest texts first; returns the ids and mask of the first batch."""
        distinct = {text.ids: text for text in texts}
        ordered = sorted(distinct.values(), key=lambda text: (len(text.ids), text.ids))
        first, size = _padded(ordered[:BATCH], renderer), 0
        for at in range(0, len(ordered), BATCH):
            ids, mask = _padded(ordered[at : at + BATCH], renderer)
            made = self._below(ids, mask)
            if made is None or (size := size + made.nbytes) > MOST_BYTES:
                break
            for key, length, states in zip(_keys(ids, mask), mask.sum(dim=1).tolist(), made, strict=True):
                self._made[key] = states[:length].clone()
        return first

    def _below(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor | None:
        """What the last frozen layer hands on, [batch, sequence, hidden]; None where that is something else."""

        def stop(_module: nn.Module, _given: Any, made: Any) -> None:
            raise _Enough(made)

        hook = self._layers[-1].register_forward_hook(stop)
        try:
            self._encoder(ids, mask)
        except _Enough as enough:
            made = enough.made
            return made if isinstance(made, torch.Tensor) and made.shape[:-1] == ids.shape else None
        finally:
            hook.remove()
        return None

    def is_sound(self, sample: tuple[torch.Tensor, torch.Tensor]) -> bool:
        """Whether the encoder says the same of `sample` with what was kept as without; from here on it uses it."""
        if not self._made:
            return False
        plain = self._encoder(*sample)
        self._listen()
        try:
            kept = self._encoder(*sample)
        except (RuntimeError, TypeError, ValueError):  # something between embeddings and layers wanted its own input
            return False
        used = self._batch is not None
        real = sample[1].bool() if plain.dim() == 3 else ...
        exact = torch.float32 if not torch.is_autocast_enabled("cpu") else torch.bfloat16
        return used and bool((plain - kept)[real].abs().max() <= TOLERANCE[exact])

    def forget(self) -> None:
        """All layers compute again."""
        if self._listening is not None:
            self._listening.remove()
            for module in (self._embeddings, *self._layers):
                del module.forward
        self._listening, self._batch = None, None
        self._made.clear()

    def _listen(self) -> None:
        self._listening = self._encoder.register_forward_pre_hook(self._look_up)
        self._embeddings.forward = partial(self._begin, self._embeddings.forward)
        for layer in self._layers:
            layer.forward = partial(self._hand_on, layer.forward)

    def _look_up(self, _encoder: nn.Module, given: tuple[torch.Tensor, torch.Tensor]) -> None:
        ids, mask = given
        found = [self._made.get(key) for key in _keys(ids, mask)]
        known = [states for states in found if states is not None]
        self._batch = None
        if len(known) == len(found):
            self._batch = known[0].new_zeros((*ids.shape, known[0].shape[-1]))
            for row, states in enumerate(known):
                self._batch[row, : len(states)] = states

    def _begin(self, compute: Callable[..., Any], *given: Any, **named: Any) -> Any:
        return compute(*given, **named) if self._batch is None else self._batch

    def _hand_on(self, compute: Callable[..., Any], states: torch.Tensor, *given: Any, **named: Any) -> Any:
        return compute(states, *given, **named) if self._batch is None else states


class _Enough(Exception):
    """What lies above need not be computed."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made


def _padded(texts: Sequence[Rendered], renderer: Padder) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask = renderer.pad(texts)
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _keys(ids: torch.Tensor, mask: torch.Tensor) -> list[bytes]:
    lengths = mask.sum(dim=1).tolist()
    return [row[:length].tobytes() for row, length in zip(ids.numpy(), lengths, strict=True)]
