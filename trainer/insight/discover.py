"""The `discover` job: unlabelled user turns become suggested intents.

Each distinct message is looked at once, whatever number of customers said it. The base sees the messages untuned;
`trainer.insight.clusters` groups them, `data.naming` names the groups, a reviewer decides (`data.suggested`). Every
user turn is counted: looked at, labelled, decided on before, or beyond what one discovery reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.dedupe import normal_form, utterance_key
from data.erasing.quiet import wait_for_erasures
from data.errors import DatasetError, UsageError
from data.jobs import JobContext
from data.naming import names
from data.settings import Settings
from data.store import Tx, bots, discoveries, suggested_turns
from data.store.discoveries import Discovery
from data.store.suggestions import NewSuggestion, NewTurn, Place
from data.suggested import Said, user_messages
from trainer.bases.catalogue import base_for
from trainer.bases.known import DEFAULT
from trainer.core.embedding import embed_texts
from trainer.core.fit import set_threads
from trainer.insight.clusters import FEWEST_ROWS, Groups, group

MOST_TEXTS = 100_000
"""Distinct messages that are looked at: what their embeddings take is bounded."""
MOST_TURNS = 150_000
"""Turns that are looked at: they are written in one transaction, for which others wait."""
READ_CHARS = 2_000
"""Characters of a message that are read."""
CHECK_EVERY = 1_000
Emit = Callable[[Mapping[str, Any]], None]


@dataclass
class Heard:
    """The distinct messages, the turns in which each was said, and how many turns were not looked at, and why."""

    texts: list[str] = field(default_factory=list)
    places: list[list[Place]] = field(default_factory=list)
    turns: int = 0
    labelled: int = 0
    decided: int = 0
    beyond: int = 0
    _known: dict[str, int] = field(default_factory=dict)

    def add(self, said: Said) -> None:
        """Take a turn in, or count why not."""
        if said.text is None:
            self.decided += said.decided
            self.labelled += not said.decided
            return
        form = utterance_key(normal_form(said.text))
        at = self._known.get(form)
        if self.turns == MOST_TURNS or (at is None and len(self.texts) == MOST_TEXTS):
            self.beyond += 1
            return
        self.turns += 1
        if at is not None:
            self.places[at].append(said.place)
            return
        self._known[form] = len(self.texts)
        self.texts.append(said.text[:READ_CHARS])
        self.places.append([said.place])


@dataclass(frozen=True, slots=True)
class Found:
    """A group: its name, its telling terms, and its messages by number, the most typical first."""

    name: str
    terms: list[str]
    rows: list[int]


def discover(context: JobContext, settings: Settings, emit: Emit) -> dict[str, Any]:
    """The handler of `discover` jobs; returns counts, and the id of the discovery.

    Raises DatasetError when there is nothing to look at, BaseRefused.
    """
    if context.job.bot_id is None:
        raise UsageError("A discover job belongs to a bot.")
    with context.store.read() as tx:
        kept = discoveries.of_job(tx, context.job.id)
    kept = kept or _discovered(context, settings, emit, context.job.bot_id)
    return {"discovery": kept.id, **kept.facts}


def _discovered(context: JobContext, settings: Settings, emit: Emit, bot_id: str) -> Discovery:
    started, payload = time.monotonic(), context.job.payload
    seed = int(payload.get("seed") or 0)
    base = base_for(settings, str(payload.get("base") or DEFAULT))
    set_threads(settings.train.threads)
    wait_for_erasures(context.store, bot_id, context)
    emit({"type": "phase", "phase": "messages"})
    heard = listen(context, bot_id)
    emit({"type": "phase", "phase": "embeddings"})
    renderer = base.renderer()
    vectors = embed_texts(base.encoder(), renderer, heard.texts, context.check)
    emit({"type": "phase", "phase": "groups"})
    groups = group(vectors, seed, context.check)
    with context.store.read() as tx:
        found = _named(heard, groups, _taken(tx, bot_id))
    how = {"base": base.name, "seed": seed, "asked": payload.get("asked")}
    with context.begin() as tx:
        bots.lock(tx, bot_id)
        decided = suggested_turns.decided(tx, bot_id)
        new = [_suggestion(heard, groups, one, decided) for one in found]
        proposed = sorted((one for one in new if one.turns), key=lambda one: -len(one.turns))
        late = sum(place in decided for places in heard.places for place in places) if decided else 0
        facts = {**_facts(heard, proposed, late), **how, "seconds": round(time.monotonic() - started, 3)}
        return discoveries.keep(tx, bot_id, context.job.id, facts, proposed)


def listen(context: JobContext, bot_id: str) -> Heard:
    """All that is unlabelled. Raises DatasetError when that is next to nothing."""
    heard = Heard()
    for number, said in enumerate(user_messages(context.store, bot_id)):
        if number % CHECK_EVERY == 0:
            context.check()
        heard.add(said)
    if len(heard.texts) < FEWEST_ROWS:
        raise DatasetError(
            f"There are {len(heard.texts)} different messages without a label: too few to find intents in. "
            f"{heard.labelled} have a label, and {heard.decided} were decided on before.",
            remedy=f"Import more conversations, until there are {FEWEST_ROWS} such messages or more.",
            bot=bot_id,
        )
    return heard


def _taken(tx: Tx, bot_id: str) -> set[str]:
    """The names that intents have, and those that reviewers decided on."""
    _, profile = bots.profile(tx, bot_id)
    return {*(intent.name for intent in profile.intents), *suggested_turns.decided(tx, bot_id).values()}


def _named(heard: Heard, groups: Groups, taken: set[str]) -> list[Found]:
    order = np.argsort(-groups.nearness, kind="stable")
    members: list[list[int]] = [[] for _ in range(groups.count)]
    for row in order[groups.of[order] >= 0]:
        members[groups.of[row]].append(int(row))
    told = names([[heard.texts[row] for row in rows] for rows in members], taken)
    return [Found(name, terms, rows) for (name, terms), rows in zip(told, members, strict=True)]


def _suggestion(heard: Heard, groups: Groups, found: Found, decided: Mapping[Place, str]) -> NewSuggestion:
    """With the turns that nobody decided on while we looked."""
    turns = [
        NewTurn(place, rank, int(groups.halves[row]))
        for rank, row in enumerate(found.rows)
        for place in heard.places[row]
        if place not in decided
    ]
    return NewSuggestion(found.name, found.terms, turns)


def _facts(heard: Heard, proposed: list[NewSuggestion], late: int) -> dict[str, Any]:
    """Every user turn is in one of turns, labelled, decided and not_looked_at; those of turns are covered or not.
    `late` were decided on while we looked."""
    turns, covered = heard.turns - late, sum(len(one.turns) for one in proposed)
    return {
        "suggestions": len(proposed),
        "turns": turns,
        "texts": len(heard.texts),
        "covered": covered,
        "outliers": turns - covered,
        "coverage": round(covered / max(turns, 1), 4),
        "labelled": heard.labelled,
        "decided": heard.decided + late,
        "not_looked_at": heard.beyond,
    }
