"""A whole conversation written into one text, each message behind the name of who speaks: `Human: ... Assistant: ...`.

So are the pairs of HH-RLHF, the prompts of old completion models, and what tools print for people to look at.
"""

from __future__ import annotations

import re
from typing import Any

_NAMES = (
    "human|user|customer|client|visitor|assistant|ai|bot|chatbot|gpt|chatgpt|agent|support|system|tool|function|"
    "observation"
)
_MARK = re.compile(
    rf"(?:^|(?<=\n)|(?<=</s>))[ \t]*(?:\#{{2,4}}[ \t]*|\*\*|\[)?({_NAMES})(?:\*\*|\])?[ \t]*:(?:\*\*)?[ \t]?", re.I
)
_CHATML = re.compile(r"<\|im_start\|>[ \t]*(\w+)[ \t]*\n")
_BRAND = frozenset(("assistant", "ai", "bot", "chatbot", "gpt", "chatgpt", "agent", "support"))
_ENDS = re.compile(r"(?:<\|im_end\|>|<\|endoftext\|>|</s>|<\|eot_id\|>)\s*$")
NOTHING = "None"
"""How a program prints the words of a message that only calls a tool."""


def messages_in(text: Any) -> list[dict[str, str]] | None:
    """The messages of a text in which both sides speak; what stands before the first of them is the system's.

    None for a text that is no such conversation. The last may be empty: a prompt ends with whose turn it is.
    """
    if not isinstance(text, str):
        return None
    marks = list(_CHATML.finditer(text)) or list(_MARK.finditer(text))
    names = {mark[1].lower() for mark in marks}
    if not names & _BRAND or not names - _BRAND - {"system"}:
        return None
    before = text[: marks[0].start()].strip()
    said = [{"role": "system", "content": before}] if before else []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        said.append(_message(mark[1].lower(), text[mark.end() : end]))
    return said


def begins_like_one(text: Any) -> bool:
    """Whether a text begins with the name of somebody who speaks."""
    return isinstance(text, str) and (_MARK.match(text.lstrip()) or _CHATML.match(text.lstrip())) is not None


def _message(name: str, text: str) -> dict[str, str]:
    content = _ENDS.sub("", text.strip()).strip()
    if content == NOTHING and name in _BRAND:
        return {"role": "tool", "content": ""}
    return {"role": name, "content": content}
