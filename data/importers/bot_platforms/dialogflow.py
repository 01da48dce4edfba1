"""Dialogflow ES: an agent as its console exports it (a zip, or the folder packed), or single files of it.

`agent.json` names the languages, `intents/NAME.json` holds the answers (in old versions the phrases too),
`intents/NAME_usersays_LANG.json` the phrases in pieces, some of which are entities, `entities/` the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from data.importers import records
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.dialogflow_answers import answers_of
from data.importers.bot_platforms.phrases import Blank, Filler, Marked, Phrase
from data.importers.container import Member
from data.importers.documents import documents, entries, table, tables, text, texts
from data.importers.hints import IntentHint, ProfileHint
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import OUT_OF_SCOPE, SetAside

Form = Literal["agent", "intent", "phrases", "entity", "entries", "version", ""]

_PHRASES = re.compile(r"(?:^|/)([^/]+)_usersays_([A-Za-z_-]{2,12})\.json(?:\.gz)?$")
_ENTRIES = re.compile(r"(?:^|/)([^/]+)_entries_[A-Za-z_-]{2,12}\.json(?:\.gz)?$")
_STEM = re.compile(r"([^/]+?)\.json(?:\.gz)?$")
_FALLBACK = re.compile(r"^default fallback intent$| - fallback$", re.IGNORECASE)
"""What the console calls them; of a file of phrases by itself nothing else tells."""
_BLANK = re.compile(r"@([\w.-]+)(?::([\w.-]+))?")


def form_of(sample: Sample) -> Form:
    """Which file of an agent this is, by its content."""
    has = sample.has
    if has("item.data.item.text") and (
        has("item.isTemplate")
        or has("item.count")
        or has("item.data.item.userDefined")
        or _PHRASES.search(sample.name) is not None
    ):
        return "phrases"
    if has("item.value", "item.synonyms") and not sample.paths & {"item.text", "item.id"}:
        return "entries"
    if has("userSays.item.data") or (has("responses", "name") and sample.paths & {"auto", "webhookUsed", "contexts"}):
        return "intent"
    if has("name") and sample.paths & {"isOverridable", "isEnum", "automatedExpansion", "allowFuzzyExtraction"}:
        return "entity"
    if has("language") and sample.paths & {"customClassifierMode", "googleAssistant", "mlMinConfidence"}:
        return "agent"
    return "version" if sample.paths == {"version"} else ""


_SURE = {"phrases": 0.95, "intent": 0.95, "agent": 0.95, "entity": 0.9, "entries": 0.75, "version": 0.0, "": 0.0}


def sniff(sample: Sample) -> float:
    return _SURE[form_of(sample)]


def sniff_folder(samples: Sequence[Sample]) -> float:
    """An agent's own file, or an intent, beside whatever else was packed with it."""
    forms = set()
    for sample in samples:
        forms.add(form_of(sample) if sample.name.endswith(".json") else "")
        sample.forget()
    return 0.97 if forms & {"intent", "phrases"} else 0.8 if "agent" in forms and "entity" in forms else 0.0


@dataclass(slots=True)
class _Agent:
    """What has to be known before the phrases: the main language, real names, what is out of scope, example values."""

    languages: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    fallbacks: set[str] = field(default_factory=set)
    filler: Filler = field(default_factory=Filler)
    stated: set[str] = field(default_factory=set)

    def intent(self, stem: str) -> str:
        """The label of the phrases of a file of that name."""
        name = self.names.get(stem, stem)
        return OUT_OF_SCOPE if name in self.fallbacks or _FALLBACK.search(name) else name


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The phrases as labelled texts; the rest as what it defines. Raises ImportRefused where there is neither."""
    yield from phrases.or_refused(_items(source), "a Dialogflow agent")


def _items(source: Source) -> Iterator[Item]:
    forms = {member.name: form_of(Sample(member, source.written(member).encoding)) for member in source.members}
    agent = _Agent()
    for wanted in ("agent", "entries", "entity"):
        for member in (one for one in source.members if forms[one.name] == wanted):
            yield from _learn(source, member, agent)
    if agent.languages:
        known = [code for code in map(records.language_of, agent.languages) if code]
        yield ProfileHint(languages=tuple(dict.fromkeys(known)))
    for member in source.members:
        if forms[member.name] == "intent":
            for document in documents(source, member):
                yield from _defined(table(document), _stem(member), agent)
    yield from _rows(source, forms, agent)


def _learn(source: Source, member: Member, agent: _Agent) -> Iterator[Remark]:
    """Take note of an agent's own file, or of the values of an entity; what is broken is a row, later on."""
    named = _ENTRIES.search(member.name)
    if named is not None:
        for found in entries(source, member, ("item",)):
            agent.filler.learn(named[1], _words(table(found[1])) if isinstance(found, tuple) else ())
        return
    for document in documents(source, member):
        body = table(document)
        if body.get("language"):
            agent.languages += [text(body["language"]), *texts(body.get("supportedLanguages"))]
        for entry in tables(body.get("entries")):
            agent.filler.learn(text(body.get("name")), _words(entry))
        if text(body.get("description")).strip():
            yield Remark("parts_ignored", 0, "the agent's description")


def _words(entry: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys([*texts(entry.get("value")), *texts(entry.get("synonyms"))]))


def _defined(intent: dict[str, Any], stem: str, agent: _Agent) -> Iterator[Item]:
    """What an intent defines: its answers, or the bot's greeting or fallback."""
    if not intent:
        return
    name = text(intent.get("name")) or stem
    agent.names[stem] = name
    found = answers_of(tables(intent.get("responses")), agent.languages[0] if agent.languages else "")
    yield from found.remarks
    ignored = [part for part in ("contexts", "webhookUsed", "templates") if intent.get(part)]
    if ignored:
        yield Remark("parts_ignored", 0, f"{name}: {', '.join(ignored)}")
    is_fallback, answers = intent.get("fallbackIntent") is True, found.texts
    if is_fallback:
        agent.fallbacks.add(name)
    if intent.get("contexts") or intent.get("parentId"):  # what fits only where the talk is
        yield from (Remark("definition_left_out", 0, answer) for answer in answers)
        answers = ()
    if is_fallback:
        yield from _standing("fallback", answers, agent)
        return
    if any("WELCOME" in text(event.get("name")).upper() for event in tables(intent.get("events"))):
        yield from _standing("greeting", answers[:1], agent)
    yield ProfileHint(intents=(IntentHint(name, answers=answers, handoff=intent.get("liveAgentHandoff") is True),))


def _standing(name: str, answers: Sequence[str], agent: _Agent) -> Iterator[Item]:
    """The first of all such texts, for which the profile has room."""
    for answer in answers:
        if name in agent.stated:
            yield Remark("definition_left_out", 0, answer)
        else:
            agent.stated.add(name)
            yield ProfileHint(greeting=answer) if name == "greeting" else ProfileHint(fallback=answer)


def _rows(source: Source, forms: dict[str, Form], agent: _Agent) -> Iterator[Item]:
    rows = count(1)
    for member in source.members:
        form = forms[member.name]
        if form == "" and len(source.members) > 1:
            yield Remark("files_skipped", 0, member.name)
            continue
        like = _like(member, form, agent)
        for said in entries(source, member, ("item",) if form in ("phrases", "") else ("userSays.item",)):
            row = next(rows)
            if isinstance(said, Reason):
                yield SetAside(row, said, member.name)
                continue
            if like.intent is None:
                yield Remark("intents_unknown", row, member.name)
            yield from _said(said[1], like, row, source, agent.filler)


def _like(member: Member, form: Form, agent: _Agent) -> Phrase:
    """What the phrases of a file have in common: their intent, which only its name tells, and their language."""
    named = _PHRASES.search(member.name)
    if named is not None:
        return Phrase("", agent.intent(named[1]), named[2])
    return Phrase("", (agent.intent(_stem(member)) or None) if form == "intent" else None)


def _said(raw: Any, like: Phrase, row: int, source: Source, filler: Filler) -> Iterator[Item]:
    """One phrase, in pieces; of templates, filled."""
    body = table(raw)
    parts = tables(body.get("data"))
    if not parts:
        yield SetAside(row, Reason.UNKNOWN_SHAPE if not isinstance(body.get("data"), list) else Reason.EMPTY_MESSAGE)
        return
    words, marked, place = "", [], 0
    for part in parts:
        piece = text(part.get("text"))
        kind = text(part.get("alias")) or text(part.get("meta")).removeprefix("@")
        if kind and text(part.get("meta")) != "@sys.ignore":
            marked.append(Marked(place, place + len(piece), kind))
        place += len(piece)
        words += piece
    phrase = Phrase(words, like.intent, text(body.get("lang")) or like.language, tuple(marked))
    if body.get("isTemplate") is True:
        cut = phrases.pieces(words, _BLANK, lambda found: Blank(found[1], found[2] or found[1]))
        template = phrases.filled(cut, phrase, filler)
        if isinstance(template, Reason):
            yield SetAside(row, template, words[: phrases.SAMPLE_CHARS])
            return
        yield Remark("placeholders_filled", row, words)
        phrase = template
    yield from phrases.taught(phrase, row, source.limits)


def _stem(member: Member) -> str:
    found = _STEM.search(member.name)
    return found[1] if found is not None else ""


KINDS: tuple[Kind, ...] = (Kind("dialogflow", "a Dialogflow ES agent", read, sniff, sniff_folder),)
