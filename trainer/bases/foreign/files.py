"""What is taken from a foreign model folder: known names, plain files of bounded size, copied into a folder of ours.

Everything that is checked later is checked on the copy, so that nothing can be swapped between a check and its use.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from data.chat_files import CONFIG, GENERATION, TEMPLATE, TOKENIZER, TOKENIZER_CONFIG
from data.errors import BaseRefused, StorageError
from data.files import disk

WEIGHTS, PICKLED = "model.safetensors", "pytorch_model.bin"
CHAT_FILES = (TEMPLATE, TOKENIZER_CONFIG, GENERATION)
"""What a chat model's folder may hold beside."""
CARD = "README.md"
TERMS = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md")
LARGEST = {
    CONFIG: 1 << 20, TOKENIZER: 64 << 20, WEIGHTS: 8 << 30, PICKLED: 8 << 30, CARD: 4 << 20,
    TEMPLATE: 1 << 18, TOKENIZER_CONFIG: 4 << 20, GENERATION: 1 << 16,
}  # fmt: skip
"""Bytes that a file of each name may have."""
LARGEST_TERMS = 1 << 20
PIECE = 1 << 20
MOST_NAMED = 20
"""Files that are named among those that were left behind."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The names that were copied, and those that stand in the folder and were left there."""

    names: tuple[str, ...]
    left: tuple[str, ...]


def take_terms(source: Path, into: Path) -> None:
    """Copy what says on which terms the model may be used. Raises BaseRefused."""
    for name in (CARD, *TERMS):
        if os.path.lexists(_folder(source) / name):
            _copy(source, name, into)


def take_config(source: Path, into: Path) -> None:
    """Copy what says which kind of model it is. Raises BaseRefused."""
    _needed(_folder(source), CONFIG)
    _copy(source, CONFIG, into)


def take_model(source: Path, into: Path, *, chats: bool) -> Taken:
    """Copy what a model is made of beside its configuration: weights as safetensors, or where there are none the
    pickled ones, to be converted. With `chats` also what says how conversations become its input.

    Raises BaseRefused for what is missing, no plain file, or too large.
    """
    folder = _folder(source)
    _needed(folder, TOKENIZER)
    weights = [name for name in (WEIGHTS, PICKLED) if os.path.lexists(folder / name)]
    if not weights:
        raise BaseRefused(
            f"The folder has neither {WEIGHTS} nor {PICKLED}; weights in several files are not taken.",
            remedy="Save the model with save_pretrained and a max_shard_size above its size.",
        )
    beside = [name for name in CHAT_FILES if chats and os.path.lexists(folder / name)]
    taken = (TOKENIZER, weights[0], *beside)
    for name in taken:
        _copy(source, name, into)
    kept = {CONFIG, *taken, CARD, *TERMS}
    return Taken(taken, tuple(sorted(one.name for one in folder.iterdir() if one.name not in kept))[:MOST_NAMED])


def _needed(folder: Path, name: str) -> None:
    if not os.path.lexists(folder / name):
        raise BaseRefused(
            f"The folder has no {name}.",
            remedy="Save the model with save_pretrained, and its fast tokenizer (AutoTokenizer) beside it.",
        )


def _folder(source: Path) -> Path:
    if source.is_symlink() or not source.is_dir():
        raise BaseRefused(
            "What was named is no folder of its own.", remedy="Name the folder itself, not a link to it or a file."
        )
    return source


def _copy(source: Path, name: str, into: Path) -> None:
    largest = LARGEST.get(name, LARGEST_TERMS)
    with _opened(source / name, name) as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode) or state.st_nlink != 1:
            raise _no_plain_file(name)
        with disk(), (into / name).open("xb") as target:
            copied = 0
            for piece in _pieces(file):
                copied += len(piece)
                if copied > largest:
                    raise BaseRefused(
                        f"{name} is larger than {largest:,} bytes.",
                        remedy="Take a smaller model.",
                    )
                target.write(piece)


def _opened(path: Path, name: str) -> BinaryIO:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:  # neither follows a link, nor waits for a pipe that nobody writes to
        return os.fdopen(os.open(path, flags), "rb", closefd=True)
    except OSError:
        raise _no_plain_file(name) from None


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            piece = file.read(PIECE)
        except OSError as error:
            raise StorageError(f"The folder cannot be read: {error.strerror}.", remedy="Check its disk.") from None
        if not piece:
            return
        yield piece


def _no_plain_file(name: str) -> BaseRefused:
    return BaseRefused(
        f"{name} is no plain file that belongs to the folder alone: a link, a pipe or a folder.",
        remedy="Copy the folder with `cp -rL`, look at what came, and import the copy.",
    )
