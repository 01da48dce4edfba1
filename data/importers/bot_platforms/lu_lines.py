"""The parts of a `.lu` or `.qna` file, line by line: what a line is follows from what it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from data.importers.lines import Line
from data.importers.nouns import Reason

Form = Literal["intent", "utterance", "pair", "value", "followup", "culture", "definition", "reference", "flaw"]

_HEAD = re.compile(r"^\s*(#{1,6})\s*([^#\s].*)$")
_LEGACY_ENTITY = re.compile(r"^\s*\$\s*([^:]{1,120}?)\s*:\s*(.*)$")
_ENTITY = re.compile(r"^\s*@\s*([A-Za-z]{1,20})\s+(.{1,200}?)\s*(?:=.*)?$")
_SECTION = re.compile(r"^\s*\*\*\s*([A-Za-z ]{1,40}?)\s*:?\s*\*\*\s*:?\s*$")
_LISTED = re.compile(r"^\s*[-*+](?:\s+(.*))?$")
_REFERENCE = re.compile(r"^\[[^\]]{0,400}\]\([^)]{1,1000}\)$")
_CULTURE = re.compile(r"^\s*>\s*!#\s*@(?:app|kb)\.(?:culture|language)\s*=\s*([A-Za-z-]{2,12})\s*$")
_ANCHOR = re.compile(r"^\s*<a\s+id\s*=", re.IGNORECASE)
_FENCE = "```"
_FOLLOWUP = re.compile(r"\]\(#\??([^)]{1,1000})\)\s{0,9}`context-only`")
_PAIR_ID = re.compile(r"^!\s{0,9}@qna\.pair\.id\s{0,9}=\s{0,9}(\S+)|<a\s{1,9}id\s{0,9}=\s{0,9}[\"']([^\"']{1,200})")
STATEMENT_CHARS = 500
"""A longer line is an example, a question, a value or nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing a file says. `name` is the intent of an utterance, the entity of a value, the id of a pair.

    A `followup` names a pair, by its id or its question, that means something only after another one.
    """

    form: Form
    text: str
    name: str = ""
    questions: tuple[str, ...] = ()
    extras: bool = False
    flaw: Reason | None = None


def parts(lines: Iterable[Line], most: int) -> Iterator[Part]:
    """What the lines say, in their order; of an answer no more than a little over `most` characters is kept."""
    reader = _Reader(most)
    for line in lines:
        yield from reader.take(line)
    yield from reader.finish()


class _Reader:
    def __init__(self, most: int) -> None:
        self._most = most
        self._under: Literal["", "intent", "entity", "question", "filters", "prompts", "answer"] = ""
        self._name = ""
        self._pair = ""
        self._questions: list[str] = []
        self._answer: list[str] = []
        self._chars = 0
        self._extras = False

    def take(self, line: Line) -> Iterator[Part]:
        text = line.text.rstrip()
        if line.flaw is not None:
            yield Part("flaw", text, flaw=line.flaw)
        elif self._under == "answer":
            if text.strip().startswith(_FENCE):
                yield from self.finish()
            elif self._chars <= self._most:
                self._answer.append(text)
                self._chars += len(text) + 1
        elif not text.strip():
            return
        elif text.lstrip().startswith(">"):
            found = _CULTURE.match(text[:STATEMENT_CHARS])
            if found is not None:
                yield Part("culture", found[1])
        elif _ANCHOR.match(text):
            self._identify(text[:STATEMENT_CHARS])
        elif self._questions and text.strip().startswith(_FENCE):
            self._under = "answer"
        else:
            yield from self._statement(text, text if len(text) <= STATEMENT_CHARS else "")

    def finish(self) -> Iterator[Part]:
        """The question that is open, with its answer."""
        if self._questions:
            answer = "\n".join(self._answer).strip()
            yield Part("pair", answer, self._pair, tuple(self._questions), extras=self._extras)
            self._questions, self._answer, self._chars = [], [], 0
            self._under, self._extras, self._pair = "prompts", False, ""

    def _identify(self, text: str) -> None:
        found = _PAIR_ID.search(text)
        if found is not None:
            self._pair = found[1] or found[2]

    def _statement(self, text: str, short: str) -> Iterator[Part]:
        head, listed, section = _HEAD.match(text), _LISTED.match(text), _SECTION.match(short)
        if section is not None:
            self._under = "prompts" if section[1].lower().startswith("prompt") else "filters"
            self._extras = bool(self._questions)
            if not self._questions:
                yield Part("definition", section[1])
        elif head is not None:
            yield from self._head(head[2].strip())
        elif listed is not None:
            yield from self._listed((listed[1] or "").strip())
        elif (entity := _LEGACY_ENTITY.match(short) or _ENTITY.match(short)) is not None:
            yield from self.finish()
            yield from self._entity(entity, is_legacy=text.lstrip().startswith("$"))
        elif _REFERENCE.match(text.strip()):
            yield from self.finish()
            yield Part("reference", text.strip())
        else:
            yield Part("flaw", text)

    def _head(self, title: str) -> Iterator[Part]:
        yield from self.finish()
        if title.startswith("!"):  # `# ! @qna.pair.id = 7` belongs to the question after it
            self._identify(title[:STATEMENT_CHARS])
        elif title.startswith("?"):
            self._under = "question"
            self._questions = [title[1:].strip()]
        else:
            self._under, self._name = "intent", title
            yield Part("intent", title, title)

    def _listed(self, text: str) -> Iterator[Part]:
        if self._under == "question":
            self._questions.append(text)
        elif self._under in ("filters", "prompts"):
            found = _FOLLOWUP.search(text)
            if found is not None:
                yield Part("followup", found[1].strip())
        elif self._under == "entity":
            value = text.removesuffix(":").strip()
            if value and self._name:
                yield Part("value", value, self._name)
        elif _REFERENCE.match(text):
            yield Part("reference", text)
        elif self._under == "intent":
            yield Part("utterance", text, self._name)
        else:
            yield Part("flaw", text)

    def _entity(self, found: re.Match[str], *, is_legacy: bool) -> Iterator[Part]:
        """`$city:goa=` and `@ list city =` have values; others are there to be learned, and say none."""
        self._under = "entity"
        if is_legacy:
            name, kind = found[1].strip(), found[2].strip()
            self._name = name if kind.endswith("=") and name.upper() != "PREBUILT" else ""
            if self._name and kind[:-1].strip():
                yield Part("value", kind[:-1].strip(), name)
        else:
            name, kind = found[2].split()[0].strip('"'), found[1].lower()
            self._name = name if kind == "list" else ""
        if not self._name:
            yield Part("definition", f"{name}: {kind}")
