"""What the files of a Rasa project define together: intents, the answers that their rules and stories lead to, what the
bot says first, and what it says when it does not know.

An answer is approved where it follows from the definition alone: the responses of a question (`utter_faq/hours`), and
those that an intent always leads to. What an action of the bot's own code does is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from data.importers import records
from data.importers.hints import IntentHint, ProfileHint
from data.importers.nouns import Item, Remark
from data.importers.rasa import clicks
from data.importers.rasa.responses import BLANK, MAX_VARIATIONS, Responses
from data.importers.rasa.routes import SESSION, UTTER, Lead, Routes

MAX_ANSWER_CHARS = 4_000
"""Longer answers have no room in a profile."""
_HANDS_OVER = re.compile(r"hand_?(?:off|over)|to_human|human_|live_?agent", re.IGNORECASE)
_PROMPT = re.compile(r"^utter_(?:ask|invalid|slots_values)_")
_OPENING = (SESSION, "get_started", "start")
_UNSURE = "nlu_fallback"
"""The intent that stands for being sure of none."""
_GREETING = ("greet", "greeting", "hello", "hi")
_DEFAULTS = ("utter_default", "utter_fallback", "utter_please_rephrase")
_INNER = frozenset({SESSION, _UNSURE, "restart", "back"})
"""Intents that are the frame's own, unless somebody gave them examples."""


@dataclass(slots=True)
class Definition:
    """What the first reading of a project takes note of. `taught` are the intents that have examples."""

    languages: list[str] = field(default_factory=list)
    intents: dict[str, None] = field(default_factory=dict)
    taught: dict[str, None] = field(default_factory=dict)
    synonyms: dict[str, str] = field(default_factory=dict)
    responses: Responses = field(default_factory=Responses)
    routes: Routes = field(default_factory=Routes)

    @property
    def language(self) -> str:
        """The one language of the bot; "" where there are none or several."""
        return self.languages[0] if len(set(self.languages)) == 1 else ""

    def hints(self) -> Iterator[Item]:
        """What the profile is offered, and what of the definition it has no room for."""
        known = [code for code in map(records.language_of, self.languages) if code]
        if known and (self.intents or self.taught or self.responses.texts):
            yield ProfileHint(languages=tuple(dict.fromkeys(known)))
        yield from _Answers(self).items()


class _Answers:
    """Works out the answers of all intents; takes note of which responses were used."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._texts = definition.responses.texts
        self._used: set[str] = set()
        self._answers: dict[str, tuple[str, ...]] = {}

    def items(self) -> Iterator[Item]:
        questions = [name.removeprefix(UTTER) for name in self._texts if "/" in name]
        groups = {one.split("/")[0] for one in (*questions, *self._definition.taught) if "/" in one}
        listed = (*self._definition.intents, *self._definition.taught, *questions)
        names = [one for one in clicks.names(listed) if self._is_own(one, groups)]
        for name in dict.fromkeys((*names, *_OPENING, *self._out_of_scope())):
            yield from self._work_out(name, groups)
        for name in names:
            handoff = any(_HANDS_OVER.search(one) for lead in self._leads(name) for one in _unspoken(lead))
            yield ProfileHint(intents=(IntentHint(name, answers=self._answers.get(name, ()), handoff=handoff),))
        yield from self._standing()
        yield from self._unused()

    def _is_own(self, name: str, groups: set[str]) -> bool:
        """Whether customers can mean this: neither the frame's own intent nor the head of a group of questions."""
        return name in self._definition.taught or (name not in _INNER and name not in groups)

    def _out_of_scope(self) -> list[str]:
        heard = (*self._definition.routes.known, *self._definition.intents)
        return sorted((one for one in dict.fromkeys(heard) if clicks.label(one) != one), key=lambda one: one != _UNSURE)

    def _leads(self, intent: str) -> list[Lead]:
        return self._definition.routes.leads(intent)

    def _work_out(self, intent: str, groups: set[str]) -> Iterator[Remark]:
        """The answers of one intent."""
        own = UTTER + intent
        if "/" in intent and own in self._texts:
            self._used.add(own)
            complete, unfilled = _filled(self._texts[own])
            self._answers[intent] = tuple(complete)
            yield from unfilled
            return
        leads = self._leads(intent)
        if len(leads) > 1:
            yield Remark("definition_left_out", 0, f"{intent}: {' / '.join(map(_told, islice(leads, 4)))}")
        elif leads and not (intent in groups and _is_retrieval(leads[0], intent)):
            yield from self._said(intent, leads[0])

    def _said(self, intent: str, lead: Lead) -> Iterator[Remark]:
        """The answers that one lead gives: of several messages, one below the other."""
        own_code = _unspoken(lead)
        unknown = [name for name in lead.actions if name.startswith(UTTER) and name not in self._texts]
        if own_code or unknown:
            yield Remark("references_left_out" if unknown else "parts_ignored", 0, f"{intent}: {_told(lead)}")
            return
        spoken = [self._texts[name] for name in lead.actions if self._texts[name]]
        spoken += [[words] for words in lead.words]
        self._used.update(lead.actions)
        if sum(max(map(len, one)) for one in spoken) > MAX_ANSWER_CHARS:
            yield Remark("definition_left_out", 0, f"{intent}: {_told(lead)}")
            return
        count = min(MAX_VARIATIONS, max(map(len, spoken), default=0))
        joined = ["\n".join(one[number % len(one)] for one in spoken) for number in range(count)]
        complete, unfilled = _filled(joined)
        self._answers[intent] = tuple(complete)
        yield from unfilled

    def _standing(self) -> Iterator[Item]:
        """The greeting and the fallback: the first text of each; others have no room."""
        for intent in (*_OPENING, *_GREETING):
            if self._answers.get(intent):
                yield ProfileHint(greeting=self._answers[intent][0])
                break
        candidates = [text for intent in self._out_of_scope() for text in self._answers.get(intent, ())]
        for name in _DEFAULTS:
            if name not in self._used:
                self._used.update({name} & self._texts.keys())
                candidates += _filled(self._texts.get(name, []))[0]
        for number, text in enumerate(dict.fromkeys(candidates)):
            yield ProfileHint(fallback=text) if number == 0 else Remark("definition_left_out", 0, text)

    def _unused(self) -> Iterator[Remark]:
        """Responses that no intent leads to by itself: prompts of forms, and what the bot's own code says."""
        for name, texts in self._texts.items():
            if name not in self._used and texts:
                code = "parts_ignored" if _PROMPT.match(name) else "definition_left_out"
                yield Remark(code, 0, f"{name}: {texts[0]}")


def _filled(texts: list[str]) -> tuple[list[str], list[Remark]]:
    """The texts without blanks; of those with blanks, a remark."""
    complete = [text for text in dict.fromkeys(texts) if not BLANK.search(text)]
    return complete, [Remark("answers_unfilled", 0, text) for text in texts if BLANK.search(text)]


def _unspoken(lead: Lead) -> list[str]:
    return [name for name in lead.actions if not name.startswith(UTTER)]


def _is_retrieval(lead: Lead, intent: str) -> bool:
    return lead.actions in ((UTTER + intent,), (f"respond_{intent}",))


def _told(lead: Lead) -> str:
    return ", ".join((*lead.actions, *lead.words))
