"""What a predictor is made of: encoders behind channels, heads, reply index, corrections. Values that training can put
its own model into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from data.errors import IntegrityError
from data.profile import BotProfile
from data.render import Rendered, Renderer
from data.settings import ImportSettings
from export.corrections import CORRECTIONS_FILE, Corrections
from export.decoding import Decoder
from export.drafts import VOICE_FILE, Drafting, read_voice
from export.entities import EntityModel, TokenChannel
from export.heads import IntentHead
from export.label_head import SENTIMENT_FILE, LabelHead
from export.release import Release
from export.replies import ReplyIndex
from export.runtime import Embeddings, Encoder
from export.sealed import REMEDY
from export.tagging import TaggingHead
from export.thresholds import Thresholds
from export.writer import Writer

Embed = Callable[[Sequence[Rendered]], Embeddings]


@dataclass(frozen=True, slots=True)
class Channel:
    """One way from text to vectors: a tokenizer's renderer and what embeds its ids, [n, hidden] unit vectors."""

    renderer: Renderer
    embed: Embed

    def read(self, texts: Sequence[str]) -> Embeddings:
        """The vectors of utterances, each by itself."""
        return self.embed(self.renderer.utterances(texts))


@dataclass(frozen=True, slots=True)
class IntentModel:
    channel: Channel
    head: IntentHead


@dataclass(frozen=True, slots=True)
class ReplyModel:
    channel: Channel
    index: ReplyIndex


@dataclass(frozen=True, slots=True)
class Parts:
    """All a predictor is made of. `release` is its name (`acme@7`); a task that was not trained is None.

    `imports` are the settings that text was prepared with for training, not those of the machine that serves.
    `corrections` were embedded by the channel `asking`, and `sentiment` reads what it embeds.
    """

    release: str
    profile: BotProfile
    thresholds: Thresholds
    imports: ImportSettings
    intent: IntentModel | None = None
    reply: ReplyModel | None = None
    corrections: Corrections | None = None
    sentiment: LabelHead | None = None
    entities: EntityModel | None = None
    drafting: Drafting | None = None

    @property
    def asking(self) -> Channel | None:
        """What embeds one message by itself: the intent model's encoder, or the selector's where there is none."""
        model = self.intent or self.reply
        return model.channel if model else None

    def in_cells(self, most: int) -> Parts:
        """The same parts; of more than `most` replies a search compares a part where that can be done well."""
        return replace(self, reply=self.reply and replace(self.reply, index=self.reply.index.in_cells(most)))

    def behind(self, intent: Channel | None = None, reply: Channel | None = None) -> Parts:
        """The same parts with other encoders before their heads: the trained model, or another precision of it."""
        return replace(
            self,
            intent=self.intent and (replace(self.intent, channel=intent) if intent else self.intent),
            reply=self.reply and (replace(self.reply, channel=reply) if reply else self.reply),
        )


def parts_of(release: Release, encoders: Mapping[str, Encoder]) -> Parts:
    """Read the heads of `release` and put them behind their encoders."""
    try:
        imports = ImportSettings.model_validate(dict(release.facts.prepare))
    except ValidationError:
        raise IntegrityError("The release does not say how its text is prepared.", remedy=REMEDY) from None
    intent = reply = None
    if "intent" in encoders:
        intent = IntentModel(_channel(encoders["intent"]), IntentHead.load(release.folder))
        _agree(intent.head.weight.shape[1], encoders["intent"])
        if tuple(intent.head.labels) != release.facts.labels:
            raise IntegrityError("The intent head and the manifest name different labels.", remedy=REMEDY)
    if "reply" in encoders:
        reply = ReplyModel(_channel(encoders["reply"]), ReplyIndex.load(release.folder))
        _agree(reply.index.hidden, encoders["reply"])
    parts = Parts(release.name, release.profile, release.facts.thresholds, imports, intent, reply)
    if "entities" in encoders:
        parts = replace(parts, entities=_entity_model(release, encoders["entities"]))
    if release.has(SENTIMENT_FILE):
        sentiment = LabelHead.load(release.folder / SENTIMENT_FILE)
        _agree(sentiment.weight.shape[1], encoders["intent" if "intent" in encoders else "reply"])
        parts = replace(parts, sentiment=sentiment)
    if not release.has(CORRECTIONS_FILE):
        return parts
    corrections = Corrections.load(release.folder)
    _agree(corrections.hidden, encoders["intent" if "intent" in encoders else "reply"])
    return replace(parts, corrections=corrections)


def drafting_of(release: Release, decoder: Decoder, prepare: ImportSettings, adapter: Path | None = None) -> Drafting:
    """What writes replies for `release`, by its decoder and what lies over it. Raises IntegrityError where the decoder
    cannot be talked to."""
    voice = read_voice(release.folder / VOICE_FILE) if release.has(VOICE_FILE) else None
    return Drafting.by(Writer.of(decoder, adapter), release.profile, prepare, voice)


def _entity_model(release: Release, encoder: Encoder) -> EntityModel:
    head = TaggingHead.load(release.folder)
    _agree(head.project.shape[0], encoder)
    return EntityModel(TokenChannel(encoder.renderer(), encoder.states), head)


def _channel(encoder: Encoder) -> Channel:
    return Channel(encoder.renderer(), encoder.embed)


def _agree(hidden: int, encoder: Encoder) -> None:
    if hidden != encoder.card.hidden:
        raise IntegrityError(
            f"The release was made for embeddings of size {hidden}; its encoder gives {encoder.card.hidden}.",
            remedy=REMEDY,
        )
