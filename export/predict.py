"""Predictor: a conversation in, a Prediction out. The one place where a release turns text into an answer.

text -> prepare (clean, redact) -> render -> embed -> head -> understanding -> policy -> reply. What a reviewer has
corrected before is looked up by the prepared text, and answered as approved.

Nothing here is random and nothing is remembered between calls: the same conversation gets the same prediction, and
threads may share one predictor. The parts are values, so that training can put its own model in the place of the
exported one and compare the two from raw text to reply (export/parity).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from data.language import likeliest
from data.schema import BRAND_ROLES, OUT_OF_SCOPE
from export import confidence
from export.corrections import Match
from export.decoder_pool import DecoderPool
from export.drafts import Asked, Draft
from export.entities import Recognised, Recogniser
from export.grounding import is_said
from export.heads import IntentHead
from export.hear import Heard, Listener, Spoken
from export.parts import Channel, IntentModel, Parts, ReplyModel, drafting_of, parts_of
from export.placeholders import placeholders
from export.policy import decide, wants_draft
from export.prediction import Prediction
from export.release import GENERATE, open_release
from export.replies import Hit
from export.runtime import Embeddings, EncoderPool
from export.sentiment import sentiments
from export.situation import NOT_UNDERSTOOD, Candidate, Ranked, Situation, Understanding, label_of
from export.tongue import Tongue

__all__ = ["Channel", "IntentModel", "Parts", "Prediction", "Predictor", "ReplyModel"]

CANDIDATES = 5
SPARE = 45
"""Replies looked at beyond those that are wanted: some may hold what another customer alone was told."""
RANKED = 5
Cancelled = Callable[[], bool]
SCORED = 256
"""Texts scored at a time: each is compared with every neighbour of the head."""


class Predictor:
    """Answers for one release. Close it (or use it as a context) to give its encoders back to the pool."""

    def __init__(self, parts: Parts, held: ExitStack | None = None) -> None:
        self.parts = parts
        self._held = held or ExitStack()
        self._listener = Listener(parts.imports)
        self._recogniser = Recogniser(parts.imports, parts.entities)

    @classmethod
    def load(
        cls, folder: Path, pool: EncoderPool, decoders: DecoderPool | None = None, exact_replies: int | None = None
    ) -> Predictor:
        """The predictor of the release in `folder`, its encoders taken from `pool`, what writes replies from
        `decoders`; without those, none are written. Of more than `exact_replies` not all are compared (None: of any
        number), where that can be done well.

        Raises NotFound or IntegrityError; then nothing stays taken.
        """
        release = open_release(folder)
        with ExitStack() as stack:
            encoders = {
                task: stack.enter_context(pool.holding(digest)) for task, digest in release.facts.encoders.items()
            }
            parts = parts_of(release, encoders)
            if exact_replies is not None:
                parts = parts.in_cells(exact_replies)
            if decoders is not None and GENERATE in release.facts.decoders:
                decoder = stack.enter_context(decoders.holding(release.facts.decoders[GENERATE]))
                laid = release.facts.adapters.get(GENERATE)
                adapter = None if laid is None else decoders.adapter(laid)
                stack.enter_context(decoder.adapters.using(adapter))  # loaded now, and as long as this answers
                drafting = replace(drafting_of(release, decoder, parts.imports, adapter), turn=decoders.turn)
                parts = replace(parts, drafting=drafting)
            return cls(parts, stack.pop_all())

    def close(self) -> None:
        """Give the encoders back. Doing so twice is harmless."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def release(self) -> str:
        return self.parts.release

    def understand(self, text: str) -> Understanding:
        """What one message means, on its own."""
        return self.understand_many([text])[0]

    def understand_many(self, texts: Sequence[str]) -> list[Understanding]:
        """`understand` for each of `texts`, embedded in batches. A text without a visible character means nothing."""
        parts = self.parts
        channel = parts.asking if parts.intent or parts.sentiment else None
        prepared = [self._listener.message(text) for text in texts]
        spoken = [row for row, text in enumerate(prepared) if text]
        found = [NOT_UNDERSTOOD] * len(texts)
        if channel is None or not spoken:
            return found
        embeddings = channel.read([prepared[row] for row in spoken])
        for start in range(0, len(spoken), SCORED):
            rows = spoken[start : start + SCORED]
            read = self._read([prepared[row] for row in rows], embeddings[start : start + SCORED])
            for row, understood in zip(rows, read, strict=True):
                found[row] = understood
        return [self._placed(*pair) for pair in zip(prepared, found, strict=True)]

    def _placed(self, text: str, understood: Understanding) -> Understanding:
        """With its language, where that matters."""
        if not self.parts.thresholds.by_language:
            return understood
        return replace(understood, language=likeliest(text, self.parts.profile.languages))

    def _read(self, texts: Sequence[str], embeddings: Embeddings) -> Iterator[Understanding]:
        """What the heads make of `embeddings`: one pass of the encoder serves them all."""
        intent, sentiment = self.parts.intent, self.parts.sentiment
        meant = list(_score(intent.head, embeddings)) if intent else [NOT_UNDERSTOOD] * len(texts)
        if sentiment is None:
            yield from meant
            return
        felt = sentiments(sentiment, embeddings, texts, self.parts.profile.languages)
        for one, feeling in zip(meant, felt, strict=True):
            yield replace(one, sentiment=feeling)

    def entities(self, text: str, before: str | None = None) -> tuple[Recognised, ...]:
        """The entities of one message as typed; `before` is what the brand said just before."""
        return self._recogniser.find(text, before)

    def embed(self, texts: Sequence[str]) -> Embeddings | None:
        """What the intent model's encoder makes of `texts`, [n, hidden]; None without an intent model."""
        model = self.parts.intent
        if model is None:
            return None
        return model.channel.read([self._listener.message(text) for text in texts])

    def candidates(self, turns: Sequence[Spoken], k: int = CANDIDATES) -> tuple[Candidate, ...]:
        """The `k` earlier replies of the brand that fit `turns` best, best first, and more where some of these are in
        another language; none without a reply index."""
        return self._candidates([self._listener.hear(turns)], k)[0]

    def reply(self, turns: Sequence[Spoken], cancelled: Cancelled | None = None) -> Prediction:
        """What to say after `turns`, oldest first, the customer's newest message last. Where a reply is written for
        them, `cancelled` tells that nobody waits for it any more. Raises Overloaded."""
        at = max((at for at, (role, _) in enumerate(turns) if role == "user"), default=None)
        heard = self._listener.hear(turns)
        understood, candidates = self.understand(heard.message), self._candidates([heard], CANDIDATES)[0]
        situation = self._situation(heard, understood, candidates)
        answered = self._answer(self._drafted(heard, situation, cancelled))
        if at is None:
            return answered
        before = turns[at - 1][1] if at and turns[at - 1][0] in BRAND_ROLES else None
        return replace(answered, entities=self.entities(turns[at][1], before))

    def draft(self, turns: Sequence[Spoken]) -> Draft | None:
        """What would be written after `turns`, said or not; None where nothing is written. Raises Overloaded."""
        heard = self._listener.hear(turns)
        return self._draft(heard, self._candidates([heard], CANDIDATES)[0], None)

    def reply_many(self, conversations: Sequence[Sequence[Spoken]]) -> list[Prediction]:
        """`reply` for each of `conversations`, embedded in batches, without entities and with nothing written: for
        evaluation."""
        heard = [self._listener.hear(turns) for turns in conversations]
        understood = self.understand_many([one.message for one in heard])
        candidates = self._candidates(heard, CANDIDATES)
        return [self._answer(self._situation(*one)) for one in zip(heard, understood, candidates, strict=True)]

    def warm_up(self) -> None:
        """Answer once, so that the first customer does not wait for what is set up on first use."""
        self.reply([("user", "hello")])

    def _candidates(self, heard: Sequence[Heard], k: int) -> list[tuple[Candidate, ...]]:
        model = self.parts.reply
        found: list[tuple[Candidate, ...]] = [()] * len(heard)
        spoken = [row for row, one in enumerate(heard) if not one.opening and one.turns[-1][1]]
        if model is None or not spoken:
            return found
        queries = model.channel.embed([model.channel.renderer.context(heard[row].turns) for row in spoken])
        for row, hits in zip(spoken, model.index.search_many(queries, k + SPARE), strict=True):
            said = [text for _, text in heard[row].turns]
            ours = (_candidate(hit) for hit in hits if all(is_said(detail, said) for detail in hit.reply.details))
            found[row] = self._tongue(heard[row]).best(ours, k)
        return found

    def _tongue(self, heard: Heard) -> Tongue:
        return Tongue.of(heard.turns, self.parts.profile.languages)

    def _corrections(self, heard: Heard) -> tuple[Match, ...]:
        """The approved corrections that are for the customer's last message."""
        known, channel = self.parts.corrections, self.parts.asking
        if known is None or channel is None or heard.opening or not heard.turns[-1][1]:
            return ()
        before = heard.turns[-2][1] if len(heard.turns) > 1 and heard.turns[-2][0] in BRAND_ROLES else None
        return known.find(heard.turns[-1][1], before, lambda text: channel.read([text])[0])

    def _drafted(self, heard: Heard, situation: Situation, cancelled: Cancelled | None) -> Situation:
        """With a reply that was written for it, where that could be what is said."""
        if not wants_draft(situation):
            return situation
        draft = self._draft(heard, situation.candidates, cancelled)
        return situation if draft is None else replace(situation, drafts=(draft,))

    def _draft(self, heard: Heard, candidates: Sequence[Candidate], cancelled: Cancelled | None) -> Draft | None:
        drafting, selector = self.parts.drafting, self.parts.reply
        if drafting is None or selector is None or not heard.turns or not heard.turns[-1][1]:
            return None
        context = selector.channel.embed([selector.channel.renderer.context(heard.turns)])[0]
        usable = [one for one in candidates if one.echoes or not placeholders(one.text)]
        known = [one.text for one in sorted(usable, key=lambda one: bool(one.flaws))]
        draft = drafting.draft(
            Asked(heard.turns, known, cancelled), lambda text: float(selector.channel.read([text])[0] @ context)
        )
        return replace(draft, flaws=(*draft.flaws, *self._tongue(heard).flaws(draft.text)))

    def _situation(self, heard: Heard, understanding: Understanding, candidates: tuple[Candidate, ...]) -> Situation:
        profile, corrections = self.parts.profile, self._corrections(heard)
        meant = profile.intent(understanding.intent or "")
        approved = [*(meant.answers if meant else ()), *(match.correction.reply for match in corrections)]
        return Situation(
            understanding=understanding,
            profile=profile,
            thresholds=self.parts.thresholds,
            corrections=corrections,
            candidates=candidates,
            foreign=self._tongue(heard).foreign(approved),
            values=heard.values,
            last_reply=heard.last_reply,
            opening=heard.opening,
        )

    def _answer(self, situation: Situation) -> Prediction:
        understanding, decision = situation.understanding, decide(situation)
        return Prediction(
            reply=decision.reply,
            intent=label_of(understanding, situation.thresholds),
            confidence=understanding.confidence,
            source=decision.source,
            reason=decision.reason,
            ranking=understanding.ranking,
            candidates=situation.candidates,
            release=self.parts.release,
            action=decision.action,
            in_scope=understanding.in_scope,
            sentiment=understanding.sentiment,
            drafts=situation.drafts,
        )


def _candidate(hit: Hit) -> Candidate:
    reply = hit.reply
    return Candidate(reply.text, hit.confidence, reply.intent, reply.count, reply.echoes, approved=reply.approved)


def _score(head: IntentHead, embeddings: Embeddings) -> Iterator[Understanding]:
    scores = confidence.score(head, embeddings)
    for row, best in enumerate(scores.best):
        yield Understanding(
            intent=head.labels[best],
            confidence=float(scores.confidence[row]),
            in_scope=float(scores.in_scope[row]),
            ranking=_ranking(head.labels, scores.probabilities[row]),
        )


def _ranking(labels: Sequence[str], probabilities: npt.NDArray[np.floating[Any]]) -> tuple[Ranked, ...]:
    order = np.argsort(-probabilities, kind="stable")
    ranked = [Ranked(labels[row], float(probabilities[row])) for row in order if labels[row] != OUT_OF_SCOPE]
    return tuple(ranked[:RANKED])
