"""The `discover` job: unlabelled user turns become suggested intents.

Each distinct message is looked at once, whatever number of customers said it. The base sees the messages untuned;
`trainer.clusters` groups them, `data.naming` names the groups, and a reviewer decides (`data.suggested`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.dedupe import normal_form
from data.erasing.quiet import wait_for_erasures
from data.errors import DatasetError, UsageError
from data.jobs import JobContext
from data.naming import names
from data.settings import Settings
from data.store import Tx, bots, suggested_turns, suggestions
from data.store.suggestions import Behind, NewSuggestion, Place
from data.suggested import unlabelled
from trainer.bases import DEFAULT, find_base
from trainer.clusters import FEWEST_ROWS, Groups, group
from trainer.embedding import embed
from trainer.fit import set_threads

MOST_TEXTS = 100_000
"""Distinct messages that are looked at: what their embeddings take is bounded. Later ones are counted."""
CHECK_EVERY = 1_000
Emit = Callable[[Mapping[str, Any]], None]


@dataclass
class Heard:
    """The messages, and all turns in which each was said. `labelled` and `beyond` count turns not looked at."""

    texts: list[str] = field(default_factory=list)
    places: list[list[Place]] = field(default_factory=list)
    labelled: int = 0
    beyond: int = 0

    @property
    def turns(self) -> int:
        return sum(len(places) for places in self.places)


def discover(context: JobContext, settings: Settings, emit: Emit) -> dict[str, Any]:
    """The handler of `discover` jobs; returns counts, and the id of the discovery.

    Raises DatasetError when there is nothing to look at, BaseRefused.
    """
    bot_id = context.job.bot_id
    if bot_id is None:
        raise UsageError("A discover job belongs to a bot.")
    started = time.monotonic()
    seed = int(context.job.payload.get("seed") or 0)
    base = find_base(str(context.job.payload.get("base") or DEFAULT), online=settings.train.online)
    set_threads(settings.train.threads)
    wait_for_erasures(context.store, bot_id, context)
    emit({"type": "phase", "phase": "dataset"})
    heard = listen(context, bot_id)
    emit({"type": "phase", "phase": "embeddings"})
    renderer = base.renderer()
    vectors = embed(base.encoder(), renderer, renderer.utterances(heard.texts), context.check)
    emit({"type": "phase", "phase": "groups"})
    groups = group(vectors, seed, context.check)
    with context.begin() as tx:
        found = _suggested(tx, bot_id, heard, groups)
        facts = {**_facts(heard, found), "base": base.name, "seed": seed}
        facts["seconds"] = round(time.monotonic() - started, 3)
        kept = suggestions.keep(tx, bot_id, context.job.id, facts, found)
    return {"discovery": kept.id, **facts}


def listen(context: JobContext, bot_id: str) -> Heard:
    """All that is unlabelled. Raises DatasetError when that is next to nothing."""
    heard, known = Heard(), dict[str, int]()
    for number, (place, text) in enumerate(unlabelled(context.store, bot_id)):
        if number % CHECK_EVERY == 0:
            context.check()
        if text is None:
            heard.labelled += 1
            continue
        form = normal_form(text)
        at = known.get(form)
        if at is None and len(known) == MOST_TEXTS:
            heard.beyond += 1
        elif at is None:
            known[form] = len(heard.texts)
            heard.texts.append(text)
            heard.places.append([place])
        else:
            heard.places[at].append(place)
    if len(heard.texts) < FEWEST_ROWS:
        raise DatasetError(
            f"There are {len(heard.texts)} different messages without a label: too few to find intents in.",
            remedy="Import more conversations; what reviewers accepted or dismissed is not looked at again.",
            bot=bot_id,
        )
    return heard


def _suggested(tx: Tx, bot_id: str, heard: Heard, groups: Groups) -> list[NewSuggestion]:
    """The groups with their names, the most typical turns first; without turns decided on while we looked."""
    decided = suggested_turns.decided(tx, bot_id)
    _, profile = bots.profile(tx, bot_id)
    taken = [intent.name for intent in profile.intents] + list(decided.values())
    order = np.argsort(-groups.nearness, kind="stable")
    members: list[list[int]] = [[] for _ in range(groups.count)]
    for row in order[groups.of[order] >= 0]:
        members[groups.of[row]].append(int(row))
    named = names([[heard.texts[row] for row in rows] for rows in members], taken)
    found = []
    for origin, ((name, terms), rows) in enumerate(zip(named, members, strict=True)):
        turns = [
            Behind(place, rank, origin, 2 * origin + int(groups.halves[row]))
            for rank, row in enumerate(rows)
            for place in heard.places[row]
            if place not in decided
        ]
        if turns:
            found.append(NewSuggestion(name, terms, turns))
    return sorted(found, key=lambda one: -len(one.turns))


def _facts(heard: Heard, found: list[NewSuggestion]) -> dict[str, Any]:
    covered = sum(len(one.turns) for one in found)
    return {
        "suggestions": len(found),
        "turns": heard.turns,
        "texts": len(heard.texts),
        "covered": covered,
        "outliers": heard.turns - covered,
        "coverage": round(covered / max(heard.turns, 1), 4),
        "labelled": heard.labelled,
        "not_looked_at": heard.beyond,
    }
