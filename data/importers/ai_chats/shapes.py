"""The shapes in which conversations to train language models on are written, each told by the names of its fields.

messages, conversations, conversation, dialogue, contents, ...     a list of messages; or one text, `Human: ... AI: ...`
chosen, rejected; input, preferred_output, non_preferred_output    a pair of replies, one better than the other
instruction, input, output                                         Alpaca; `system`, `history` before it
prompt, completion                                                 a prompt and what follows it; texts or messages

`read` takes an object of any of these shapes to a `Dialog`: messages as `data.importers.messages` reads them, and what
is told of them. Pure; what does not fit there is left for that reader to set aside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from data.importers import strict_json
from data.importers.ai_chats.marked_text import begins_like_one, messages_in
from data.importers.dialogs import Dialog
from data.importers.messages import is_messages

LISTS = (
    "messages", "conversations", "conversation", "dialogue", "dialog", "dialogs", "contents", "items", "chat",
    "chat_messages",
)  # fmt: skip
TRANSCRIPTS = ("messages_display", "transcript", "conversation", "dialogue", "dialog", "chat", "conversations")
PAIRS = (
    ("chosen", "rejected"), ("chosen_messages", "rejected_messages"), ("preferred_output", "non_preferred_output"),
    ("chosen_response", "rejected_response"), ("response_chosen", "response_rejected"),
    ("preferred", "dispreferred"), ("accepted", "rejected"),
)  # fmt: skip
QUESTIONS = ("instruction", "prompt", "question", "query", "input")
ANSWERS = ("output", "completion", "response", "answer", "reply")
SYSTEMS = ("system", "system_prompt", "systemInstruction", "system_instruction")
_DETAILS = ("input", "context")
_LABELS = ("intent", "sentiment", "ts", "entities")
_JUDGED = ("kto_tag", "label")
_ASKS = re.compile(r"\s*(?:\n+\s*#{2,4}|\n*\s*[-=]>|\n-{3,})\s*$")
_STOPS = re.compile(r"(?:\s*\n?#{2,4}|\s+END|<\|endoftext\|>|</s>)\s*$")

_TELLING = frozenset((*LISTS, *TRANSCRIPTS, *QUESTIONS, *(better for better, _ in PAIRS)))
"""No object without one of these fields is of any shape."""

Body = Mapping[str, Any]
Messages = list[Any]


def shape_of(body: Body) -> str | None:
    """The name of the shape of an object, None for none: the more telling shape first."""
    if _TELLING.isdisjoint(body):
        return None
    return next((name for name, (fits, _) in _SHAPES.items() if fits(body)), None)


def are_fields(names: Collection[str]) -> bool:
    """Whether a table with columns of these names holds an object of one of the shapes in each row."""
    if any(better in names and worse in names for better, worse in PAIRS):
        return True
    if any(name in names for name in ("messages", "conversations")):
        return "text" not in names
    return any(name in names for name in QUESTIONS) and any(name in names for name in ANSWERS)


def read(body: Body) -> Dialog | None:
    """What an object holds; None for one of none of the shapes."""
    body = {name: _opened(value) for name, value in body.items()}
    shape = shape_of(body)
    return None if shape is None else _SHAPES[shape][1](body)


def _opened(value: Any) -> Any:
    """A list of messages that somebody wrote into a text, as tables hold them, is that list."""
    if isinstance(value, str) and value.lstrip().startswith(("[{", "[ {", "[\n")):
        try:
            return strict_json.loads(value)
        except strict_json.JsonError:
            return value
    return value


def _list_in(body: Body) -> str | None:
    for name in LISTS:
        value = body.get(name)
        if is_messages(value) or (name == "messages" and isinstance(value, list)):
            return name
    return None


def _transcript_in(body: Body) -> str | None:
    return next((name for name in TRANSCRIPTS if messages_in(body.get(name)) is not None), None)


def _pair_in(body: Body) -> tuple[str, str] | None:
    return next((pair for pair in PAIRS if pair[0] in body and pair[1] in body), None)


def _question_in(body: Body) -> tuple[str, str] | None:
    """The fields of what is asked and of what is answered."""
    question = next((name for name in QUESTIONS if isinstance(body.get(name), str | list)), None)
    answer = next((name for name in ANSWERS if name in body), None)
    return (question, answer) if question is not None and answer is not None else None


def _of_list(body: Body) -> Dialog:
    name = _list_in(body) or ""
    said = _system(body) + list(body[name])
    return Dialog(said, verdict=_verdict(body), known=_known(name, *SYSTEMS, *_judged(body), "conversation_id"))


def _of_transcript(body: Body) -> Dialog:
    name = _transcript_in(body) or ""
    known = _known(name, *_judged(body), "conversation_id")
    return Dialog(list(messages_in(body[name]) or ()), verdict=_verdict(body), known=known)


def _of_pair(body: Body) -> Dialog:
    better, worse = _pair_in(body) or ("", "")
    chosen, rejected = _said(body[better]), _said(body[worse])
    before = _system(body) + _before({name: value for name, value in body.items() if value != body[better]})
    if not before or _is_whole(chosen, before):
        shared = _shared(chosen, rejected)
        before, chosen, rejected = _without_repeats(before, chosen[:shared]), chosen[shared:], rejected[shared:]
    known = _known(better, worse, *QUESTIONS, *LISTS, *SYSTEMS, "history")
    return Dialog(before + chosen, rejected, verdict=1 if rejected and chosen else None, known=known)


def _of_question(body: Body) -> Dialog:
    question, answer = _question_in(body) or ("", "")
    asked, replied = body[question], body[answer]
    before = _system(body) + _history(body)
    if isinstance(asked, str):
        asked = messages_in(asked) or [_message("user", _with_details(body, question), body)]
        if len(asked) > 1 and not asked[-1].get("content"):
            asked = asked[:-1]  # whose turn it is
    if answer == "completion" and isinstance(replied, str):
        replied = _STOPS.sub("", replied)
    known = _known(question, answer, *_DETAILS, *SYSTEMS, *_LABELS, "label", *_judged(body), "history")
    return Dialog(before + list(asked) + _said(replied), verdict=_verdict(body), known=known)


def _before(body: Body) -> Messages:
    """What was said before the two replies of a pair."""
    name = _list_in(body)
    if name is not None:
        return list(body[name])
    question = next((name for name in QUESTIONS if isinstance(body.get(name), str | list | dict)), None)
    if question is None:
        return _history(body)
    asked = body[question]
    if isinstance(asked, dict):  # OpenAI: {"input": {"messages": [...], "tools": []}, ...}
        asked = asked.get("messages")
    if isinstance(asked, str):
        told = messages_in(asked) or [_message("user", _with_details(body, question), body)]
        asked = told[:-1] if len(told) > 1 and not told[-1].get("content") else told
    return _history(body) + (list(asked) if isinstance(asked, list) else [])


def _said(value: Any) -> Messages:
    """A reply, however it is written: as messages, as one message, as a conversation in a text, or as a text."""
    if isinstance(value, list):
        return list(value)
    if isinstance(value, dict):
        return [value] if "messages" not in value else _said(value["messages"])
    if begins_like_one(value):
        told = messages_in(value)
        if told is not None:
            return told
    return [_message("assistant", value)]


def _is_whole(reply: Messages, before: Messages) -> bool:
    """Whether a reply repeats the whole conversation that leads to it."""
    return len(reply) > 1 and isinstance(reply[0], dict) and len(reply) >= len([one for one in before if one])


def _shared(one: Messages, other: Messages) -> int:
    """How many messages two conversations begin with in common."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return same


def _without_repeats(before: Messages, shared: Messages) -> Messages:
    """What leads to a reply, once: the prompt of a pair stands in its conversations again."""
    texts = [_text(message) for message in shared]
    return [message for message in before if _text(message) not in texts] + shared


def _text(message: Any) -> str:
    value = message.get("content", message.get("value")) if isinstance(message, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _history(body: Body) -> Messages:
    """Alpaca: [[asked, answered], ...]; elsewhere a list of messages."""
    history = body.get("history")
    if is_messages(history):
        return list(history or ())
    said: Messages = []
    for pair in history if isinstance(history, list) else ():
        if isinstance(pair, list) and len(pair) == 2:
            said += [_message("user", pair[0]), _message("assistant", pair[1])]
        else:
            said.append(pair)
    return said


def _system(body: Body) -> Messages:
    value = next((body[name] for name in SYSTEMS if body.get(name)), None)
    if isinstance(value, dict):
        return [{**value, "role": "system"}]
    return [_message("system", value)] if isinstance(value, str) and value.strip() else []


def _with_details(body: Body, question: str) -> str:
    """An instruction, and what it is to be applied to."""
    asked = _ASKS.sub("", body[question]) if question == "prompt" else body[question]
    beside = [body[name] for name in _DETAILS if name != question and isinstance(body.get(name), str)]
    details = next((text for text in beside if text.strip()), "")
    return f"{asked}\n{details}" if details and asked.strip() else asked or details


def _message(role: str, content: Any, body: Body | None = None) -> dict[str, Any]:
    labels = {name: body[name] for name in _LABELS if name in body} if body is not None else {}
    if body is not None and "intent" not in labels and not isinstance(body.get("label"), bool):
        labels["intent"] = body.get("label")
    return {"role": role, "content": content, **labels}


def _verdict(body: Body) -> int | None:
    """What is said of the reply where each is judged by itself: good or not."""
    judged = _judged(body)
    return None if not judged else 1 if body[judged[0]] else -1


def _judged(body: Body) -> list[str]:
    return [name for name in _JUDGED if isinstance(body.get(name), bool)]


def _known(*names: str) -> frozenset[str]:
    return frozenset(names)


_SHAPES: Mapping[str, tuple[Callable[[Body], Any], Callable[[Body], Dialog]]] = {
    "preference": (_pair_in, _of_pair),
    "messages": (_list_in, _of_list),
    "instruction": (lambda body: "instruction" in body and _question_in(body), _of_question),
    "completion": (_question_in, _of_question),
    "transcript": (_transcript_in, _of_transcript),
}
