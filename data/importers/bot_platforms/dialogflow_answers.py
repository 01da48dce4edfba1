"""Dialogflow ES: which of an intent's messages are answers that can be given as they stand.

An agent says different things on different platforms, in several languages, and some of them as cards. What is taken is
the plain text of the agent's main language; where there is none, the words of what there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.importers.bot_platforms import phrases
from data.importers.documents import table, tables, text, texts
from data.importers.nouns import Remark

BLANKS = re.compile(r"\$[A-Za-z_][\w.-]*|#[\w-]+\.[\w.-]+|\$\{")
"""What Dialogflow puts parameters of the conversation in the place of."""
_TEXT = ("0", "text", "")
_PLAIN = ("", "PLATFORM_UNSPECIFIED")


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of an intent, and what there is to say about those that are none."""

    texts: tuple[str, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class _Message:
    """One message: its words, whether it is plain text for every platform, and its language."""

    words: tuple[str, ...]
    is_plain: bool
    language: str


def answers_of(responses: Sequence[dict[str, Any]], language: str) -> Answers:
    """The answers in these responses; `language` is the agent's main one, "" where it is not known."""
    said = [_Message(tuple(texts(one.get("speech"))), True, "") for one in responses]
    said += [_message(message) for one in responses for message in tables(one.get("messages"))]
    remarks = [
        Remark("parts_ignored", 0, "a card, picture or payload") for one in said[len(responses) :] if not one.words
    ]
    remarks += [
        Remark("parts_ignored", 0, "a parameter's prompts")
        for one in responses
        for parameter in tables(one.get("parameters"))
        if parameter.get("prompts")
    ]
    spoken = [one for one in said if one.words]
    plain = [one for one in spoken if one.is_plain] or spoken
    main = [one for one in plain if _is_of(one, language)] or plain
    used = list(dict.fromkeys(words for one in main for words in one.words))
    others = dict.fromkeys(words for one in spoken for words in one.words if words not in used)
    remarks += [Remark("definition_left_out", 0, words) for words in others]
    kept, unfilled = phrases.complete(used, BLANKS)
    return Answers(kept, (*remarks, *unfilled))


def _message(message: dict[str, Any]) -> _Message:
    kind = str(message.get("type", "")).lower()
    words = texts(message.get("speech")) or texts(table(message.get("text")).get("text"))
    if kind not in _TEXT or not words:
        spoken = [text(message.get(name)) for name in ("displayText", "textToSpeech")]
        found = [table(one) for one in (*tables(message.get("items")), *tables(message.get("simpleResponses")))]
        spoken += [text(one.get(name)) for one in found for name in ("displayText", "textToSpeech")]
        spoken += [text(message.get("title"))] if kind in ("2", "quickreplies", "suggestion_chips") else []
        words = [one for one in spoken if one.strip() and not one.lstrip().startswith("<speak")][:1] or words
    is_plain = kind in _TEXT and text(message.get("platform")) in _PLAIN
    return _Message(tuple(words), is_plain, text(message.get("lang")))


def _is_of(message: _Message, language: str) -> bool:
    return not language or not message.language or message.language.casefold() == language.casefold()
