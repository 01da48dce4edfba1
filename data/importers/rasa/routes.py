"""Where intents lead: which actions rules and stories let follow on a user's turn, and whether they agree.

A rule without a condition holds always, and wins over stories; what stories say holds when all of them say the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from data.importers.documents import items, table, tables, text

MAX_LEADS = 20
MAX_ACTIONS = 20
"""After so many actions without a word of the user's nobody can say what the answer was."""
_SILENT = frozenset(
    {
        "action_listen", "action_restart", "action_back", "action_session_start", "action_deactivate_loop",
        "action_unlikely_intent", "action_extract_slots",
    }
)  # fmt: skip
SESSION = "session_start"
"""Stands for the beginning of a talk, before anybody says a word."""
_LOOP = "..."
UTTER = "utter_"
"""What the names of responses begin with."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What follows on a user's turn: names of actions, and words that stand in the story itself."""

    actions: tuple[str, ...]
    words: tuple[str, ...] = ()
    is_rule: bool = False
    conditional: bool = False

    @property
    def deed(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.actions, self.words

    def opens(self, other: Lead) -> bool:
        """Whether the other one is this answer, after which a form goes on that it had interrupted."""
        count = len(self.actions)
        same = other.words == self.words and other.actions[:count] == self.actions
        return same and not (self.actions and any(name.startswith(UTTER) for name in other.actions[count:]))


@dataclass(slots=True)
class Routes:
    """The leads of every intent, each once."""

    known: dict[str, dict[Lead, None]] = field(default_factory=dict)

    def learn(self, story: dict[str, Any], *, is_rule: bool) -> None:
        """Take note of a story or rule."""
        conditional = is_rule and bool(story.get("condition"))
        for intents, turn in _turns(items(story.get("steps"))):
            lead = Lead(tuple(turn.actions), tuple(turn.words), is_rule, conditional or turn.conditional)
            for intent in intents if lead.actions or lead.words else ():
                leads = self.known.setdefault(intent, {})
                if len(leads) < MAX_LEADS:
                    leads[lead] = None

    def leads(self, intent: str) -> list[Lead]:
        """What the intent leads to: one lead where all agree, several where it depends, none where nobody says."""
        known = self.known.get(intent, {})
        rules = [lead for lead in known if lead.is_rule and not lead.conditional]
        leads = list({lead.deed: lead for lead in rules or known}.values())
        shortest = min(leads, key=lambda lead: len(lead.actions), default=None)
        return [shortest] if shortest is not None and all(map(shortest.opens, leads)) else leads


@dataclass(slots=True)
class _Turn:
    actions: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    conditional: bool = False


def _turns(steps: list[Any]) -> Iterator[tuple[list[str], _Turn]]:
    """(intents, what follows) for every user's turn of a story; of alternatives, several intents."""
    intents, turn = [SESSION], _Turn()
    starts = bool(steps) and table(steps[0]).get("action") == "action_session_start"
    for step in tables(steps):
        heard = intents_of(step)
        if heard or "user" in step or "or" in step:
            if starts:
                yield intents, turn
            intents, turn, starts = heard, _Turn(conditional=bool(step.get("entities"))), True
        elif step.get("action") or step.get("utter"):
            _act(turn, text(step.get("action")) or text(step.get("utter")))
        elif isinstance(step.get("bot"), str):
            turn.words += [step["bot"].strip()] if len(turn.words) < MAX_ACTIONS else []
        elif "checkpoint" in step or text(step.get("active_loop")) not in ("", "null", "~"):
            _act(turn, _LOOP)  # goes on elsewhere
        elif not turn.actions:
            turn.conditional = True
    if starts:
        yield intents, turn


def _act(turn: _Turn, name: str) -> None:
    if len(turn.actions) < MAX_ACTIONS and name not in _SILENT:
        turn.actions.append(name if len(turn.actions) < MAX_ACTIONS - 1 else _LOOP)


def intents_of(step: dict[str, Any]) -> list[str]:
    """The intents of a user's turn."""
    if isinstance(step.get("or"), list):
        return [intent for one in tables(step["or"]) for intent in intents_of(one)]
    intent = text(step.get("intent")).strip().removeprefix("/")
    return [intent] if intent else []
