"""Floor, base, live and candidate say what they think of one test set, so that they can be compared row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data.schema import OUT_OF_SCOPE, Example
from export import confidence
from export.predict import Channel, Predictor
from export.situation import Understanding, is_confident, label_of
from export.thresholds import Thresholds
from trainer.bases.catalogue import LocalBase
from trainer.candidate import Candidate
from trainer.core.embedding import embed_texts
from trainer.intents.intent_data import Utterances
from trainer.judgement.comparison import Judged, ModelName, TestSet
from trainer.judgement.floor import Bm25, IntentFloor
from trainer.judgement.forgetting import Forgetting, measured
from trainer.material import Material, pairs, utterances
from trainer.package import median_latency_ms, median_ms
from trainer.replies.train_reply import Pairs, embed_contexts

SHARPNESS = 20.0
"""Inverse temperature that makes cosines to the nearest utterance of each label probabilities, for the base."""
TIMED = 50


def test_set(material: Material, intents: bool, tested: frozenset[str] | None) -> tuple[TestSet, Pairs, list[str]]:
    """The rows with a true label (none where `intents` are not judged); the contexts with a true reply, and the
    distinct replies they are chosen from. `tested`: the rows that what is live was measured on."""
    labelled = [row for row in material.test if intents and row.intent is not None]
    asked = pairs(material.test)
    distinct = list(dict.fromkeys(asked.replies))
    place = {reply: at for at, reply in enumerate(distinct)}
    truth = np.array([place[reply] for reply in asked.replies], dtype=np.int64)
    return (
        TestSet(
            texts=[row.text for row in labelled],
            labels=[str(row.intent) for row in labelled],
            languages=[row.language for row in labelled],
            train_counts=material.train_counts(),
            target_precision=material.profile.target_precision,
            reply_truth=truth if len(distinct) > 1 else None,
            new=None if tested is None else [row.id not in tested for row in labelled],
        ),
        asked,
        distinct,
    )


def judge_all(
    material: Material,
    base: LocalBase,
    live: Predictor | None,
    candidate: Candidate,
    tested: frozenset[str] | None = None,
) -> tuple[TestSet, list[Judged]]:
    """The test set and what every model says of it, on the tasks of the candidate; `live` is left out where nothing
    is live; `tested` are the rows that it was measured on when it was made."""
    intents = candidate.parts.intent is not None
    test, asked, distinct = test_set(material, intents, tested)
    learned = [row for row in (*material.train, *material.validation) if intents and row.intent is not None]
    judges_replies = candidate.parts.reply is not None and test.reply_truth is not None
    replies = (asked, distinct) if judges_replies else None
    judged = [
        judge_floor(test, learned, replies),
        judge_base(test, learned, base, replies),
        judge_served("candidate", test, Predictor(candidate.parts), candidate.size_bytes, replies),
    ]
    if live is not None:
        judged.insert(2, judge_served("live", test, live, 0, replies))
    return test, judged


Replies = tuple[Pairs, list[str]]
Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]


def judge_floor(test: TestSet, learned: Sequence[Example], replies: Replies | None) -> Judged:
    """Bags of words for intents, BM25 for replies. Without a labelled message it takes all for out of scope."""
    scores = None
    if replies is not None:
        asked, distinct = replies
        scores = np.asarray(Bm25(distinct).scores([" ".join(t for _, t in context) for context in asked.contexts]))
    if not learned:
        return _knows_no_intent("floor", test, scores)
    rows = utterances(learned)
    floor = IntentFloor.fit(rows.texts, rows.labels, rows.weight().tolist())
    probabilities = floor.probabilities(test.texts)
    return Judged(
        model="floor",
        labels=floor.labels,
        probabilities=probabilities,
        confidence=_best_in_scope(floor.labels, probabilities),
        latency_ms=median_ms(lambda text: floor.probabilities([text]), test.texts, TIMED),
        size_bytes=floor.size_bytes(),
        reply_scores=scores,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """What an untuned encoder makes of labelled texts: each other text has the label of the one nearest to it."""

    labels: list[str]
    known: npt.NDArray[np.float32]
    column: npt.NDArray[np.int64]
    embed: Embed

    @classmethod
    def of(cls, rows: Utterances, embed: Embed) -> Nearest:
        labels = sorted(set(rows.labels))
        return cls(labels, embed(rows.texts), np.array([labels.index(label) for label in rows.labels]), embed)

    def said(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """(probabilities [n, labels], cosine to the nearest text [n])"""
        cosines = self.embed(texts) @ self.known.T
        columns = range(len(self.labels))
        closest = np.stack([cosines[:, self.column == at].max(axis=1) for at in columns], axis=1)
        odds = np.exp(SHARPNESS * (closest - closest.max(axis=1, keepdims=True)).astype(np.float64))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True)), np.asarray(closest.max(axis=1))


def judge_base(test: TestSet, learned: Sequence[Example], base: LocalBase, replies: Replies | None) -> Judged:
    """The untuned encoder: the label of the nearest labelled utterance, the reply nearest to the context."""
    encoder, renderer = base.encoder(), base.renderer()

    def vectors(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return embed_texts(encoder, renderer, texts)

    scores = None
    if replies is not None:
        asked, distinct = replies
        scores = embed_contexts(encoder, renderer, asked.contexts) @ vectors(distinct).T
    if not learned:
        return _knows_no_intent("base", test, scores)
    nearest = Nearest.of(utterances(learned), vectors)
    found, closeness = nearest.said(test.texts)
    return Judged(
        model="base",
        labels=nearest.labels,
        probabilities=found,
        confidence=np.clip(_best_in_scope(nearest.labels, found) * closeness, 0, 1),
        latency_ms=median_ms(lambda text: nearest.said([text]), test.texts, TIMED),
        size_bytes=sum(int(p.numel()) * 4 for p in encoder.parameters()) + nearest.known.nbytes,
        reply_scores=scores,
    )


def judge_served(
    name: ModelName, test: TestSet, predictor: Predictor, size_bytes: int, replies: Replies | None
) -> Judged:
    """A predictor as it serves: prepared text, exported encoder, thresholds and all."""
    parts = predictor.parts
    understood = predictor.understand_many(test.texts)
    labels: Sequence[str] = (OUT_OF_SCOPE,)
    probabilities: npt.NDArray[Any] = np.ones((len(test.texts), 1))
    if parts.intent is not None:
        labels = parts.intent.head.labels
        vectors = predictor.embed(test.texts)
        assert vectors is not None  # there is an intent model
        probabilities = confidence.score(parts.intent.head, vectors).probabilities
    scores = None
    if replies is not None and parts.reply is not None:
        asked, distinct = replies
        channel, index = parts.reply.channel, parts.reply.index
        contexts = channel.embed([channel.renderer.context(list(context)) for context in asked.contexts])
        scores = index.moved(contexts) @ channel.read(distinct).T + index.added(distinct)
    return Judged(
        model=name,
        labels=labels,
        probabilities=probabilities,
        confidence=np.array([one.confidence for one in understood]),
        latency_ms=median_latency_ms(predictor, test.texts),
        size_bytes=size_bytes,
        answered=_answered(understood, parts.thresholds),
        predicted=[label_of(one, parts.thresholds) or OUT_OF_SCOPE for one in understood],
        reply_scores=scores,
    )


def _answered(understood: Sequence[Understanding], bars: Thresholds) -> npt.NDArray[np.bool_] | None:
    if bars.answer is None and not bars.by_language:
        return None
    return np.array([is_confident(one, bars) for one in understood], dtype=bool)


def forgotten(base: LocalBase, candidate: Candidate) -> dict[str, Forgetting]:
    """By task, what the encoder that would serve it forgot of the base."""
    encoder, renderer = base.encoder(), base.renderer()

    def untouched(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return embed_texts(encoder, renderer, texts)

    def tuned(channel: Channel) -> Forgetting:
        return measured(untouched, channel.read)

    parts = candidate.parts
    models = {"intent": parts.intent, "reply": parts.reply}
    return {task: tuned(model.channel) for task, model in models.items() if model is not None}


def _knows_no_intent(name: ModelName, test: TestSet, scores: npt.NDArray[Any] | None) -> Judged:
    rows = len(test.texts)
    return Judged(name, (OUT_OF_SCOPE,), np.ones((rows, 1)), np.zeros(rows), 0.0, 0, reply_scores=scores)


def _best_in_scope(labels: Sequence[str], probabilities: npt.NDArray[Any]) -> npt.NDArray[Any]:
    kept = [at for at, label in enumerate(labels) if label != OUT_OF_SCOPE]
    return np.asarray(probabilities[:, kept].max(axis=1))
