"""Arrays and a hash table that outgrow the heap: their pages lie in files, and the system's page cache holds them.

The files have no name: they are gone with the process, however it ends. Their space is reserved when they are made, so
that a full disk is an error then and no signal later. What is small stays on the heap and touches no disk.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data.files import disk, make_folder

Words = npt.NDArray[np.uint64]

HEAP_BYTES = 1 << 22
"""An array of at most so many bytes needs no file."""
_FEWEST = 1 << 12
_CHUNK = 1 << 18


class Space:
    """Where arrays are made: files in `folder`, or in the system's folder for such files when there is none."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def zeros(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """A fresh array of zeros. Raises StorageFull or StorageError when there is no room for its file."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size <= HEAP_BYTES:
            return np.zeros(shape, dtype)
        with disk():
            if self._folder is not None:
                make_folder(self._folder)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                _reserve(file.fileno(), size)
                pages = mmap.mmap(file.fileno(), size)
        return np.frombuffer(pages, dtype).reshape(shape)

    def grown(self, old: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
        """An array of `rows` rows that begins with those of `old`."""
        new = self.zeros((rows, *old.shape[1:]), old.dtype)
        new[: len(old)] = old
        return new


def _reserve(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)


class Table:
    """A set of 64-bit words in which a word is found by its high bits; the low `value_bits` say something about it.

    High bits are taken as they are to find a word's place: they must be hashes.
    """

    def __init__(self, space: Space, value_bits: int = 0) -> None:
        self._space = space
        self._value = np.uint64(value_bits)
        self._words: Words = space.zeros((_FEWEST,), np.uint64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, keys: Words) -> Words:
        """For each key the word with its high bits; 0 where there is none."""
        return self._words[self._places(keys)]

    def put(self, words: Words) -> None:
        """Keep these words, each in place of the one with its high bits. None is 0; no two share their high bits."""
        while 4 * (self._count + len(words)) > 3 * len(self._words):
            self._grow()
        while len(words):
            places = self._places(words)
            _, first = np.unique(places, return_index=True)  # two new words may want the same empty place
            chosen = places[first]
            self._count += int(np.count_nonzero(self._words[chosen] == 0))
            self._words[chosen] = words[first]
            words = np.delete(words, first)

    def _places(self, keys: Words) -> npt.NDArray[np.int64]:
        """Where each key's word is, or the empty place where it would go: linear probing from the highest bits on."""
        last = len(self._words) - 1
        places = (keys >> np.uint64(64 - last.bit_length())).astype(np.int64)
        pending = np.arange(len(keys))
        while len(pending):
            words = self._words[places[pending]]
            passed = (words != 0) & ((words ^ keys[pending]) >> self._value != 0)
            pending = pending[passed]
            places[pending] = (places[pending] + 1) & last
        return places

    def _grow(self) -> None:
        old = self._words
        self._words = self._space.zeros((2 * len(old),), np.uint64)
        self._count = 0
        for start in range(0, len(old), _CHUNK):
            words = old[start : start + _CHUNK]
            self.put(words[words != 0])
