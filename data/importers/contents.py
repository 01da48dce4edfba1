"""The words of a message of a language model's log: a text, or a list of parts, some of which are no words.

OpenAI, Anthropic, Google and what imitates them write content as a list of typed parts: texts, pictures, sounds, calls
of tools and what these returned, and what a model thought before it answered. Only what was said is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data.importers.nouns import Reason

JOINT = "\n"
_WORDS = ("text", "value", "refusal", "transcript", "content", "transcription")
_KEYS = frozenset(("type", "content_type", "parts", "text"))
_TOOLS = re.compile(r"tool|function|code_interpreter|execution|computer|mcp_|web_search|file_search|\bcode\b")
_FILES = re.compile(r"image|audio|video|file|document|asset|media|attachment|input_image")
_THOUGHTS = re.compile(r"think|thought|reason")
_PLAIN = re.compile(r"(?:input_|output_|summary_)?text|refusal|audio_transcription|paragraph|string")
_CITED = re.compile("\ue200[^\ue201]{0,2000}\ue201|【[^】]{0,80}†[^】]{0,200}】|[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Words:
    """What a content says, and what stood beside it."""

    text: str = ""
    has_files: bool = False
    has_tools: bool = False
    has_extras: bool = False

    @property
    def missing(self) -> Reason:
        """Why there are no words, where there are none."""
        if self.has_tools:
            return Reason.TOOL_MESSAGE
        return Reason.ATTACHMENT_ONLY if self.has_files else Reason.EMPTY_MESSAGE


def words_of(content: Any) -> Words | Reason:
    """The words of a content; a reason for what is no content at all."""
    if content is None:
        return Reason.MISSING_FIELD
    if isinstance(content, str):
        return Words(content)
    if isinstance(content, dict) and not _KEYS.isdisjoint(content):
        content = content["parts"] if isinstance(content.get("parts"), list) else [content]
    if not isinstance(content, list):
        return Reason.WRONG_TYPE
    found = [_part(part) for part in content]
    if content and all(one is None for one in found):
        return Reason.WRONG_TYPE
    return _joined(one for one in found if one is not None)


def without_citations(text: str) -> str:
    """Without the marks that stand for sources and widgets: nobody reads them."""
    return _CITED.sub("", text)


def _joined(found: Iterable[Words]) -> Words:
    every = list(found)
    return Words(
        JOINT.join(one.text for one in every if one.text.strip()),
        has_files=any(one.has_files for one in every),
        has_tools=any(one.has_tools for one in every),
        has_extras=any(one.has_extras for one in every),
    )


def _part(part: Any) -> Words | None:
    """One part; None for what is none."""
    if isinstance(part, str):
        return Words(part)
    if not isinstance(part, dict):
        return None
    kind = str(part.get("type") or part.get("content_type") or "").lower()
    if not kind:
        return _untyped(part)
    if _PLAIN.fullmatch(kind):
        return Words(_text(part))
    if _THOUGHTS.search(kind):
        return Words(has_extras=True)
    if _TOOLS.search(kind):
        return Words(has_tools=True)
    return Words(has_files=True) if _FILES.search(kind) else Words(_text(part), has_extras=True)


def _untyped(part: Mapping[str, Any]) -> Words:
    """A part as Google writes them: what it is follows from its one key."""
    if part.get("thought") is True:
        return Words(has_extras=True)
    if isinstance(part.get("text"), str):
        return Words(part["text"])
    names = " ".join(map(str, part)).lower()
    if _TOOLS.search(names):
        return Words(has_tools=True)
    return Words(has_files=True) if _FILES.search(names) or "inlinedata" in names else Words(has_extras=True)


def _text(part: Mapping[str, Any]) -> str:
    for name in _WORDS:
        value = part.get(name)
        if isinstance(value, dict):  # {"type": "text", "text": {"value": "...", "annotations": []}}
            value = value.get("value")
        if isinstance(value, str):
            return value
    return ""
