"""A chat base of two small layers with a tokenizer of its own, made the way the default one is."""

from __future__ import annotations

from pathlib import Path

from trainer.pretraining.decoder import new_decoder, write_config, write_weights
from trainer.pretraining.plan import Sizes
from trainer.pretraining.tokenizer import train_tokenizer

SIZES = Sizes(vocabulary=400, hidden=32, layers=2, heads=2, feed_forward=64, context=128)
SAID = (
    ("Where is my order?", "Your parcel is on its way, it will be there tomorrow."),
    ("I want my money back.", "I am sorry! We refund you within five days."),
    ("Do you open on Sunday?", "We are open from 9 to 5, on Sundays too."),
    ("My lamp is broken.", "Oh no. We send you a new lamp at once."),
    ("How much is the blue one?", "The blue one is 20 pounds, the red one 25."),
)


def lay_chat(folder: Path, seed: int = 3) -> Path:
    """Such a base in `folder`, with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    train_tokenizer((text for pair in SAID for text in pair), SIZES.vocabulary, folder)
    write_config(SIZES, folder)
    write_weights(new_decoder(SIZES, seed), folder)
    return folder
