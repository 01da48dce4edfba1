"""What happens to any text before a model sees it: cleaned, then redacted; in a whole conversation, merged as well.

Training and serving both come through here, so that a model never meets in a chat a form of text it was not trained on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace

from data.clean import clean, is_mojibake
from data.merge import merge
from data.redact import Memory, Redactor
from data.schema import Conversation, Entity, Turn
from data.settings import ImportSettings

EMPTY_MESSAGE = "empty_message"


class Preparer:
    """`prepare(text) -> text` for one utterance outside a conversation (placeholders count from 1). Idempotent."""

    def __init__(self, settings: ImportSettings) -> None:
        self._redactor = Redactor(settings)

    def __call__(self, text: str) -> str:
        return self._redactor.redact(clean(text).text, Memory()).text


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth saying about what was done; `code` is a finding's, `rows` how many messages were lost by it."""

    code: str
    sample: str = ""
    count: int = 1
    rows: int = 0


@dataclass(slots=True)
class Readied:
    """A conversation that was prepared, what was redacted in it by type, and what there is to say."""

    conversation: Conversation
    redacted: Counter[str] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)


class ConversationPreparer:
    """Cleans, redacts and merges whole conversations; messages of which nothing is left are dropped, with a notice."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, raw: Conversation) -> Readied:
        readied = Readied(raw)
        cleaned = [self._clean(turn, readied) for turn in raw.turns]
        memory = Memory()
        for turn in cleaned:
            if not turn.corrected:  # a reviewer who writes [order 1] means the customer's first
                memory.reserve(turn.text)
            if turn.rejected:
                memory.reserve(turn.rejected)
        turns = [self._redact(turn, memory, readied) for turn in cleaned if turn.text]
        readied.conversation = self._without_names(raw).with_turns(merge(turns))
        return readied

    def _clean(self, turn: Turn, readied: Readied) -> Turn:
        edited = clean(turn.text)
        if turn.rejected is not None:
            turn = replace(turn, rejected=clean(turn.rejected).text or None)
        if not edited.stages:
            return turn
        if not edited.text:
            readied.notices.append(Notice(EMPTY_MESSAGE, rows=turn.rows))
        if is_mojibake(turn.text):
            readied.notices.append(Notice("mojibake_repaired", turn.text))
        return replace(turn, text=edited.text, entities=_moved(turn, edited.move(turn.entities), readied))

    def _redact(self, turn: Turn, memory: Memory, readied: Readied) -> Turn:
        redacted = self._redactor.redact(turn.text, memory)
        if turn.rejected is not None:
            rejected = self._redactor.redact(turn.rejected, memory)
            readied.redacted.update(rejected.counts)
            turn = replace(turn, rejected=rejected.text)
        entities = tuple(self._without_value(entity) for entity in turn.entities) if turn.entities else ()
        if not redacted.stages:
            return replace(turn, entities=entities) if entities else turn
        readied.redacted.update(redacted.counts)
        return replace(turn, text=redacted.text, entities=_moved(turn, redacted.move(entities), readied))

    def _without_value(self, entity: Entity) -> Entity:
        """An entity's value is a copy of what may just have been redacted."""
        if entity.value is None:
            return entity
        value = clean(entity.value).text
        return replace(entity, value=None if self._redactor.is_personal(value) else value)

    def _without_names(self, raw: Conversation) -> Conversation:
        """Ids and tags that identify a person are replaced by their digest: still equal where they were equal."""
        tags = tuple(self._pseudonym(tag) for tag in raw.tags)
        customer = None if raw.customer is None else self._pseudonym(raw.customer)
        return replace(raw, id=self._pseudonym(raw.id), customer=customer, tags=tags)

    def _pseudonym(self, value: str) -> str:
        return pseudonym(value) if self._redactor.is_personal(value) else value


def pseudonym(value: str) -> str:
    """What stands in the place of an id or name that identifies a person."""
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _moved(turn: Turn, entities: tuple[Entity, ...], readied: Readied) -> tuple[Entity, ...]:
    if len(entities) < len(turn.entities):
        readied.notices.append(Notice("entities_dropped", count=len(turn.entities) - len(entities)))
    return entities
