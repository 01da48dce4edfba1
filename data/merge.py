"""Merge consecutive messages of one speaker into one turn: people press Enter in the middle of a thought. Pure.

A turn has one intent, one sentiment and one rating. Messages merge while theirs agree or only one of them has any: an
unlabelled "hello" joins the labelled question after it. Where labels differ, the turns stay apart: no label is lost.
A bot and a colleague who take turns for the brand stay apart too: a hand-over is worth knowing about.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from data.schema import Turn

JOINT = "\n"


def merge(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """The turns with consecutive messages of one role joined by a line break; entities keep their words."""
    merged: list[Turn] = []
    for turn in turns:
        if merged and _agree(merged[-1], turn):
            merged[-1] = _join(merged[-1], turn)
        else:
            merged.append(turn)
    return tuple(merged)


def _agree(one: Turn, other: Turn) -> bool:
    if one.role != other.role:
        return False
    pairs = ((one.intent, other.intent), (one.sentiment, other.sentiment), (one.rating, other.rating))
    return all(left is None or right is None or left == right for left, right in pairs)


def _join(one: Turn, other: Turn) -> Turn:
    shift = len(one.text) + len(JOINT)
    moved = tuple(replace(entity, start=entity.start + shift, end=entity.end + shift) for entity in other.entities)
    return Turn(
        one.role,
        f"{one.text}{JOINT}{other.text}",
        ts=one.ts if one.ts is not None else other.ts,
        intent=one.intent if one.intent is not None else other.intent,
        sentiment=one.sentiment if one.sentiment is not None else other.sentiment,
        entities=one.entities + moved,
        rating=one.rating if one.rating is not None else other.rating,
        rows=one.rows + other.rows,
        corrected=one.corrected or other.corrected,
    )
