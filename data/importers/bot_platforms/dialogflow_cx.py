"""Dialogflow CX: an agent as its console exports it (JSON package, a zip of folders).

`intents/NAME/trainingPhrases/LANG.json` holds the phrases, `entityTypes/` values. Answers stand in the flows: what is
said on a route that an intent leads along is the intent's answer; handlers of `sys.no-match-default` hold the fallback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from data.importers import records
from data.importers.bot_platforms import phrases
from data.importers.bot_platforms.phrases import Marked, Phrase
from data.importers.container import Member
from data.importers.documents import documents, entries, table, tables, text, texts
from data.importers.hints import IntentHint, ProfileHint
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.schema import OUT_OF_SCOPE, SetAside

Form = Literal["agent", "intent", "phrases", "flow", "definition", ""]

BLANKS = re.compile(r"\$(?:session|page|intent|request|flow|sys|conversation)\.[\w.-]+|\$\{|\$[A-Za-z_]\w*\(")
_PHRASES = re.compile(r"(?:^|/)intents/([^/]+)/trainingPhrases/([A-Za-z_-]{2,12})\.json$")
_INTENT = re.compile(r"(?:^|/)intents/([^/]+)/[^/]+\.json$")
_WELCOME = "default welcome intent"


def form_of(sample: Sample) -> Form:
    """Which file of an agent this is, by its content."""
    has = sample.has
    if has("trainingPhrases.item.parts.item.text"):
        return "phrases"
    if has("displayName") and sample.paths & {"startFlow", "defaultLanguageCode", "gitIntegrationSettings"}:
        return "agent"
    if has("displayName") and sample.paths & {"transitionRoutes", "eventHandlers", "entryFulfillment", "nluSettings"}:
        return "flow"
    if has("displayName") and sample.paths & {"isFallback", "numTrainingPhrases", "parameters.item.entityType"}:
        return "intent"
    return "definition" if has("displayName") and sample.paths & {"kind", "autoExpansionMode"} else ""


def sniff(sample: Sample) -> float:
    form = form_of(sample)
    return 0.95 if form == "phrases" else 0.8 if form in ("agent", "flow") else 0.6 if form == "intent" else 0.0


def sniff_folder(samples: Sequence[Sample]) -> float:
    """Phrases or flows beside whatever else was packed with them."""
    forms = set()
    for sample in samples:
        forms.add(form_of(sample) if sample.name.endswith(".json") else "")
        sample.forget()
    return 0.97 if "phrases" in forms or {"agent", "flow"} <= forms else 0.0


@dataclass(slots=True)
class _Agent:
    """What the other files say: the main language, and of each folder of an intent its name."""

    language: str = ""
    names: dict[str, str] = field(default_factory=dict)
    fallbacks: set[str] = field(default_factory=set)
    stated: set[str] = field(default_factory=set)


def read(source: Source, options: ImportOptions) -> Iterator[Item]:
    """The phrases as labelled texts; the rest as what it defines. Raises ImportRefused where there is neither."""
    yield from phrases.or_refused(_items(source), "a Dialogflow CX agent")


def _items(source: Source) -> Iterator[Item]:
    forms = {member.name: form_of(Sample(member, source.written(member).encoding)) for member in source.members}
    agent = _Agent()
    for wanted in ("agent", "intent", "flow"):
        for member in (one for one in source.members if forms[one.name] == wanted):
            for document in documents(source, member):
                body = table(document)
                if wanted == "agent":
                    agent.language = agent.language or text(body.get("defaultLanguageCode"))
                    yield _languages(body)
                elif wanted == "intent":
                    yield from _intent(body, member, agent)
                else:
                    yield from _flow(body, agent, is_page="/pages/" in member.name)
    yield from _rows(source, forms, agent)


def _languages(agent: dict[str, Any]) -> ProfileHint:
    named = [text(agent.get("defaultLanguageCode")), *texts(agent.get("supportedLanguageCodes"))]
    return ProfileHint(languages=tuple(code for code in map(records.language_of, named) if code))


def _intent(body: dict[str, Any], member: Member, agent: _Agent) -> Iterator[Item]:
    name = text(body.get("displayName"))
    folder = _INTENT.search(member.name)
    agent.names[folder[1] if folder is not None else ""] = name
    if body.get("isFallback") is True:
        agent.fallbacks.add(name)
    elif name:
        yield ProfileHint(intents=(IntentHint(name, description=text(body.get("description"))),))


def _flow(body: dict[str, Any], agent: _Agent, *, is_page: bool) -> Iterator[Item]:
    """What is said where an intent leads, and where nothing matches; on a page that only fits where the talk is."""
    for route in tables(body.get("transitionRoutes")):
        answers, remarks = _answers(table(route.get("triggerFulfillment")), agent)
        yield from remarks
        intent = text(route.get("intent")).rpartition("/")[2]
        if is_page or not intent:
            yield from (Remark("definition_left_out", 0, answer) for answer in answers)
            continue
        if intent.casefold() == _WELCOME:
            yield from _standing("greeting", answers[:1], agent)
        yield ProfileHint(intents=(IntentHint(intent, answers=answers, handoff=_hands_over(route)),))
    for handler in tables(body.get("eventHandlers")):
        answers, remarks = _answers(table(handler.get("triggerFulfillment")), agent)
        yield from remarks
        if text(handler.get("event")) == "sys.no-match-default" and not is_page:
            yield from _standing("fallback", answers, agent)
        else:
            yield from (Remark("definition_left_out", 0, answer) for answer in answers)
    if body.get("form") or body.get("entryFulfillment"):
        yield Remark("parts_ignored", 0, f"{text(body.get('displayName'))}: what is said and asked on entering a page")


def _standing(name: str, answers: Sequence[str], agent: _Agent) -> Iterator[Item]:
    """The first of all such texts, for which the profile has room."""
    for answer in answers:
        if name in agent.stated:
            yield Remark("definition_left_out", 0, answer)
        else:
            agent.stated.add(name)
            yield ProfileHint(greeting=answer) if name == "greeting" else ProfileHint(fallback=answer)


def _answers(fulfilment: dict[str, Any], agent: _Agent) -> tuple[tuple[str, ...], list[Remark]]:
    """The texts of a fulfilment in the main language, and what there is to say about what is none."""
    messages = tables(fulfilment.get("messages"))
    spoken = [(text(one.get("languageCode")), texts(table(one.get("text")).get("text"))) for one in messages]
    main = [words for code, words in spoken if not agent.language or code in ("", agent.language)]
    used = main if any(main) else [words for _, words in spoken]
    kept, remarks = phrases.complete((one for words in used for one in words), BLANKS)
    said = {one for words in used for one in words}
    remarks += [Remark("definition_left_out", 0, one) for _, words in spoken for one in words if one not in said]
    if fulfilment.get("webhook") or not all(words for _, words in spoken):
        remarks.append(Remark("parts_ignored", 0, "a payload, card or webhook"))
    return kept, remarks


def _hands_over(route: dict[str, Any]) -> bool:
    fulfilment = table(route.get("triggerFulfillment"))
    return any("liveAgentHandoff" in message for message in tables(fulfilment.get("messages")))


def _rows(source: Source, forms: dict[str, Form], agent: _Agent) -> Iterator[Item]:
    rows = count(1)
    for member in source.members:
        form = forms[member.name]
        if form == "" and len(source.members) > 1:
            yield Remark("files_skipped", 0, member.name)
            continue
        named = _PHRASES.search(member.name)
        folder, language = (named[1], named[2]) if named is not None else ("", "")
        intent = agent.names.get(folder, folder) or None
        label = OUT_OF_SCOPE if intent in agent.fallbacks else intent
        for said in entries(source, member, ("trainingPhrases.item",)):
            row = next(rows)
            if isinstance(said, Reason):
                yield SetAside(row, said, member.name)
                continue
            if label is None:
                yield Remark("intents_unknown", row, member.name)
            yield from phrases.taught(_phrase(table(said[1]), label, language), row, source.limits)


def _phrase(body: dict[str, Any], label: str | None, language: str) -> Phrase:
    words, marked, place = "", [], 0
    for part in tables(body.get("parts")):
        piece = text(part.get("text"))
        if text(part.get("parameterId")):
            marked.append(Marked(place, place + len(piece), part["parameterId"]))
        place += len(piece)
        words += piece
    return Phrase(words, label, text(body.get("languageCode")) or language, tuple(marked))


KINDS: tuple[Kind, ...] = (Kind("dialogflow_cx", "a Dialogflow CX agent", read, sniff, sniff_folder),)
