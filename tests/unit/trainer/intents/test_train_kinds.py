"""An intent model learns over every kind of encoder there is, from files to scores, whatever its parts are called."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from export import confidence
from tests.architectures import HIDDEN, random_model
from trainer.bases.catalogue import find_base
from trainer.core.embedding import embed_texts
from trainer.core.run_folder import RunFolder
from trainer.intents import intent_work
from trainer.intents.train_intent import IntentData, Utterances, train_intent
from trainer.recipes import IntentRecipe

KINDS = ("roberta", "xlm-roberta", "distilbert", "electra", "deberta", "deberta-v2", "mpnet", "modernbert")


def laid(kind: str, tiny_folder: Path, folder: Path) -> Path:
    """A base of this kind that knows the words of the tiny one, as Hugging Face saves it."""
    folder.mkdir()
    shutil.copy(tiny_folder / "tokenizer.json", folder)
    words = len(json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"])
    random_model(kind, words, 40, seed=3).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_of_every_kind_of_encoder_learns_intents(
    kind: str,
    tiny_folder: Path,
    tmp_path: Path,
    said: Callable[..., Any],
    make_run: Callable[..., RunFolder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intent_work, "MOST_BACKGROUND", 30)
    base = find_base(str(laid(kind, tiny_folder, tmp_path / kind)))
    recipe = IntentRecipe(
        name="t",
        method="full",
        folds=0,
        epochs=8,
        patience=8,
        batch_size=8,
        max_length=16,
        learning_rate=3e-3,
        layer_decay=0.8,
        precision="32-true",
        augment="off",
    )
    some, held = said(12), said(4, start=12)
    data = IntentData(Utterances(some.texts, some.labels), Utterances(held.texts, held.labels))
    trained = train_intent(recipe, base, data, make_run(keep=False))
    before = dict(base.encoder().named_parameters())
    assert [name for name, p in trained.encoder.named_parameters() if torch.equal(p, before[name])] == []
    assert trained.history[-1].training_loss < trained.history[0].training_loss
    vectors = embed_texts(trained.encoder, trained.renderer, some.texts)
    assert vectors.shape == (36, HIDDEN)
    best = confidence.score(trained.head, vectors).best
    right = np.mean([trained.head.labels[at] == label for at, label in zip(best, some.labels, strict=True)])
    assert right > 0.7  # by chance a third
