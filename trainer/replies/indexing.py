"""The index that a release finds replies in: the brand's own, how often each was said, and in which conversations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.profile import BotProfile
from data.schema import Example
from export.placeholders import echoes
from export.precedents import Precedents
from export.replies import Reply, ReplyIndex, key_of
from trainer.core.embedding import Check
from trainer.material import pairs
from trainer.replies.train_reply import Pairs, TrainedReply

MOST_PRECEDENTS = 8_192
"""Conversations that are remembered, drawn by the seed from more of them: 12 MB at 384 dimensions."""


@dataclass(frozen=True, slots=True)
class Sayable:
    """What the brand may say: nothing `banned`; `details` are what an earlier reply, by its key, says of one customer
    alone; `approved` the profile's answers, each with its intent."""

    banned: Callable[[str], bool]
    details: Mapping[str, tuple[str, ...]]
    approved: Sequence[tuple[str, str]] = ()


def reply_indexes(
    trained: TrainedReply,
    train: Sequence[Example],
    held: Sequence[Example],
    sayable: Sayable,
    check: Check | None = None,
) -> tuple[ReplyIndex | None, ReplyIndex | None]:
    """Of the replies of `train` alone, by which those of `held` are measured, and of both, which serves, each behind
    what is approved; None where there is none worth keeping. `check` is called between batches and may raise."""
    narrow, replies = distinct_replies(train, sayable), distinct_replies([*train, *held], sayable)
    if not replies:
        return None, None
    index = ReplyIndex(trained.replies([reply.text for reply in replies], check), replies)
    both, own = pairs([*train, *held]), len(pairs(train))
    rows = remembered(len(both), trained.recipe.seed)
    index = index.remembering(precedents_in(replies, trained, both.pick(rows), check))
    if not narrow:
        return None, index
    # What train says comes first, in the replies as in the conversations that are remembered.
    said = {key_of(reply.text) for reply in replies}
    known = sum(row < own and key_of(both.replies[row]) in said for row in rows)
    precedents = index.precedents and index.precedents.first(known)
    return ReplyIndex(index.vectors[: len(narrow)], narrow, precedents=precedents), index


def approved_answers(profile: BotProfile) -> list[tuple[str, str]]:
    """The profile's answers, each with its intent; none to an intent whose customers want a person."""
    return [(answer, intent.name) for intent in profile.intents if not intent.handoff for answer in intent.answers]


def distinct_replies(rows: Iterable[Example], sayable: Sayable) -> list[Reply]:
    """The approved answers, then the brand's own replies in `rows`, one entry a distinct text, in the order in which
    they were said first.

    A reply whose placeholders the customer had not given each time is marked as not to be filled.
    """
    kept = _approved(sayable)
    for row in rows:
        if row.reply is None or sayable.banned(row.reply):
            continue
        said = [text for role, text in row.context if role == "user"] + [row.text]
        fits = echoes(row.reply, said)
        key = key_of(row.reply)
        old = kept.get(key)
        if old is None:
            details = sayable.details.get(key, ())
            kept[key] = Reply(row.reply, row.reply_role or "agent", 1, row.intent, row.id, fits, details)
        else:
            once = replace(old, count=old.count + 1)
            intent = old.intent if old.intent == row.intent else None
            kept[key] = once if old.approved else replace(once, intent=intent, echoes=old.echoes and fits)
    return list(kept.values())


def _approved(sayable: Sayable) -> dict[str, Reply]:
    """By their keys. What answers several intents belongs to none."""
    kept: dict[str, Reply] = {}
    for text, name in sayable.approved:
        key = key_of(text)
        intent = name if key not in kept or kept[key].intent == name else None
        if not sayable.banned(text):
            kept[key] = Reply(text, count=0, intent=intent, echoes=True, approved=True)
    return kept


def precedents_in(
    replies: Sequence[Reply], trained: TrainedReply, known: Pairs, check: Check | None = None
) -> Precedents | None:
    """Where `known` gives one of `replies`; None where the recipe wants no precedents, or there are none."""
    place = {key_of(reply.text): at for at, reply in enumerate(replies)}
    given = known.pick([at for at, reply in enumerate(known.replies) if key_of(reply) in place])
    if not trained.recipe.precedents or not len(given):
        return None
    rows = [place[key_of(reply)] for reply in given.replies]
    return Precedents(trained.contexts(given.contexts, check), rows, trained.recipe.precedents)


def remembered(count: int, seed: int) -> list[int]:
    """Which of so many conversations are remembered: all, or an even draw, in their order."""
    if count <= MOST_PRECEDENTS:
        return list(range(count))
    return sorted(np.random.default_rng(seed).permutation(count)[:MOST_PRECEDENTS].tolist())
