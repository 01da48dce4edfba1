"""The same conversation twice, and nearly the same sentence again.

Two conversations are duplicates when their roles, labels and words agree, whatever their ids, case and spacing. Two
utterances are near-duplicates when most of their character trigrams agree (Jaccard similarity of about 0.8), estimated
by MinHash (Broder 1997) in bands (locality-sensitive hashing). Characters, not words, so that Chinese works as well.

Every utterance gets the key of its cluster at once: that of the first utterance it resembles, else its own. What is
remembered of an utterance (its signature and its bands) lies in a `Space`, in files once it is large: the page cache
holds it and not the heap, and no late repeat is forgotten. Where two share a band, the newer stands for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.mapped import Space, Table, Words
from data.redact import PLACEHOLDER
from data.schema import Conversation

PERMUTATIONS = 64
BANDS = 16
SIMILAR = 0.8
"""Estimated Jaccard similarity from which two utterances count as near-duplicates."""
PLACE_BITS = 26
MOST = (1 << PLACE_BITS) - 1
"""Utterances that are remembered; beyond, a late repeat may open a cluster of its own."""
MAX_CHARS = 1_000
KEY_CHARS = 16
_ROWS = PERMUTATIONS // BANDS
_FEWEST = 1 << 12
_BATCH = 1 << 10
_BATCH_CHARS = 50_000
_PLACE = np.uint64(MOST)

_NOT_WORD = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_SPACE = re.compile(r"\s+")

Signatures = npt.NDArray[np.uint32]
Low = npt.NDArray[np.uint16]


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

    def __init__(self, space: Space | None = None) -> None:
        self.space = space or Space()
        self._count = 0
        self._signatures: Low = self.space.zeros((_FEWEST, PERMUTATIONS), np.uint16)
        self._keys: npt.NDArray[np.bytes_] = self.space.zeros((_FEWEST,), f"S{KEY_CHARS}")
        self._bands = Table(self.space, PLACE_BITS)

    def __len__(self) -> int:
        """How many utterances are remembered: one for each cluster, at least."""
        return self._count

    def assign(self, texts: Sequence[str]) -> list[str]:
        """One cluster key per text. Raises StorageFull or StorageError, as `Space.zeros` does."""
        forms = [normal_form(text) for text in texts]
        given: list[str] = []
        for sketch in _sketches(forms):
            own = forms[len(given) : len(given) + len(sketch.low)]
            given += self._joined(sketch, lambda place, own=own: utterance_key(own[place]))  # type: ignore[misc]
        return given

    def learn(self, texts: Sequence[str], keys: Sequence[str]) -> None:
        """Remember texts whose keys were assigned before, so that new ones can join them."""
        start = 0
        for sketch in _sketches([normal_form(text) for text in texts]):
            own = keys[start : start + len(sketch.low)]
            self._joined(sketch, own.__getitem__)
            start += len(own)

    def _joined(self, sketch: _Sketch, own_key: Callable[[int], str]) -> list[str]:
        """The keys of the utterances of a sketch; those that resemble none are remembered under their own key."""
        before = (self._bands.find(sketch.bands.ravel()) & _PLACE).astype(np.int64).reshape(sketch.bands.shape) - 1
        best = self._best(before, sketch.low)
        met: dict[int, int] = {}  # bands of what is remembered in this very step, and by which place
        keys = []
        for number, bands in enumerate(sketch.bands.tolist()):
            place = best[number]
            if not met.keys().isdisjoint(bands):
                now = [met.get(band, old) for band, old in zip(bands, before[number].tolist(), strict=True)]
                place = self._best(np.array([now]), sketch.low[number : number + 1])[0]
            if place >= 0:
                keys.append(self._keys[place].decode())
                continue
            keys.append(own_key(number))
            if self._count < MOST:
                met.update(dict.fromkeys(bands, self._count))
                self._remember(keys[-1], sketch.low[number])
        words = np.fromiter((band | place + 1 for band, place in met.items()), np.uint64, len(met))
        self._bands.put(words)
        return keys

    def _best(self, places: npt.NDArray[np.int64], low: Low) -> list[int]:
        """For each row the place that is most similar to it, the oldest among equals; -1 where none is similar."""
        rows, columns = np.nonzero(places >= 0)
        pairs = np.unique(rows << PLACE_BITS | places[rows, columns])
        rows, found = pairs >> PLACE_BITS, pairs & int(_PLACE)
        alike = (self._signatures[found] == low[rows]).sum(axis=1)
        similar = alike >= SIMILAR * PERMUTATIONS
        best = np.full(len(low), -1)
        ranked = np.lexsort((found[similar], -alike[similar]))[::-1]
        best[rows[similar][ranked]] = found[similar][ranked]  # the last that is written stays: the best
        return best.tolist()

    def _remember(self, key: str, low: Low) -> None:
        if self._count == len(self._signatures):
            self._signatures = self.space.grown(self._signatures, 2 * self._count)
            self._keys = self.space.grown(self._keys, 2 * self._count)
        self._signatures[self._count] = low
        self._keys[self._count] = key.encode()
        self._count += 1


@dataclass(frozen=True, slots=True)
class _Sketch:
    """Some utterances: the low halves of their signatures, and a hash of each of their bands, its low bits 0."""

    low: Low
    bands: Words


def _sketches(forms: Sequence[str]) -> Iterator[_Sketch]:
    start = 0
    while start < len(forms):
        end, chars = start, 0
        while end < len(forms) and end < start + _BATCH and chars < _BATCH_CHARS:
            chars += min(len(forms[end]), MAX_CHARS)
            end += 1
        signed = signatures(forms[start:end])
        bands = signed.reshape(len(signed), BANDS, _ROWS).astype(np.uint64)
        mixed = (bands * _MIX).sum(axis=2, dtype=np.uint64) + _BAND
        mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX[0]
        yield _Sketch((signed & np.uint32(0xFFFF)).astype(np.uint16), mixed & ~_PLACE)
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
_BAND = _constants(BANDS, seed=15)
