"""The generator of a retraining: what it learns from, the tuned and exported model, and from which score it may speak.

It learns as it will be asked: from a conversation, and from the brand's own earlier replies that the selector found for
it, which stand before the conversation (export/drafts). Now and then it is told none, so that it can do without.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from data.language import likeliest
from data.log_odds import counted
from data.profile import BotProfile
from data.schema import Example, Finding
from data.settings import Settings
from data.voice import Voice
from export.decoders import Precision
from export.drafts import FROM, Drafting, told
from trainer.bases.catalogue import base_for
from trainer.bases.chat_base import ChatBase
from trainer.core.run_folder import RunFolder
from trainer.generation.drafted import Brand, Drafted
from trainer.generation.lines import Ask, Talk, rendered
from trainer.generation.packed import PackedGenerator, cheapest, compared, pack_tuned
from trainer.generation.recipe import GenerateRecipe
from trainer.generation.reviewed import Reviews, reviewed
from trainer.generation.surprise import surprise
from trainer.generation.train_generator import TrainedGenerator, train_generator
from trainer.intents.calibrate import background_utterances
from trainer.judgement.text_metrics import TextScores
from trainer.material import Material
from trainer.order import Order

LEAST_REPLIES = 100
"""Replies of the brand, below which nothing is to be learned of how it writes."""
UNTOLD = 0.2
"""Share of what is learned from for which no earlier replies are told."""
PROBED = 24
MEASURED = 400


@dataclass(frozen=True, slots=True, eq=False)
class Writing:
    """A generator as it would be released; `threshold` None: it never speaks by itself. `tested`: where the brand
    answers in the test split. `scores`: what it wrote in held-out conversations, None where there are none."""

    generator: TrainedGenerator
    packed: PackedGenerator
    precision: Precision
    parity: dict[str, Any]
    voice: Voice
    threshold: float | None
    measured: dict[str, Any]
    tested: Sequence[Ask] = ()
    scores: TextScores | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.generator.findings

    def to_wire(self) -> dict[str, Any]:
        """What a release says of what writes its replies."""
        base = self.generator.base.local.base
        terms = {"licence": base.licence, "licence_limits": list(base.limits)}
        return {"base": base.name, **terms, "threshold": self.threshold, **self.measured}

    def quotes(self) -> dict[str, Any]:
        """What was learned and what was written, in words of conversations: for the run's own record only."""
        worst = [] if self.scores is None else [one.to_wire() for one in self.scores.worst]
        return {"example": self.generator.example, "worst": worst}


@dataclass(frozen=True, slots=True)
class Lessons:
    """Points of the brand's conversations where it answers: to learn from, held out, and to be measured on in the
    end."""

    train: Sequence[Ask]
    held: Sequence[Ask]
    reviews: Reviews = field(default_factory=Reviews)
    tested: Sequence[Ask] = ()

    @classmethod
    def of(cls, material: Material, brand: Brand, seed: int) -> Lessons:
        train, held = material.train, material.validation
        tested = _asks(material.test, brand, None)
        return cls(_asks(train, brand, seed), _asks(held, brand, None), Reviews.of(train, held), tested)

    def tokens(self, base: ChatBase) -> int:
        """How many there are to learn from."""
        return sum(len(line) for line in rendered(self.train, base.renderer()))


def chat_base(settings: Settings, order: Order, replies: int) -> tuple[ChatBase | None, str]:
    """The base to tune on so many replies; None, and why there is none. Raises BaseRefused."""
    if replies < LEAST_REPLIES:
        return None, f"{replies} replies of the brand, where {LEAST_REPLIES} are the least to learn from"
    return ChatBase(base_for(settings, order.chat_base)), ""


def write(recipe: GenerateRecipe, base: ChatBase, lessons: Lessons, brand: Brand, run: RunFolder) -> Writing:
    """Tune, export, compare, choose a threshold. Raises what those raise."""
    generator = train_generator(recipe, base, lessons.train, lessons.held[:MEASURED], run)
    generator, reviews = reviewed(generator, lessons.reviews, lessons.held[:MEASURED], run)
    packed = pack_tuned(generator, run.folder / "packed")
    parity = compared(generator.model, packed, lessons.held[:PROBED] or lessons.train[:PROBED], run.check)
    precision = cheapest(parity)
    voice = voice_of([ask.reply for ask in lessons.train], brand.profile)
    drafting = Drafting.by(packed.opened(precision), brand.profile, brand.imports, voice)
    drafted = Drafted.by(drafting, lessons.held, brand, run.check)
    scores = drafted.scores([ask.reply for ask in lessons.train])
    told_parity = {name: one.to_wire() for name, one in parity.items()} | {"served": precision}
    worth = {**_measured(generator, base, lessons), "reviews": reviews}
    if scores is not None:
        worth["texts"] = {**_unquoted(scores), **drafted.manners(drafting)}
    threshold = drafted.threshold(brand)
    return Writing(generator, packed, precision, told_parity, voice, threshold, worth, lessons.tested, scores)


def _unquoted(scores: TextScores) -> dict[str, Any]:
    """In figures only."""
    return {name: value for name, value in scores.to_wire().items() if name != "worst"}


def _asks(rows: Sequence[Example], brand: Brand, seed: int | None) -> list[Ask]:
    """With what the selector finds for each among the replies of others; without a seed, always."""
    kept = [row for row in rows if row.reply is not None]
    befores: list[Talk] = [(*row.context, ("user", row.text)) for row in kept]
    draw = random.Random(seed)
    # What is learned was a precedent itself: by it, its own reply would lead to those like it.
    index = brand.index if seed is None else brand.index.remembering(None)
    found = index.search_many(brand.trained.contexts(befores), FROM + 1) if kept else []
    asks = []
    for row, before, hits in zip(kept, befores, found, strict=True):
        reply = str(row.reply)
        # What only this very turn has said would be told and learned at once.
        free = [hit.reply for hit in hits if not hit.reply.details]
        others = [reply.text for reply in free if reply.source != row.id or reply.count > 1]
        silent = seed is not None and draw.random() < UNTOLD
        asks.append(Ask(before, reply, () if silent else told(others[:FROM])))
    return asks


def supposed(rows: Sequence[Example]) -> list[Ask]:
    """As long as what will be learned: the next replies stand in the place of those that the selector will find."""
    kept = [row for row in rows if row.reply is not None]
    after = [str(row.reply) for row in (*kept[1:], *kept[: FROM + 1])]
    return [
        Ask((*row.context, ("user", row.text)), str(row.reply), told(after[at : at + FROM]))
        for at, row in enumerate(kept)
    ]


def voice_of(replies: Sequence[str], profile: BotProfile) -> Voice:
    """How the brand speaks, in each of its languages and in all."""
    first, *others = profile.languages
    codes = [likeliest(reply, profile.languages) if others else first for reply in replies]
    background = {"en": counted(background_utterances())} if "en" in profile.languages else {}
    return Voice.of(replies, codes, background)


def _measured(generator: TrainedGenerator, base: ChatBase, lessons: Lessons) -> dict[str, Any]:
    """Bits per byte of held-out replies by the base and by the tuned model, and of ordinary language."""
    held = list(lessons.held[:MEASURED])
    general: list[Talk] = [(("agent", text),) for text in background_utterances()[:MEASURED]]
    untuned = base.model()
    found: dict[str, Any] = {}
    for name, rows in (("replies", held), ("general", general)):
        if rows:
            before, after = (surprise(model, generator.renderer, rows) for model in (untuned, generator.model))
            found[name] = {
                "base": before.bits_per_byte().to_wire(),
                "candidate": after.bits_per_byte().to_wire(),
                "less": after.less(before).to_wire(),
            }
    return found
