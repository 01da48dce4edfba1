"""A question with the answer its owner approved, as pages of questions and answers hold them.

Such a pair is an intent by its first question: every wording of the question is an example of it, the answer is its
approved answer, and the first wording with the answer is a conversation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.importers import markup
from data.importers.bot_platforms.phrases import Phrase, taught
from data.importers.hints import IntentHint, ProfileHint
from data.importers.nouns import Item, Remark
from data.settings import ImportSettings

NAME_CHARS = 80
TITLE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """`intent`: the name of an earlier pair that this one goes on with; `is_followup`: the question means this only
    after another answer (`yes`, `no`), so that no intent can be made of it; `extras`: buttons, filters and the like."""

    questions: Sequence[str]
    answer: str
    language: Any = None
    intent: str | None = None
    is_followup: bool = False
    extras: bool = False

    @property
    def rows(self) -> int:
        return max(1, len(self.questions)) + bool(self.answer)


def name_of(question: str) -> str:
    """The intent of a question: its words, in one line; a long one cut, with a digest that keeps it apart."""
    words = " ".join(question.split()).strip(" ?!.:;,-#*").lower()
    words = "".join(character for character in words if character.isprintable())
    if len(words) <= NAME_CHARS:
        return words
    digest = hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:6]
    return f"{words[:NAME_CHARS].rstrip()} {digest}"


def answered(pair: Pair, row: int, limits: ImportSettings) -> Iterator[Item]:
    """What the pair teaches, from `row` on: the first question and the answer, then the other wordings."""
    answer = markup.readable(pair.answer).strip()
    questions = [markup.readable(question).strip() for question in pair.questions] or [""]
    is_answered = bool(pair.answer or pair.intent)
    intent = (pair.intent or name_of(questions[0]) or None) if is_answered and not pair.is_followup else None
    first = Phrase(questions[0], intent, pair.language, answer=answer)
    if pair.answer and not answer:  # all markup: the row stays a row
        first = replace(first, answer=pair.answer)
    yield from taught(first, row, limits)
    for place, wording in enumerate(questions[1:], start=row + first.rows):
        yield from taught(Phrase(wording, intent, pair.language), place, limits)
    if answer and intent and len(answer) <= limits.max_cell_chars:
        title = " ".join(questions[0].split())
        hint = IntentHint(intent, title=title if len(title) <= TITLE_CHARS else "", answers=(answer,))
        yield ProfileHint(intents=(hint,))
    elif answer and pair.is_followup:
        yield Remark("definition_left_out", row, answer)
    if pair.extras:
        yield Remark("extras_ignored", row)
