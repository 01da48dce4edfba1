"""What the Lightning core asks of a task: parameters, a loss for a batch, a measure of validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import nn

from export.onnx import AnyEncoder
from trainer.recipes import Recipe

Batch = Any


class Task(nn.Module):
    """A model, and what learning its task asks of it."""

    primary: ClassVar[str]
    """The validation metric that early stopping and the best checkpoint follow; higher is better."""

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """AdamW groups of what learns: weight decay on matrices only."""
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return grouped(learning, recipe.learning_rate, recipe.weight_decay)

    def frozen_layers(self) -> list[nn.Module]:
        """The layers that keep the base's weights, lowest first."""
        return []

    def loss(self, batch: Batch) -> torch.Tensor:
        raise NotImplementedError

    def validate(self, batches: Sequence[Batch]) -> dict[str, float]:
        """`loss` and the primary metric over all validation batches; runs in evaluation mode, without gradients."""
        raise NotImplementedError


def grouped(parameters: Sequence[nn.Parameter], rate: float, decay: float) -> list[dict[str, Any]]:
    """AdamW groups: weight decay on matrices only."""
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "lr": rate, "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "lr": rate, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


class EncoderTask(Task):
    """An encoder with what a task puts on top of it. Lower layers named by the recipe keep the base's weights."""

    def __init__(self, encoder: AnyEncoder, recipe: Recipe) -> None:
        super().__init__()
        self.encoder = encoder
        self._frozen = _freeze(encoder, recipe.frozen_layers)
        self._frozen_layers = min(recipe.frozen_layers, layer_count(encoder))
        for module in encoder.modules():
            if isinstance(module, nn.Dropout):
                module.p = recipe.dropout

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for module in self._frozen:
            module.eval()  # no dropout below: these layers are a fixed function
        return self

    def frozen_layers(self) -> list[nn.Module]:
        """The layers that keep the base's weights, lowest first; with them, so do the embeddings."""
        return _layer_stack(self.encoder.transformer)[: self._frozen_layers]

    def parameter_groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """AdamW groups: weight decay on matrices only, a rate of its own for everything above the encoder."""
        inside = {id(parameter) for parameter in self.encoder.parameters()}
        body = [p for p in self.encoder.parameters() if p.requires_grad]
        head = [p for p in self.parameters() if p.requires_grad and id(p) not in inside]
        groups = grouped(body, recipe.learning_rate, recipe.weight_decay)
        on_top = {"params": head, "lr": recipe.head_learning_rate, "weight_decay": 0.0}
        return [*groups, *([on_top] if head else [])]


def _freeze(encoder: AnyEncoder, layers: int) -> list[nn.Module]:
    """Fix the embeddings and the lowest `layers` layers; returns what was fixed. 0 fixes nothing."""
    if layers == 0:
        return []
    stack = _layer_stack(encoder.transformer)
    inside = {id(p) for layer in stack for p in layer.parameters()}
    fixed = [*stack[:layers], *_outside(encoder.transformer, inside)]
    for module in fixed:
        for parameter in module.parameters():
            parameter.requires_grad = False
    return fixed


def _layer_stack(transformer: nn.Module) -> list[nn.Module]:
    """The transformer's layers, lowest first: its longest list of modules, whatever the architecture calls it."""
    lists = [list(module) for module in transformer.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])


def layer_count(encoder: AnyEncoder) -> int:
    """How many layers a recipe may freeze."""
    return len(_layer_stack(encoder.transformer))


def _outside(transformer: nn.Module, inside: set[int]) -> Iterator[nn.Module]:
    """Children that hold no layer of the stack: the embeddings, in every architecture we know."""
    for child in transformer.children():
        if not any(id(parameter) in inside for parameter in child.parameters()):
            yield child
