"""A message of a log or of a training file for language models, as an object: who speaks, what is said, what is marked.

{"role", "content"}      OpenAI and the house itself; `content` may be a list of parts
{"from", "value"}        ShareGPT
{"role", "parts"}        Google
{"role" | "speaker", "text"}

Calls of tools and what these returned are nothing that was said. A reply that its owner marked as not to be learned
(`weight` 0) stays where it was said and becomes no target: the house keeps such a reply as one that was disliked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from data.importers import records
from data.importers.contents import Words, words_of
from data.importers.nouns import Item, Reason, Remark
from data.schema import BRAND_ROLES, SetAside, Turn
from data.settings import ImportSettings

SAMPLE_CHARS = 400
"""Longer than what is shown: samples are redacted before they are cut."""
ROLE_KEYS = ("role", "from", "speaker", "sender")
TEXT_KEYS = ("content", "value", "text", "parts", "message")
TOOL_ROLES = frozenset(
    ("tool", "function", "function call", "function response", "tool call", "tool calls", "tool response",
     "tool result", "observation", "ipython", "environment", "code interpreter")
)  # fmt: skip
_CALLS = ("tool_calls", "function_call")
_WEIGHTS = ("weight", "loss_weight")
_MARKS = ("train", "training", "trainable")
NOT_LEARNED = -1


def take(messages: list[Any], rows: Iterator[int], limits: ImportSettings, turns: list[Turn]) -> Iterator[Item]:
    """Add what the messages say to `turns`; yields what is to be said of them. Each takes the next of the `rows`."""
    for message in messages:
        row = next(rows)
        remarks: list[Remark] = []
        turn = turn_of(message, row, limits, remarks)
        if isinstance(turn, Reason):
            yield SetAside(row, turn, sample_of(message))
        else:
            turns.append(turn)
        yield from remarks


def turn_of(message: Any, row: int, limits: ImportSettings, remarks: list[Remark]) -> Turn | Reason:
    """What one message says, or why it says nothing."""
    if not isinstance(message, dict):
        return Reason.WRONG_TYPE
    role = _first(message, ROLE_KEYS)
    if is_tool(role):
        return Reason.TOOL_MESSAGE
    words = _words(message)
    if isinstance(words, Reason):
        return words if not isinstance(known := records.role_of(role), Reason) else known
    turn = records.turn_of({**message, "role": role, "content": words.text}, row, limits.max_cell_chars, remarks)
    if isinstance(turn, Reason):
        return words.missing if turn is Reason.EMPTY_MESSAGE else turn
    for code, seen in (
        ("attachments_ignored", words.has_files),
        ("extras_ignored", words.has_extras or words.has_tools),
    ):
        if seen:
            remarks.append(Remark(code, row))
    return _weighed(message, turn, row, remarks)


def is_tool(role: Any) -> bool:
    """Whether a message of this role is a call of a tool, or what one returned."""
    return isinstance(role, str) and role.strip().lower().replace("_", " ").replace("-", " ") in TOOL_ROLES


def is_messages(value: Any) -> bool:
    """Whether this is a list of messages: its first entry says who speaks, or is empty."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and _has_role(value[0])


def sample_of(message: Any) -> str:
    """The words of a message as a report may show them, where it has any."""
    text = _first(message, TEXT_KEYS) if isinstance(message, dict) else None
    return text[:SAMPLE_CHARS] if isinstance(text, str) else ""


def _has_role(message: Mapping[str, Any]) -> bool:
    return any(name in message for name in ROLE_KEYS)


def _words(message: Mapping[str, Any]) -> Words | Reason:
    content = _first(message, TEXT_KEYS)
    calls = any(message.get(name) for name in _CALLS)
    if content is None and isinstance(message.get("refusal"), str):
        content = message["refusal"]
    if content is None and calls:
        return Reason.TOOL_MESSAGE
    if content is None and message.get("audio"):
        return Reason.ATTACHMENT_ONLY
    found = words_of(content)
    if isinstance(found, Reason) or not calls:
        return found
    return Words(found.text, found.has_files, has_tools=True, has_extras=found.has_extras)


def _weighed(message: Mapping[str, Any], turn: Turn, row: int, remarks: list[Remark]) -> Turn:
    """The turn, not to be learned where its owner says so."""
    if turn.role not in BRAND_ROLES or turn.rating is not None:
        return turn
    weights = [message[name] for name in _WEIGHTS if name in message]
    is_out = any(isinstance(weight, int | float) and weight == 0 for weight in weights)
    if not is_out and not any(message.get(name) is False for name in _MARKS):
        return turn
    remarks.append(Remark("not_learned", row))
    return replace(turn, rating=NOT_LEARNED)


def _first(message: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """What stands under the first of these names that is there; one that is null counts only where no other is."""
    found = [message[name] for name in names if name in message]
    return next((value for value in found if value is not None), None)
