"""The same conversation twice, and nearly the same sentence again.

Two conversations are duplicates when their roles, labels and words agree, whatever their ids, case and spacing. Two
utterances are near-duplicates when most of their character trigrams agree (Jaccard similarity of about 0.8), estimated
by MinHash (Broder 1997) in bands (locality-sensitive hashing). Characters, not words, so that Chinese works as well.

Every utterance gets the key of its cluster at once: that of the first utterance it resembles, else its own. Memory is
bounded: beyond `CAPACITY` distinct utterances the oldest are forgotten and a late repeat may open a cluster of its own.
Equal normal forms get equal keys even then, unless the first of them had joined another's cluster.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from data.redact import PLACEHOLDER
from data.schema import Conversation

PERMUTATIONS = 64
BANDS = 16
SIMILAR = 0.8
"""Estimated Jaccard similarity from which two utterances count as near-duplicates."""
CAPACITY = 400_000
MAX_CHARS = 1_000
_SLOTS = 1 << 18
_ROWS = PERMUTATIONS // BANDS
_BATCH_CHARS = 50_000

_NOT_WORD = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_SPACE = re.compile(r"\s+")

Signatures = npt.NDArray[np.uint32]


def normal_form(text: str) -> str:
    """What two messages share that say the same: no case, punctuation, numbers or names of placeholders."""
    if "[" in text:
        text = PLACEHOLDER.sub(r" \1 ", text)
    plain = _DIGITS.sub("0", _NOT_WORD.sub(" ", text.casefold())).strip()
    return plain or _SPACE.sub(" ", text.casefold())


def fingerprint(conversation: Conversation) -> str:
    """SHA-256 over roles, words and labels of the turns; ids, times and customers do not count."""
    digest = hashlib.sha256()
    for turn in conversation.turns:
        words = _SPACE.sub(" ", turn.text.casefold())
        digest.update(f"{turn.role}\x1f{words}\x1f{turn.intent or ''}\x1f{turn.sentiment or ''}\x1e".encode())
    return digest.hexdigest()


def utterance_key(form: str) -> str:
    """The key of the cluster that an utterance of this normal form would found: 16 hexadecimal digits."""
    return hashlib.blake2b(form.encode(), digest_size=8).hexdigest()


class NearIndex:
    """Cluster keys of utterances, assigned in the order they come. The same order gives the same keys."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._count = 0
        self._signatures = np.zeros((min(capacity, 4096), PERMUTATIONS), dtype=np.uint16)
        self._keys: list[str] = []
        self._slots = np.full((BANDS, _SLOTS), -1, dtype=np.int32)
        self._band = np.arange(BANDS)

    def assign(self, texts: Sequence[str]) -> list[str]:
        """One cluster key per text."""
        forms = [normal_form(text) for text in texts]
        return [self._assign(form, low, slots) for form, low, slots in _sketches(forms)]

    def learn(self, texts: Sequence[str], keys: Sequence[str]) -> None:
        """Remember texts whose keys were assigned before, so that new ones can join them."""
        forms = [normal_form(text) for text in texts]
        for (_, low, slots), key in zip(_sketches(forms), keys, strict=True):
            if self._find(low, slots) is None:
                self._remember(key, low, slots)

    def _assign(self, form: str, low: npt.NDArray[np.uint16], slots: npt.NDArray[np.int64]) -> str:
        key = self._find(low, slots)
        if key is None:
            key = utterance_key(form)
            self._remember(key, low, slots)
        return key

    def _find(self, low: npt.NDArray[np.uint16], slots: npt.NDArray[np.int64]) -> str | None:
        """The key of the most similar utterance among those that share a band; the oldest among equals."""
        candidates = sorted({int(place) for place in self._slots[self._band, slots] if place >= 0})
        if not candidates:
            return None
        agreement = (self._signatures[candidates] == low).mean(axis=1)
        best = int(agreement.argmax())
        return self._keys[candidates[best]] if agreement[best] >= SIMILAR else None

    def _remember(self, key: str, low: npt.NDArray[np.uint16], slots: npt.NDArray[np.int64]) -> None:
        place = self._count % self._capacity
        self._count += 1
        if place == len(self._signatures):
            grown = np.zeros((min(self._capacity, 2 * place), PERMUTATIONS), dtype=np.uint16)
            grown[:place] = self._signatures
            self._signatures = grown
        self._signatures[place] = low
        if place == len(self._keys):
            self._keys.append(key)
        else:
            self._keys[place] = key
        self._slots[self._band, slots] = place


def _sketches(forms: Sequence[str]) -> Iterator[tuple[str, npt.NDArray[np.uint16], npt.NDArray[np.int64]]]:
    """For each normal form: the low halves of its signature, and its slot in every band."""
    start = 0
    while start < len(forms):
        end, chars = start, 0
        while end < len(forms) and chars < _BATCH_CHARS:
            chars += min(len(forms[end]), MAX_CHARS)
            end += 1
        signed = signatures(forms[start:end])
        bands = signed.reshape(len(signed), BANDS, _ROWS).astype(np.uint64)
        mixed = (bands * _MIX).sum(axis=2, dtype=np.uint64)
        slots = ((mixed ^ (mixed >> np.uint64(29))) % np.uint64(_SLOTS)).astype(np.int64)
        yield from zip(forms[start:end], (signed & np.uint32(0xFFFF)).astype(np.uint16), slots, strict=True)
        start = end


def signatures(forms: Sequence[str]) -> Signatures:
    """MinHash signatures `[len(forms), PERMUTATIONS]` over the character trigrams of each form."""
    padded = [f"\x02{form[:MAX_CHARS]}\x03\x03" for form in forms]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    grams = codes[:-2] * _GRAM[0] + codes[1:-1] * _GRAM[1] + codes[2:] * _GRAM[2]
    grams ^= grams >> np.uint64(31)
    lengths = np.array([len(text) for text in padded])
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    inside = np.ones(len(codes), dtype=np.bool_)
    ends = starts + lengths
    inside[ends - 1] = inside[ends - 2] = False  # these trigrams would reach into the next text
    grams = grams[inside[:-2]]
    offsets = starts - 2 * np.arange(len(forms))
    signed = np.empty((len(forms), PERMUTATIONS), dtype=np.uint32)
    for place in range(PERMUTATIONS):  # multiply-shift hashing, one permutation at a time to bound memory
        hashed = ((grams * _TIMES[place] + _PLUS[place]) >> np.uint64(32)).astype(np.uint32)
        signed[:, place] = np.minimum.reduceat(hashed, offsets)
    return signed


def _constants(count: int, seed: int) -> npt.NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(1, 2**63, size=count, dtype=np.uint64) | np.uint64(1)


_GRAM = _constants(3, seed=11)
_TIMES = _constants(PERMUTATIONS, seed=12)
_PLUS = _constants(PERMUTATIONS, seed=13)
_MIX = _constants(_ROWS, seed=14)
