"""Which base suits a bot: every encoder there is, looked at with its own messages on this machine, and one named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from data.appraise import UNKNOWN_SHARE
from data.errors import BaseRefused
from data.examples import user_turns
from data.files import Blobs
from data.settings import Settings
from data.store import Store, bots, conversations, open_store
from trainer.bases.catalogue import LocalBase, base_for
from trainer.bases.foreign.licence import in_a_line
from trainer.bases.shelf import listing
from trainer.core.embedding import embed_texts
from trainer.core.fit import set_threads
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import Estimate, for_intents
from trainer.intents.intent_data import IntentData, Utterances, is_trainable
from trainer.intents.languages import Tokenised
from trainer.package import median_ms
from trainer.recipes import pick_intent

MOST_TURNS = 5_000
"""Messages of the bot that are looked at, the first ones."""
TIMED = 30
ANY_LANGUAGE = "mul"


@dataclass(frozen=True, slots=True)
class Advice:
    """One base beside a bot. None stands for what could not be measured: the base is not here, or nothing is labelled.

    `missing`: languages of the bot that the base does not name; `latency_ms` of one text in torch, on one thread, which
    the exported model takes about a third of; `seconds` and `memory_bytes` of training intents on these messages."""

    name: str
    licence: str
    limits: tuple[str, ...]
    terms: str
    languages: tuple[str, ...]
    missing: tuple[str, ...]
    state: str
    bytes: int | None = None
    unknown_share: float | None = None
    latency_ms: float | None = None
    seconds: float | None = None
    memory_bytes: int | None = None

    @property
    def order(self) -> tuple[bool, bool, bool, float]:
        """Less is better: what it reads, what it knows, on which terms, how fast."""
        strange = (self.unknown_share or 0.0) > UNKNOWN_SHARE
        return bool(self.missing), strange, bool(self.limits), self.latency_ms or 0.0


def advise(settings: Settings, bot_name: str) -> dict[str, Any]:
    """`bases`, each with what was found out, and `recommended` with its `reason`. Raises NotFound for a bot that is not
    there."""
    opened = open_store(settings.store_url, home=settings.home, busy_seconds=settings.store.busy_seconds)
    with opened as everything:
        store = everything.for_workspace(settings.workspace)
        with store.read() as tx:
            bot = bots.get(tx, bot_name)
            languages = bots.profile(tx, bot.id)[1].languages
        texts, labelled = _said(store, bot.id)
    encoders = [one for one in listing(settings) if one["use"] == "read"]
    found = [_looked(settings, one, languages, (texts, labelled)) for one in encoders]
    name, reason = recommend(found)
    told = [asdict(one) for one in found]
    return {"bot": bot_name, "messages": len(texts), "bases": told, "recommended": name, "reason": reason}


def recommend(found: Sequence[Advice]) -> tuple[str | None, str]:
    """(the base that suits best, why, in a sentence)"""
    here = [one for one in found if one.bytes is not None and one.licence not in ("", "unknown")]
    if not here:
        return None, "No base is here whose licence is known: install the train extra, or import one."
    best = min(here, key=lambda one: one.order)
    knows = "" if best.unknown_share is None else f" knows {1 - best.unknown_share:.1%} of the tokens of the messages,"
    if best.missing:
        least = f"Of the bases that are here, {best.name} suits best, but it does not name {', '.join(best.missing)}"
        return best.name, f"{least}: import a base that does, or compare the two trainings."
    reads = ", ".join(best.languages)
    return best.name, f"{best.name} reads {reads},{knows} and is the fastest of those on terms as good: {best.terms}."


def _said(store: Store, bot_id: str) -> tuple[list[str], Utterances]:
    """What customers said, as it was prepared at import, and what of it has a label."""
    turns = (turn for row in conversations.stream(store, bot_id) for _, turn in user_turns(row.conversation))
    kept = list(islice(turns, MOST_TURNS))
    labelled = [turn for turn in kept if turn.intent is not None]
    return [turn.text for turn in kept], Utterances([t.text for t in labelled], [str(t.intent) for t in labelled])


def _looked(
    settings: Settings, listed: dict[str, Any], languages: Sequence[str], said: tuple[list[str], Utterances]
) -> Advice:
    reads = tuple(listed.get("languages", ()))
    missing = () if ANY_LANGUAGE in reads else tuple(code for code in languages if code not in reads)
    licence, limits = str(listed.get("licence", "")), tuple(listed.get("limits", ()))
    plain = Advice(
        listed["name"], licence, limits, in_a_line(licence, limits), reads, missing, str(listed["state"])
    )  # fmt: skip
    if not listed["here"]:
        return plain
    try:
        return _measured(settings, plain, int(listed["bytes"]), said)
    except BaseRefused as error:
        return Advice(**{**asdict(plain), "state": error.message})


def _measured(settings: Settings, plain: Advice, size: int, said: tuple[list[str], Utterances]) -> Advice:
    base, (texts, labelled) = base_for(settings, plain.name), said
    took = _estimate(settings, base, labelled)
    return Advice(
        **{
            **asdict(plain),
            "bytes": size,
            "unknown_share": round(Tokenised.of(base.renderer(), texts).unknown_share, 4) if texts else None,
            "latency_ms": _latency(base, texts),
            "seconds": took and round(took.seconds, 1),
            "memory_bytes": took and took.memory_bytes,
        }
    )


def _estimate(settings: Settings, base: LocalBase, labelled: Utterances) -> Estimate | None:
    if not is_trainable(labelled.labels):
        return None
    train = settings.train
    with Blobs(settings.home).scratch() as scratch:
        run = RunFolder(scratch, MemoryLedger(), threads=train.threads, accelerator=train.accelerator, keep=False)
        recipe = pick_intent(labelled.labels, base=base.name)
        return for_intents(recipe, base, IntentData(labelled), DryRun(run))


def _latency(base: LocalBase, texts: Sequence[str]) -> float | None:
    if not texts:
        return None
    encoder, renderer = base.encoder(), base.renderer()
    set_threads(1)
    return round(median_ms(lambda text: embed_texts(encoder, renderer, [text]), texts, TIMED), 2)
