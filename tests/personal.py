"""Lines with personal data marked by hand, and how recognisers are scored on them.

Four sets: `tests/data/personal.jsonl`, written by somebody who had not read the recognisers; `personal_blind.jsonl`
beside it, written likewise once the recognisers had been mended on the first; `personal_fresh.jsonl`, written once
they had been mended on that; and the hard lines beside the recognisers' tests, one kind of trouble a line. What stands
in neither list of a line must not be marked either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from data.redact import Redactor
from data.settings import ImportSettings

SETS = Path(__file__).parent / "data"
LINES = Path(__file__).parent / "unit" / "data" / "personal"
"""Where `hard_lines.txt` lies, written before the recognisers, and `more_lines.txt`, written after them."""
STRUCTURED = ("email", "phone", "card", "iban", "ip", "secret", "id", "order")
KIND_OF = {"url_credentials": "secret", "national_id": "id"}
"""Where the set names a type in another way than the recognisers."""
_MARK = re.compile(r"\{(!?)(\w+):(.*?)\}")


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a line and what it is, or only looks like."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Line:
    """A message; `spans` must be hidden, `lookalikes` must stay."""

    text: str
    language: str
    region: str
    spans: tuple[Mark, ...]
    lookalikes: tuple[Mark, ...]


@dataclass(slots=True)
class Score:
    """Counts of one kind, and what went wrong, to look at."""

    found: int = 0
    exact: int = 0
    missed: list[tuple[Line, Mark]] = field(default_factory=list)
    false: list[tuple[Line, Mark]] = field(default_factory=list)

    @property
    def f1(self) -> float:
        wrong = len(self.missed) + len(self.false)
        return 2 * self.found / (2 * self.found + wrong) if self.found or wrong else 1.0

    @property
    def recall(self) -> float:
        return self.found / (self.found + len(self.missed)) if self.found or self.missed else 1.0

    @property
    def precision(self) -> float:
        return self.found / (self.found + len(self.false)) if self.found or self.false else 1.0


def the_set(name: str = "personal") -> list[Line]:
    """The rows of a set, with the recognisers' names of the types."""
    # Not str.splitlines: a text may hold a line separator of Unicode.
    lines = (SETS / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    bodies = [json.loads(line) for line in lines if line]
    return [
        Line(body["text"], body["language"], body["region"], _marks(body["spans"]), _marks(body["lookalikes"]))
        for body in bodies
    ]


def hard_lines(*names: str) -> list[Line]:
    """The lines of these files, by default of both."""
    texts = [(LINES / f"{name}.txt").read_text(encoding="utf-8") for name in names or ("hard_lines", "more_lines")]
    lines = [line for text in texts for line in text.splitlines()]
    return [_read(line) for line in lines if line and not line.startswith("#")]


@lru_cache
def redactor(region: str) -> Redactor:
    """Everything on, as a brand of that region would have it."""
    return Redactor(ImportSettings(phone_region=region))


def score(lines: Iterable[Line], kinds: Iterable[str]) -> dict[str, Score]:
    """By kind: a mark is found when something of its kind covers it; whatever else is found is a false alarm."""
    scores = {kind: Score() for kind in kinds}
    for line in lines:
        marked = redactor(line.region).find(line.text)
        for kind, one in scores.items():
            _score_line(line, [Mark(m.start, m.end, m.kind) for m in marked if m.kind == kind], kind, one)
    return scores


def _score_line(line: Line, marked: list[Mark], kind: str, score: Score) -> None:
    for gold in (mark for mark in line.spans if mark.kind == kind):
        covering = [mark for mark in marked if mark.start <= gold.start and gold.end <= mark.end]
        if covering:
            score.found += 1
            score.exact += gold in covering
        else:
            score.missed.append((line, gold))
    for mark in marked:
        if not any(mark.start < gold.end and gold.start < mark.end for gold in line.spans if gold.kind == kind):
            score.false.append((line, mark))


def by_language(lines: Iterable[Line]) -> dict[str, list[Line]]:
    grouped: dict[str, list[Line]] = {}
    for line in lines:
        grouped.setdefault(line.language, []).append(line)
    return grouped


def _marks(bodies: Iterable[dict[str, object]]) -> tuple[Mark, ...]:
    return tuple(_mark(body) for body in bodies)


def _mark(body: dict[str, object]) -> Mark:
    kind = str(body["type"])
    return Mark(int(str(body["start"])), int(str(body["end"])), KIND_OF.get(kind, kind))


def _read(line: str) -> Line:
    language, region, marked = line.split("|", 2)
    text, spans, lookalikes, last = "", [], [], 0
    marked = marked.replace("\\n", "\n")
    for match in _MARK.finditer(marked):
        text += marked[last : match.start()]
        mark = Mark(len(text), len(text) + len(match[3]), match[2])
        (lookalikes if match[1] else spans).append(mark)
        text += match[3]
        last = match.end()
    return Line(text + marked[last:], language, region, tuple(spans), tuple(lookalikes))
