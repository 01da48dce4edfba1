"""What the Lightning core asks of a task: parameters, a loss for a batch, a measure of validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import nn

from export.onnx import AnyEncoder
from trainer.recipes import LayeredRecipe, Recipe

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
        """AdamW groups: weight decay on matrices only, a rate of its own for everything above the encoder. Where the
        recipe has a `layer_decay`, each layer learns at that share of the rate of the one above it (Howard & Ruder
        2018, "Universal Language Model Fine-tuning for Text Classification")."""
        inside = {id(parameter) for parameter in self.encoder.parameters()}
        head = [p for p in self.parameters() if p.requires_grad and id(p) not in inside]
        groups = []
        for below, body in _storeys(self.encoder, recipe.layer_decay if isinstance(recipe, LayeredRecipe) else 1.0):
            groups += grouped(body, recipe.learning_rate * below, recipe.weight_decay)
        on_top = {"params": head, "lr": recipe.head_learning_rate, "weight_decay": 0.0}
        return [*groups, *([on_top] if head else [])]


def _storeys(encoder: AnyEncoder, decay: float) -> Iterator[tuple[float, list[nn.Parameter]]]:
    """(share of the rate, what learns at it), lowest first: what the lowest layer reads, each layer, and with the top
    one what comes after it."""
    learning = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
    stack = _layer_stack(encoder.transformer)
    if decay == 1 or not stack:
        yield 1.0, learning
        return
    height = {id(p): at for at, layer in enumerate(stack, start=1) for p in layer.parameters()}
    height |= dict.fromkeys(_feeding(encoder, stack[0], [p for p in learning if id(p) not in height]), 0)
    for at in range(len(stack) + 1):
        yield decay ** (len(stack) - at), [p for p in learning if height.get(id(p), len(stack)) == at]


def _freeze(encoder: AnyEncoder, layers: int) -> list[nn.Module]:
    """Fix the lowest `layers` layers and all that they read, the embeddings first; returns what was fixed. 0 fixes
    nothing."""
    stack = _layer_stack(encoder.transformer)
    if layers == 0 or not stack:
        return []
    inside = {id(p) for layer in stack for p in layer.parameters()}
    outside = [p for p in encoder.parameters() if p.requires_grad and id(p) not in inside]
    read = _feeding(encoder, stack[:layers][-1], outside)
    fixed = [*stack[:layers], *_outside(encoder.transformer, inside, read)]
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


def _feeding(encoder: AnyEncoder, layer: nn.Module, outside: Sequence[nn.Parameter]) -> set[int]:
    """The ids of those of `outside` that what `layer` makes of a text depends on: the embeddings, and what some
    architectures share between their layers, such as DeBERTa's relative positions; not a norm that comes after."""
    made: list[torch.Tensor] = []

    def keep(_module: nn.Module, _given: Any, out: Any) -> None:
        made.append(out if isinstance(out, torch.Tensor) else out[0])

    modes = [(module, module.training) for module in encoder.modules()]
    hook = layer.register_forward_hook(keep)
    try:
        ids = torch.ones((1, 2), dtype=torch.int64, device=next(encoder.parameters()).device)
        with torch.enable_grad():
            encoder.eval()(ids, torch.ones_like(ids))
            asked = outside if made[0].requires_grad else []
            found = torch.autograd.grad(made[0].sum(), asked, allow_unused=True) if asked else ()
    finally:
        hook.remove()
        for module, mode in modes:
            module.training = mode
    return {id(parameter) for parameter, gradient in zip(asked, found, strict=True) if gradient is not None}


def _outside(module: nn.Module, inside: set[int], read: set[int]) -> Iterator[nn.Module]:
    """The modules beside the stack of layers, whose parameters are `inside`, that hold nothing but what is `read`."""
    for child in module.children():
        own = [id(parameter) for parameter in child.parameters()]
        if all(one in read for one in own):
            yield child
        elif not all(one in inside for one in own):
            yield from _outside(child, inside, read)
