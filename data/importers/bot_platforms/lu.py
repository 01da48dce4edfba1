"""Bot Framework: `.lu` and `.qna` files, what a bot understands and answers, in a kind of Markdown.

`# Intent` and a list of utterances; `$entity:type` or `@ list entity =` and a list of values; `# ? Question`, a list of
its other wordings, and the answer between fences. One file may hold all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice

from data.importers import records
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.answered import Pair, answered
from data.importers.bot_platforms.lu_lines import Part, parts
from data.importers.bot_platforms.lu_phrases import utterance_of
from data.importers.bot_platforms.phrases import Filler, Phrase
from data.importers.hints import IntentHint, ProfileHint
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import SetAside

OUT_OF_SCOPE_NAMES = frozenset({"none"})
_HEAD = re.compile(r"^#{1,6}\s*[^\s#]")
_QUESTION = re.compile(r"^#{1,6}\s*\?")
_FENCE = re.compile(r"^\s*```(?:markdown)?\s*$")
_ENTITY = re.compile(r"^\$[^:$]{1,120}:\s*\S|^@\s*(?:list|ml|simple|prebuilt|regex|composite|phraselist|patternany)\b")
_MODEL = re.compile(r"^>\s*!#\s*@")


def sniff(sample: Sample) -> float:
    """Questions with fenced answers, or intents with lists and signs of entities; Markdown alone has neither."""
    lines = sample.lines
    heads = sum(bool(_HEAD.match(line)) for line in lines)
    listed = sum(line.lstrip()[:2] in ("- ", "* ", "+ ") for line in lines)
    if any(_QUESTION.match(line) for line in lines):
        return 0.95 if any(_FENCE.match(line) for line in lines) else 0.7
    own = sum(bool(_ENTITY.match(line) or _MODEL.match(line)) for line in lines)
    named = sample.name.lower().endswith(".lu")
    others = sum(bool(line.strip()) and line[0] not in "#>-*+$@[ \t" for line in lines)
    if not heads or listed < heads or others:
        return 0.8 if own and listed else 0.0
    labelled = sum("={" in line or ("{" in line and "=" in line) for line in lines)
    is_rasa = any(line.startswith(("## intent:", "## synonym:", "## lookup:", "## regex:")) for line in lines)
    return 0.0 if is_rasa else 0.9 if own else 0.85 if named or labelled else 0.0


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """Utterances as labelled texts, questions with their answers. Raises ImportRefused where there are neither."""
    yield from phrases.or_refused(_items(source), "a Bot Framework definition (.lu or .qna)")


def _items(source: Source) -> Iterator[Item]:
    known = _Known()
    for member in source.members:
        for part in parts(source.lines(member), source.limits.max_cell_chars):
            if part.form == "value":
                known.filler.learn(part.name, [part.text])
            elif part.form == "followup":
                known.followups.add(part.text.casefold())
            elif part.form == "culture":
                known.cultures.append(part.text)
    codes = [code for code in map(records.language_of, known.cultures) if code]
    if codes:
        yield ProfileHint(languages=tuple(dict.fromkeys(codes)))
    rows = count(1)
    for member in source.members:
        for part in parts(source.lines(member), source.limits.max_cell_chars):
            yield from _read(part, rows, source, known)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the whole upload says: values of entities, pairs that only mean something after another one, languages."""

    filler: Filler = field(default_factory=Filler)
    followups: set[str] = field(default_factory=set)
    cultures: list[str] = field(default_factory=list)

    @property
    def language(self) -> str:
        return self.cultures[0] if len(set(self.cultures)) == 1 else ""


def _read(part: Part, rows: count[int], source: Source, known: _Known) -> Iterator[Item]:
    if part.form == "intent":
        if phrases.intent_of(part.name, OUT_OF_SCOPE_NAMES) == part.name:
            yield ProfileHint(intents=(IntentHint(part.name),))
    elif part.form == "utterance":
        yield from _utterance(part, next(rows), source, known)
    elif part.form == "pair":
        is_followup = not known.followups.isdisjoint({part.name.casefold(), part.questions[0].casefold()})
        pair = Pair(part.questions, part.text, known.language, is_followup=is_followup, extras=part.extras)
        first, *_ = islice(rows, pair.rows)
        yield from answered(pair, first, source.limits)
    elif part.form == "flaw":
        yield SetAside(next(rows), part.flaw or Reason.MALFORMED_ROW, part.text[: phrases.SAMPLE_CHARS])
    elif part.form == "reference":
        yield Remark("references_left_out", 0, part.text)
    elif part.form == "definition":
        yield Remark("parts_ignored", 0, part.text)


def _utterance(part: Part, row: int, source: Source, known: _Known) -> Iterator[Item]:
    if len(part.text) > source.limits.max_cell_chars:
        yield SetAside(row, Reason.TOO_LONG, part.text[: phrases.SAMPLE_CHARS])
        return
    found = utterance_of(part.text)
    label = phrases.intent_of(part.name, OUT_OF_SCOPE_NAMES)
    phrase = Phrase(found.text, label, known.language, found.marked)
    if found.template is not None:
        template = phrases.filled(found.template, phrase, known.filler)
        if isinstance(template, Reason):
            yield SetAside(row, template, part.text[: phrases.SAMPLE_CHARS])
            return
        yield Remark("placeholders_filled", row, part.text)
        phrase = template
    yield from phrases.taught(phrase, row, source.limits)


KINDS: tuple[Kind, ...] = (Kind("lu", "a Bot Framework definition (.lu or .qna)", read, sniff),)
