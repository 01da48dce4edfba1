"""Every kind of file there is, and which of them a file is of.

Each family of formats is a module of its own and one line here; the names stand in `nouns.FORMATS` as well. What is of
none of these kinds is a table or JSON Lines, or is refused (`data.importers.detect`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from data.errors import ImportRefused
from data.importers import ai_chats, bot_platforms, chat_apps, chatterbot, helpdesks, rasa, research, tables
from data.importers.kind import Kind, Sample

KINDS: tuple[Kind, ...] = (
    *chat_apps.KINDS,
    *bot_platforms.KINDS,
    *rasa.KINDS,
    *chatterbot.KINDS,
    *helpdesks.KINDS,
    *research.KINDS,
    *ai_chats.KINDS,
    *tables.KINDS,
)  # fmt: skip
FLOOR = 0.5
"""Below this a file is of none of the kinds."""
TIE = 0.02
"""Two kinds that are this close to each other cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The kind of an upload, how sure that is, and the names of the files that are of it."""

    kind: Kind
    confidence: float
    members: tuple[str, ...]


def named(name: str | None) -> Kind | None:
    """The kind of that name."""
    return next((kind for kind in KINDS if kind.name == name), None)


def choose(samples: Sequence[Sample], kinds: Sequence[Kind] | None = None) -> Choice | None:
    """The kind that fits best; None where none does.

    Raises ImportRefused where two fit as well, or the files of an archive are of different kinds.
    """
    asked = KINDS if kinds is None else kinds
    names = tuple(sample.name for sample in samples)
    if len(samples) != 1:
        best = _best({kind: kind.sniff_folder(samples) for kind in asked})
        if best is not None:
            return Choice(*best, names)
    found = {sample.name: _best({kind: kind.sniff(sample) for kind in asked}) for sample in samples}
    known = {name: one for name, one in found.items() if one is not None}
    counts = Counter(kind.name for kind, _ in known.values())
    if len(counts) > 1:
        raise ImportRefused(
            f"The archive holds files of different kinds: {_listed(counts)}.",
            remedy="Upload each kind by itself, or name the format: files of other kinds are then left out.",
            reason="mixed_kinds",
        )
    if not known:
        return None
    sure = [confidence for _, confidence in known.values()]
    return Choice(next(iter(known.values()))[0], round(sum(sure) / len(sure), 3), tuple(known))


def fitting(kind: Kind, samples: Sequence[Sample]) -> Choice:
    """The files that a kind named by their owner is read from: those that look like it, or all if none does."""
    names = tuple(sample.name for sample in samples)
    folder = kind.sniff_folder(samples) if len(samples) != 1 else 0.0
    if folder >= FLOOR:
        return Choice(kind, folder, names)
    scores = {sample.name: kind.sniff(sample) for sample in samples}
    fit = {name: score for name, score in scores.items() if score >= FLOOR}
    return Choice(kind, max(scores.values(), default=0.0), tuple(fit) or names)


def _best(scores: dict[Kind, float]) -> tuple[Kind, float] | None:
    """The best score above the floor. Raises ImportRefused on a tie."""
    ranked = sorted(((score, kind.name, kind) for kind, score in scores.items() if score >= FLOOR), reverse=True)
    if not ranked:
        return None
    close = [kind for score, _, kind in ranked if ranked[0][0] - score < TIE]
    if len(close) > 1:
        titles = " and ".join(f"{kind.title} ({kind.name})" for kind in close)
        raise ImportRefused(
            f"The file looks as much like {titles}.",
            remedy="Name its format.",
            reason="format_ambiguous",
        )
    return ranked[0][2], ranked[0][0]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} of {name}" for name, count in sorted(counts.items()))
