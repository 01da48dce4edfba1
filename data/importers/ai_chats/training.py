"""Files to train language models on, as one JSON document, several, or one per line: each object is a conversation.

Which shape an object has is asked of each by itself (`shapes`); the kinds here only say what most of a file's objects
are. JSON Lines of messages are of the kind `jsonl`, which reads all of these shapes too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import count
from typing import Any

from data.importers import dialogs, jsonl, strict_json
from data.importers.ai_chats import shapes
from data.importers.container import Member
from data.importers.entries import Flaw, Layout, below
from data.importers.kind import Kind, Sample, Source
from data.importers.messages import ROLE_KEYS, SAMPLE_CHARS
from data.importers.nouns import ImportOptions, Item, Reason
from data.schema import SetAside

PLACES = (
    "item", "data.item", "train.item", "rows.item.row", "rows.item", "examples.item", "instances.item",
    "conversations.item", "records.item", "",
)  # fmt: skip
_LAYOUT = Layout(
    PLACES,
    (
        *(f"{name}.item.{role}" for name in shapes.LISTS for role in ROLE_KEYS),
        *(better for better, _ in shapes.PAIRS), *shapes.QUESTIONS, *shapes.TRANSCRIPTS,
    ),
)  # fmt: skip
_SPOKEN = (("role", "content"), ("role", "parts"), ("from", "value"))
_CLAUDE = ("chat_messages.item.sender", "chat_messages.item.text")
_Has = Callable[..., bool]


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The conversations of the files' objects."""
    rows = count(1)
    for member in source.members:
        sample = Sample(member, source.written(member).encoding)
        if _are_lists(sample):
            bodies = _listed(source, member)
        else:
            bodies = _alone(source, member) if _is_bare(sample.has) else _LAYOUT.entries(source, member)
        for found in bodies:
            if isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
            else:
                yield from _object(found[1], rows, source)


def _object(body: Any, rows: Iterator[int], source: Source) -> Iterator[Item]:
    dialog = shapes.read(body) if isinstance(body, dict) else None
    if dialog is not None:
        yield from dialogs.items(dialog, body, rows, source.limits)
        return
    if isinstance(body, dict):  # a labelled text between conversations, as JSON Lines may mix them
        yield from jsonl.items(body, next(rows), source.limits)
        return
    yield SetAside(next(rows), Reason.NOT_AN_OBJECT, str(body)[:SAMPLE_CHARS])


def _is_bare(has: _Has) -> bool:
    """Whether a file is the list of the messages of one conversation."""
    nested = any(has(f"item.{name}.item") for name in shapes.LISTS)
    return not nested and any(has(f"item.{role}", f"item.{text}") for role, text in _SPOKEN)


def _alone(source: Source, member: Member) -> Iterator[tuple[str, Any] | Flaw]:
    found = source.json(member)
    yield Flaw(found, member.name) if isinstance(found, Reason) else ("", {"messages": found})


def _are_lists(sample: Sample) -> bool:
    """Whether a file is a list of lists of messages."""
    return any(sample.has(f"item.item.{role}", f"item.item.{text}") for role, text in _SPOKEN)


def _listed(source: Source, member: Member) -> Iterator[tuple[str, Any] | Flaw]:
    try:
        for place, found in source.values(member, ("item",)):
            yield place, {"messages": found} if isinstance(found, list) else found
    except strict_json.JsonError as error:
        yield Flaw(error.reason, member.name)


def is_json_lines(sample: Sample) -> bool:
    """Whether the first line is an object by itself."""
    try:
        return bool(sample.lines) and isinstance(strict_json.loads(sample.lines[0]), dict)
    except strict_json.JsonError:
        return False


def _shown(sample: Sample, has: Callable[[_Has], float]) -> float:
    """The best score that `has` gives the objects at any of the places."""
    paths: Collection[str] = sample.paths
    if not paths:
        return 0.0

    def at(place: str) -> _Has:
        return lambda *names: all(below(place, name) in paths for name in names)

    return max(has(at(place)) for place in PLACES)


def _is_pair(has: _Has) -> float:
    return 0.92 if any(has(better, worse) for better, worse in shapes.PAIRS) else 0.0


def _is_sharegpt(has: _Has) -> float:
    if _is_pair(has):
        return 0.0
    return 0.95 if any(has(f"{name}.item.from", f"{name}.item.value") for name in shapes.LISTS) else 0.0


def _is_alpaca(has: _Has) -> float:
    if _is_pair(has) or not has("instruction"):
        return 0.0
    return 0.95 if any(has(name) for name in shapes.ANSWERS) else 0.0


def _is_completion(has: _Has) -> float:
    if _is_pair(has) or _is_alpaca(has) or _is_messages(has):
        return 0.0
    if has("prompt", "completion"):
        return 0.85
    pairs = ((question, answer) for question in shapes.QUESTIONS for answer in shapes.ANSWERS)
    return 0.6 if any(has(*pair) for pair in pairs) else 0.0


def _is_messages(has: _Has) -> float:
    if _is_pair(has):
        return 0.0
    spoken = [(f"{name}.item.{role}", f"{name}.item.{text}") for name in shapes.LISTS for role, text in _SPOKEN[:2]]
    return 0.8 if any(has(*pair) for pair in (*spoken, _CLAUDE)) else 0.0


def sniff_preference(sample: Sample) -> float:
    return _shown(sample, _is_pair)


def sniff_sharegpt(sample: Sample) -> float:
    return _shown(sample, _is_sharegpt)


def sniff_alpaca(sample: Sample) -> float:
    return _shown(sample, _is_alpaca)


def sniff_completions(sample: Sample) -> float:
    return _shown(sample, _is_completion)


def sniff_messages(sample: Sample) -> float:
    found = 0.65 if _is_bare(sample.has) or _are_lists(sample) else _shown(sample, _is_messages)
    return found if found and not (sample.has("messages.item.role") and is_json_lines(sample)) else 0.0


KINDS: tuple[Kind, ...] = (
    Kind("openai_chat", "conversations as messages of language models (JSON)", read, sniff_messages),
    Kind("completions", "prompts and completions", read, sniff_completions),
    Kind("sharegpt", "a ShareGPT file", read, sniff_sharegpt),
    Kind("alpaca", "instructions in the form of Alpaca", read, sniff_alpaca),
    Kind("preference", "pairs of replies, one preferred", read, sniff_preference),
)
