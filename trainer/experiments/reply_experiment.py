"""An experiment on reply selection: dialogues to learn from, others to measure on, no database.

The tuned selector, the untuned encoder and BM25 choose among the same candidates; how far the first is ahead of either
stands beside them, with its interval. It scores as it does where it serves: by the cosine, by what TRAIN replies in
conversations like the one asked about, and by how often it gives a reply (`by_cosine` leaves the latter two out).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data.appraise import ENOUGH_PAIRS, too_few_in_all
from data.errors import DatasetError, UsageError
from data.prepare import Preparer
from data.profile import BotProfile
from data.settings import Settings
from export.predict import Channel, Parts, Predictor, ReplyModel
from export.release import running_versions
from export.replies import Reply, ReplyIndex, key_of
from export.reply_scores import Scoring
from export.thresholds import Thresholds
from trainer.bases.catalogue import LocalBase, base_for
from trainer.core.run_folder import RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import for_replies, sufficiency
from trainer.experiments.experiment_report import history_row, reply_predictions
from trainer.experiments.question import Outcome, Settled, common
from trainer.experiments.reading import read_dialogues
from trainer.hyperparameters import sized
from trainer.intents import folds
from trainer.judgement.intervals import paired_bootstrap
from trainer.judgement.metrics import hits_at, share
from trainer.package import median_latency_ms, pack
from trainer.recipes import pick_reply
from trainer.replies.indexing import precedents_in, remembered
from trainer.replies.recipe import ReplyRecipe
from trainer.replies.selection import draw, lexical, often, selection, selection_metrics
from trainer.replies.train_reply import Context, Pairs, TrainedReply, mean_length, pairs_of, train_reply

MOST_HELD = 300
"""Pairs of TRAIN that tell the epochs apart, at most."""


def reply_experiment(question: Settled, settings: Settings, run: RunFolder) -> Outcome:
    """Train on TRAIN, choose among 100 for every query of TEST; (report, predictions)."""
    train, test = _read(question, settings)
    base = base_for(settings, question.base)
    recipe = recipe_for(question, train, base)
    kept, out = folds.hold_out(["pair"] * len(train), min(recipe.validation_share, MOST_HELD / max(len(train), 1)), 0)
    run.report({"type": "phase", "phase": "train"})
    told = for_replies(recipe, base, (train.pick(kept), train.pick(out)), DryRun(run)).to_wire()
    lacks = too_few_in_all(question.task, len(train), ENOUGH_PAIRS, "messages with a reply of the brand")
    foretold = {**told, **sufficiency(lacks, [question.task])}
    run.report({"type": "estimate", **foretold})
    trained = train_reply(recipe, base, train.pick(kept), train.pick(out), run)
    run.report({"type": "phase", "phase": "evaluate"})
    places = draw(test.replies, question.seed)
    contexts, replies = trained.contexts(test.contexts), trained.replies(places.distinct)
    index = _index(trained, train)
    cosines = selection(contexts, replies, places)
    tuned = selection(index.moved(contexts), replies, places) + trained.frequency * often(train.replies, places)
    untuned = TrainedReply(base.encoder(), trained.renderer, recipe, (), 0.0, True)
    plain = selection(untuned.contexts(test.contexts), untuned.replies(places.distinct), places)
    queries = [" ".join(text for _, text in context) for context in test.contexts]
    by_words = lexical(queries, places)
    run.report({"type": "phase", "phase": "export"})
    packed = pack(trained.encoder, base, recipe.max_length, run.folder, running_versions())
    served = _predictor(packed.channel("fp32"), index, settings)
    result = {
        **common(question, recipe, (len(train), len(test)), trained.seconds),
        **selection_metrics(tuned),
        "by_cosine": selection_metrics(cosines),
        "bm25": selection_metrics(by_words),
        "base": selection_metrics(plain),
        "over_bm25": _ahead(by_words, tuned, question.seed),
        "over_base": _ahead(plain, tuned, question.seed),
        "base_model": recipe.base,
        "estimate": foretold,
        "latency_ms": round(median_latency_ms(served, [c[-1][1] for c in test.contexts]), 3),
        "size_bytes": packed.size_bytes("fp32"),
        "findings": trained.findings,
        "hard_negatives": [one.to_wire() for one in trained.mined],
        "history": [history_row(row) for row in trained.history],
    }
    return result, reply_predictions(test, tuned, places)


def recipe_for(question: Settled, train: Pairs, base: LocalBase) -> ReplyRecipe:
    """The one that was asked for, or the one that the pairs to learn from pick."""
    if isinstance(question.recipe, ReplyRecipe):
        return question.recipe
    picked = pick_reply(len(train), mean_length(train, base), base=question.base, seed=question.seed)
    return sized(picked, base.configuration())


def dialogue_pairs(path: Path, settings: Settings) -> Pairs:
    """What the dialogues of a file teach, prepared as any text that a model sees."""
    return _prepared(pairs_of(read_dialogues(path, settings.imports)), Preparer(settings.imports))


def _ahead(other: npt.NDArray[np.float64], tuned: npt.NDArray[np.float64], seed: int) -> dict[str, float | None]:
    """How much more often `tuned` puts the true reply, in column 0, first; the queries are drawn again in pairs."""
    truth = np.zeros(len(tuned), dtype=np.int64)
    pair = (hits_at(other, truth, 1), hits_at(tuned, truth, 1))
    return paired_bootstrap(lambda _, hits: share(hits), truth, pair, seed=seed).to_wire()


def _read(question: Settled, settings: Settings) -> tuple[Pairs, Pairs]:
    if question.per_class is not None:
        raise UsageError("--per-class draws labelled rows; dialogues have no labels.", remedy="Leave it out.")
    train, test = (dialogue_pairs(path, settings) for path in (question.train, question.test))
    if not len(test):
        raise DatasetError(
            f"{question.test.name} holds no reply of the brand to a user: there is nothing to measure on.",
            remedy="Give conversations in which a user's message is followed by one of the brand.",
        )
    return train, test


def _index(trained: TrainedReply, train: Pairs) -> ReplyIndex:
    """What TRAIN replies in conversations that are remembered."""
    known = train.pick(remembered(len(train), trained.recipe.seed))
    counts = Counter(map(key_of, known.replies))
    distinct = {key_of(reply): reply for reply in known.replies}
    replies = [Reply(text, count=counts[key]) for key, text in distinct.items()]
    index = ReplyIndex(trained.replies([one.text for one in replies]), replies, Scoring(trained.frequency))
    return index.remembering(precedents_in(replies, trained, known))


def _predictor(channel: Channel, index: ReplyIndex, settings: Settings) -> Predictor:
    parts = Parts(
        release="experiment",
        profile=BotProfile(name="experiment"),
        thresholds=Thresholds(),
        imports=settings.imports,
        reply=ReplyModel(channel, index),
    )
    return Predictor(parts)


def _prepared(pairs: Pairs, prepare: Preparer) -> Pairs:
    seen: dict[str, str] = {}

    def ready(text: str) -> str:
        if text not in seen:
            seen[text] = prepare(text)
        return seen[text]

    contexts: list[Context] = [tuple((role, ready(text)) for role, text in context) for context in pairs.contexts]
    return Pairs(contexts, [ready(reply) for reply in pairs.replies])
