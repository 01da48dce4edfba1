"""A generator that is served: from a conversation to a reply in words, by an exported decoder and its own template.

The decoder knows token ids only; here they meet words. What people typed is tokenised apart from the scaffold, so no
visitor can speak for the brand (data/chat_render).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tokenizers import Tokenizer

from data.chat_render import ChatRenderer, Turns
from data.chat_template import ChatTemplate
from data.errors import BaseRefused, IntegrityError
from export.decoders import DecoderFolder
from export.decoding import Decoder, Ending, Wish
from export.sampling import Sampling
from export.sealed import REMEDY
from export.text_stream import TextStream


def _waited_for() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Brief:
    """What to write: after which turns, with what the brand tells its model first, and how. `stops` end a reply, and
    are no part of it; `cancelled` is asked before each token."""

    turns: Turns
    told: Sequence[str] = ()
    sampling: Sampling = field(default_factory=Sampling)
    stops: Sequence[str] = ()
    cancelled: Callable[[], bool] = _waited_for


@dataclass(frozen=True, slots=True)
class Written:
    """A reply, why it ends, and how many tokens it took."""

    text: str
    ending: Ending
    tokens: int


class Writer:
    """Thread-safe: any number of replies at once. `adapter`, sealed, lies over the decoder in each of them; None: the
    decoder writes as it is."""

    def __init__(self, decoder: Decoder, renderer: ChatRenderer, adapter: Path | None = None) -> None:
        self.decoder = decoder
        self.renderer = renderer
        self.adapter = adapter

    @classmethod
    def of(cls, decoder: Decoder, adapter: Path | None = None) -> Writer:
        """With the tokenizer and the template that lie beside the decoder. Raises IntegrityError without them."""
        return cls(decoder, renderer_of(decoder.folder), adapter)

    def write(self, brief: Brief) -> Written:
        """The whole reply, without white space around it."""
        parts: list[str] = []
        last = None
        for last in self.stream(brief):
            parts.append(last.text)
        assert last is not None  # a stream says at least how it ends
        return replace(last, text="".join(parts).strip())

    def stream(self, brief: Brief) -> Iterator[Written]:
        """The reply piece by piece as it is written; the last piece, which may be empty, says why it ends."""
        limit = brief.sampling
        room = min(limit.max_tokens, self.renderer.context // 2)
        ids = self.renderer.prompt(brief.turns, brief.told, room)
        wish = Wish(ids, replace(limit, max_tokens=room), self.adapter, cancelled=brief.cancelled)
        text = TextStream(self.renderer.text, brief.stops)
        writing = self.decoder.generate(wish)
        tokens = 0
        try:
            for token in writing:
                tokens += 1
                piece = text.push(token)
                if text.stopped:
                    yield Written(piece, "stop", tokens)
                    return
                if piece:
                    yield Written(piece, "length", tokens)
        finally:
            writing.close()
        yield Written(text.finish(), writing.ending or "stop", tokens)

    def log_likelihood(self, ids: Sequence[int], since: int) -> float:
        """Of `ids` from position `since` on, after those before; natural logarithm."""
        return self.decoder.log_likelihood(ids, since, self.adapter)


def renderer_of(folder: DecoderFolder) -> ChatRenderer:
    """Raises IntegrityError where the decoder was exported without a template, or with one that is of no use."""
    if folder.template is None:
        raise IntegrityError("This decoder has no chat template.", remedy=REMEDY)
    try:
        template = ChatTemplate(folder.template.read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(folder.tokenizer))
        return ChatRenderer(tokenizer, template, folder.card.context, folder.card.stop)
    except BaseRefused as error:
        raise IntegrityError(f"The decoder cannot be talked to. {error.message}", remedy=REMEDY) from None
