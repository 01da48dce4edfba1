"""What a tuned generator writes in held-out conversations, as it would be served: from which score it may say so by
itself, and what its words are worth beside those that the brand really said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.profile import BotProfile
from data.settings import ImportSettings
from export.drafts import FROM, Asked, Draft, Drafting
from export.replies import ReplyIndex
from trainer.generation.lines import Ask
from trainer.intents.calibrate import background_utterances
from trainer.intents.thresholds import ANSWERS_NOTHING, choose_answer_threshold
from trainer.judgement.intervals import Interval, bootstrap
from trainer.judgement.text_metrics import TextScores, measured
from trainer.replies.calibrate import SAME_MEANING
from trainer.replies.train_reply import Context, TrainedReply

ASKED, STRANGE = 96, 48
"""Held-out conversations, and utterances that are about something else, on which the threshold is chosen."""

Meaning = Callable[[Sequence[str]], np.ndarray[Any, np.dtype[np.float32]]]


@dataclass(frozen=True, slots=True, eq=False)
class Brand:
    """Whose replies are written: the profile, how texts are prepared, the trained selector with an index that holds no
    held-out reply, and what tells the meaning of a text."""

    profile: BotProfile
    imports: ImportSettings
    trained: TrainedReply
    index: ReplyIndex
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Drafted:
    """Drafts in held-out conversations, `asks`, and in `strange` ones that nobody of the brand would answer."""

    asks: Sequence[Ask] = ()
    drafts: Sequence[Draft] = field(default=(), repr=False)
    strange: Sequence[Draft] = field(default=(), repr=False)

    @classmethod
    def by(cls, drafting: Drafting, held: Sequence[Ask], brand: Brand, check: Callable[[], None]) -> Drafted:
        """None are written where nothing is held out. `check` is asked before each."""
        asks = held[:ASKED]
        if not asks:
            return cls()
        drafts = [_drafted(drafting, ask.before, brand, check) for ask in asks]
        strange = [_drafted(drafting, (("user", text),), brand, check) for text in background_utterances()[:STRANGE]]
        return cls(asks, drafts, strange)

    def threshold(self, brand: Brand) -> float | None:
        """The score from which a draft may be said: precise on held-out conversations, silent on strange ones. One is
        right when the untuned base finds that it means what the brand really said, and nothing is wrong with it.

        None: no score is good enough.
        """
        if not self.asks:
            return None
        meant = brand.meaning([draft.text or "-" for draft in self.drafts])
        same = (meant * brand.meaning([ask.reply for ask in self.asks])).sum(axis=1) >= SAME_MEANING
        right = np.array([bool(one) and not draft.flaws for one, draft in zip(same, self.drafts, strict=True)])
        every = [*self.drafts, *self.strange]
        strange = np.arange(len(every)) >= len(self.asks)
        # What is flawed is not said at any score.
        sayable = np.array([not draft.flaws for draft in every])
        found = choose_answer_threshold(
            np.array([draft.score for draft in every])[sayable],
            np.concatenate([right, np.zeros(len(self.strange), dtype=bool)])[sayable],
            strange[sayable],
            brand.profile.target_precision,
        )
        return None if found >= ANSWERS_NOTHING else found

    def scores(self, training: Sequence[str]) -> TextScores | None:
        """What the drafts are worth as texts; `training` are replies that were learned. None where none is written."""
        if not self.asks:
            return None
        return TextScores.of(measured([one.text for one in self.drafts], [ask.reply for ask in self.asks], training))

    def manners(self, drafting: Drafting) -> Mapping[str, Any]:
        """The shares of drafts that state what nobody has said, and that have a flaw of any kind: nobody gets those.
        And how well drafts sound like the brand, in the mean."""
        loose = 0
        for ask, draft in zip(self.asks, self.drafts, strict=True):
            known = drafting.grounding.sources([*(text for _, text in ask.before), *ask.told]) | drafting.approved
            loose += bool(drafting.grounding.ungrounded(draft.text, known))
        flawed = sum(bool(draft.flaws) for draft in self.drafts)
        counted = {"ungrounded": loose, "flawed": flawed}
        told = {name: Interval.of_share(count, len(self.asks)) for name, count in counted.items()}
        fits = np.array([draft.voice for draft in self.drafts[: len(self.asks)]])
        told["voice"] = bootstrap(lambda drawn: float(np.mean(drawn)), fits, seed=0)
        return {name: interval.to_wire() for name, interval in told.items()}


def _drafted(drafting: Drafting, context: Context, brand: Brand, check: Callable[[], None]) -> Draft:
    check()
    query = brand.trained.contexts([context])
    hits = brand.index.search_many(query, FROM)[0]
    known = [hit.reply.text for hit in hits if not hit.reply.details]
    return drafting.draft(Asked(context, known), lambda text: float(brand.trained.replies([text])[0] @ query[0]))
