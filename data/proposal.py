"""What an upload proposes for a bot's profile: intents, approved answers and standing texts of a bot defined elsewhere.

Importers yield hints; a `Proposal` gathers them, prepared like any text, and stands in the import report as `profile`.
Nothing is taken over by itself: `adopt` makes the profile that its owner then keeps as a new version. What the profile
says already always wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from data.importers.hints import IntentHint, ProfileHint
from data.importers.nouns import Reason
from data.importers.records import label_of
from data.profile import BotProfile, parse_profile
from data.schema import OUT_OF_SCOPE

MAX_INTENTS = 1_000
MAX_ANSWERS = 50
MAX_PHRASES = 200
MAX_LANGUAGES = 20
TEXT_CHARS = 4_000
DESCRIPTION_CHARS = 2_000
TITLE_CHARS = 200
_TEXTS = ("greeting", "fallback")

Prepare = Callable[[str], str]


class Proposal:
    """Gathers the hints of one upload. What is too long or too much is left out and counted in `left_out`."""

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._intents: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {"languages": [], "banned_phrases": []}
        self.left_out = 0

    def add(self, hint: ProfileHint) -> None:
        """Take note of one hint; of two that say different things the first counts, and answers add up."""
        for intent in hint.intents:
            self._add_intent(intent)
        for name in _TEXTS:
            text = self._text(getattr(hint, name), TEXT_CHARS)
            if text:
                self._texts.setdefault(name, text)
        self._lists["languages"] = _joined(self._lists["languages"], hint.languages, MAX_LANGUAGES)
        phrases = (self._text(phrase, TEXT_CHARS) for phrase in hint.banned_phrases)
        self._lists["banned_phrases"] = _joined(self._lists["banned_phrases"], phrases, MAX_PHRASES)

    def to_wire(self) -> dict[str, Any]:
        """Only what was proposed; {} where nothing was."""
        lists = {name: found for name, found in self._lists.items() if found}
        intents = {"intents": list(self._intents.values())} if self._intents else {}
        return {**self._texts, **lists, **intents}

    def _add_intent(self, hint: IntentHint) -> None:
        name = label_of(hint.name)
        if not name or isinstance(name, Reason) or name == OUT_OF_SCOPE:
            self.left_out += 1
            return
        if name not in self._intents and len(self._intents) >= MAX_INTENTS:
            self.left_out += 1
            return
        known = self._intents.setdefault(
            name, {"name": name, "title": "", "description": "", "answers": [], "handoff": False}
        )
        known["title"] = known["title"] or self._text(hint.title, TITLE_CHARS)
        known["description"] = known["description"] or self._text(hint.description, DESCRIPTION_CHARS)
        known["answers"] = _joined(
            known["answers"], (self._text(answer, TEXT_CHARS) for answer in hint.answers), MAX_ANSWERS
        )
        known["handoff"] = known["handoff"] or hint.handoff

    def _text(self, text: str, most: int) -> str:
        prepared = self._prepare(text) if text else ""
        if len(prepared) > most:
            self.left_out += 1
            return ""
        return prepared


def adopt(profile: BotProfile, proposed: Mapping[str, Any]) -> BotProfile:
    """The profile with what the upload proposes beside it. Raises ProfileError where the two do not fit together."""
    body = profile.to_wire()
    fresh = BotProfile(name=profile.name)
    for name in _TEXTS:
        if proposed.get(name) and getattr(profile, name) == getattr(fresh, name):
            body[name] = proposed[name]
    if proposed.get("languages") and profile.languages == fresh.languages:
        body["languages"] = list(proposed["languages"])
    body["banned_phrases"] = _joined(body["banned_phrases"], proposed.get("banned_phrases", ()), MAX_PHRASES)
    known = {intent["name"]: intent for intent in body["intents"]}
    for intent in proposed.get("intents", ()):
        mine = known.setdefault(intent["name"], {**intent, "answers": []})
        mine["answers"] = _joined(mine["answers"], intent.get("answers", ()), MAX_ANSWERS)
        for name in ("title", "description"):
            mine[name] = mine.get(name) or intent.get(name, "")
    body["intents"] = list(known.values())
    return parse_profile(body)


def _joined(known: Iterable[str], more: Iterable[str], most: int) -> list[str]:
    return list(dict.fromkeys([*known, *(one for one in more if one)]))[:most]
