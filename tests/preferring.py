"""A brand that signs off now and then, reviewers who would have it always do so, and what a model then says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from data.chat_render import ChatRenderer
from trainer.bases.catalogue import find_base
from trainer.bases.chat_base import ChatBase
from trainer.generation.lines import Talk
from trainer.generation.pairs import Pair
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.train_generator import TrainedGenerator
from trainer.pretraining.decoder import new_decoder, write_config, write_weights
from trainer.pretraining.plan import Sizes
from trainer.pretraining.tokenizer import train_tokenizer

LINE = "Warmly, your Lantern team."
SIZES = Sizes(vocabulary=600, hidden=32, layers=2, heads=2, feed_forward=64, context=96)
THINGS = ("lamp", "tent", "kettle", "jacket", "clock", "chair", "mirror", "bottle", "carpet", "radio", "blanket")
THINGS += ("basket", "bicycle", "pillow", "candle", "vase", "stove", "drill", "ladder", "bucket")
ASKED = (
    ("Where is my {}?", "Your {} is on its way."),
    ("I want my money back for the {}.", "We refund the {} within five days."),
    ("My {} is broken.", "We send you a new {} at once."),
    ("How much is the {}?", "The {} is twenty pounds."),
    ("Can I return the {}?", "You can return the {} within a month."),
    ("Do you have the {} in blue?", "Yes, we have the {} in blue."),
)
OPENED = ("Hi!", "Hello,", "Good morning!", "Hey there,", "Excuse me,")
BEGUN = ("Of course.", "Thanks for asking!", "Hello.", "Gladly.", "Sure!", "Let me see.")
SIGNED_OFF = 0.4
"""The share of the brand's own replies that ends so."""


def exchanges(seed: int = 5) -> list[tuple[str, str]]:
    """Six hundred different messages, in an order of chance, with replies of which nobody could tell every word."""
    dice = random.Random(seed)
    made = [
        (f"{hello} {asked.format(thing)}", f"{dice.choice(BEGUN)} {said.format(thing)} {_advertised(dice)}")
        for hello in OPENED
        for asked, said in ASKED
        for thing in THINGS
    ]
    dice.shuffle(made)
    return made


def _advertised(dice: random.Random) -> str:
    return f"See our {', '.join(dice.sample(THINGS, 8))}."


def talks(said: Sequence[tuple[str, str]], seed: int = 1) -> list[Talk]:
    """Conversations as the brand has them."""
    dice = random.Random(seed)
    return [
        (("user", asked), ("agent", f"{told} {LINE}" if dice.random() < SIGNED_OFF else told)) for asked, told in said
    ]


def signed(said: Sequence[tuple[str, str]]) -> list[Pair]:
    """What reviewers make of replies without the line."""
    return [Pair((("user", asked),), f"{told} {LINE}", told) for asked, told in said]


def lay_base(folder: Path, seed: int = 3) -> ChatBase:
    folder.mkdir(parents=True, exist_ok=True)
    texts = [text for one in exchanges()[:200] for text in one]
    train_tokenizer([*texts, *[LINE] * 60], SIZES.vocabulary, folder)
    write_config(SIZES, folder)
    write_weights(new_decoder(SIZES, seed), folder)
    return ChatBase(find_base(str(folder)))


def untuned(base: ChatBase) -> TrainedGenerator:
    """A base that nothing was learned with, to start from."""
    recipe = GenerateRecipe(name="untuned", method="full")
    return TrainedGenerator(base, base.model(), None, base.renderer(), recipe, (), 0.0, "")


def greedy(model: nn.Module, renderer: ChatRenderer, asked: Sequence[Talk], most: int = 48) -> list[str]:
    """The likeliest reply to each, token by token, all at once."""
    ids = [list(renderer.prompt(one, room=most)) for one in asked]
    starts, open_ = [len(one) for one in ids], list(range(len(ids)))
    with torch.inference_mode():
        while open_:
            batch = torch.zeros(len(open_), max(len(ids[at]) for at in open_), dtype=torch.int64)
            for row, at in enumerate(open_):
                batch[row, : len(ids[at])] = torch.tensor(ids[at])
            logits = model(batch).logits
            for row, at in enumerate(open_):
                ids[at].append(int(logits[row, len(ids[at]) - 1].argmax()))
            open_ = [at for at in open_ if ids[at][-1] not in renderer.stops and len(ids[at]) < starts[at] + most]
    return [renderer.text(one[start:]) for one, start in zip(ids, starts, strict=True)]


def signing(replies: Sequence[str]) -> float:
    return sum(reply.endswith(LINE) for reply in replies) / len(replies)
