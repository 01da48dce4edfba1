"""The Markdown of old versions of Rasa: `## intent:` and `## synonym:` with lists, and stories with `*` and `-`.

What is read comes in the shape of today's YAML, so that nobody else has to know of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from data.importers.entries import SAMPLE_CHARS, Flaw
from data.importers.lines import Line

SECTION = re.compile(r"^#{1,3}\s{0,9}(intent|synonym|regex|lookup)\s{0,9}:\s{0,9}(\S.*)$")
STORY = re.compile(r"^#{1,3}\s{0,9}(\S.*)$")
USER = re.compile(r"^\s{0,9}\*\s{0,9}(\S.*)$")
BOT = re.compile(r"^\s{1,9}-\s{0,9}(\S.*)$|^-\s{0,9}(\S.*)$")
_LISTED = re.compile(r"^\s{0,9}[-*+](?:\s{1,9}|$)(.*)$")
_TURN = re.compile(r"^([^\s:{}\"]+)\s{0,9}(\{[^{}]*\})?\s{0,9}(?::\s{0,9}(.*))?$")
_ACTION = re.compile(r"^[\w./+-]+$")
_EVENT = re.compile(r"^(slot|form|active_loop)\s{0,9}\{(.*)\}$")
_OR = re.compile(r"\s{1,9}OR\s{1,9}")
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->")

Part = tuple[str, Any]


@dataclass(slots=True)
class _Section:
    """What stands under one heading, in the shape of an entry of `nlu`, or of a story."""

    key: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)

    def parts(self) -> Iterator[Part]:
        if self.key == "nlu":
            yield "nlu", self.body
        elif self.key:
            yield from _told(self.body, self.steps)


def parts_of(lines: Iterable[Line]) -> Iterator[Part | Flaw]:
    """The sections of a file, one at a time."""
    section = _Section()
    is_comment = False
    for line in lines:
        if line.flaw is not None:
            yield Flaw(line.flaw, line.text[:SAMPLE_CHARS])
            continue
        text = _COMMENT.sub("", line.text)
        opens, closes = "<!--" in text, "-->" in text
        if is_comment or opens:
            is_comment = not closes
            continue
        head, story = SECTION.match(text), STORY.match(text)
        if head is not None or story is not None:
            yield from section.parts()
            section = _opened(head, story)
        elif text.strip():
            _add(section, text)
    yield from section.parts()


def _opened(head: re.Match[str] | None, story: re.Match[str] | None) -> _Section:
    if head is not None:
        return _Section("nlu", {head[1]: head[2].strip(), "examples": []})
    return _Section("stories", {"story": story[1].strip() if story is not None else ""})


def _add(section: _Section, text: str) -> None:
    """One line under a heading; of a list of examples also lines that are no part of it, which are told of later."""
    if section.key == "nlu":
        listed = _LISTED.match(text)
        is_file = "lookup" in section.body
        section.body["examples"] += [listed[1] if listed is not None else text] if listed or not is_file else []
        return
    user, bot = USER.match(text), BOT.match(text)
    if user is not None:
        section.steps.append(_heard(user[1].strip()))
    elif bot is not None:
        section.steps.append(_done((bot[1] or bot[2]).strip()))
    elif text.lstrip().startswith(">"):
        section.steps.append({"checkpoint": text.lstrip(" >").strip()})


def _heard(text: str) -> dict[str, Any]:
    """A user's turn: `greet`, `inform{"city": "Rome"}`, `greet: hello`, `greet OR hello`, `"hello"`."""
    several = _OR.split(text) if ": " not in text and not text.startswith('"') else [text]
    return {"or": [_turn(one) for one in several]} if len(several) > 1 else _turn(text)


def _turn(text: str) -> dict[str, Any]:
    if text.startswith('"') and text.endswith('"') and len(text) > 1:
        return {"user": text[1:-1]}
    found = _TURN.match(text)
    if found is None:
        return {"user": text}
    step: dict[str, Any] = {"intent": found[1]}
    if found[2]:
        step["entities"] = [found[2]]
    if found[3]:
        step["user"] = found[3]
    return step


def _done(text: str) -> dict[str, Any]:
    event = _EVENT.match(text)
    if event is not None:
        return {"slot_was_set" if event[1] == "slot" else "active_loop": event[2]}
    return {"action": text} if _ACTION.match(text) else {"bot": text.strip('"')}


def _told(body: dict[str, Any], steps: list[dict[str, Any]]) -> Iterator[Part]:
    """A story; or, where all it tells is what is answered to questions such as `faq/hours`, these answers."""
    heard = [step for step in steps if "intent" in step]
    said = [step for step in steps if "bot" in step]
    if heard and said and len(heard) + len(said) == len(steps) and all("/" in step["intent"] for step in heard):
        responses: dict[str, list[Any]] = {}
        name = ""
        for step in steps:
            name = f"utter_{step['intent']}" if "intent" in step else name
            if "bot" in step and name:
                responses.setdefault(name, []).append({"text": step["bot"]})
        yield "responses", responses
    else:
        yield "stories", {**body, "steps": steps}
