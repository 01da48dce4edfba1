"""From a conversation to the token ids of a chat model, and back: the one way for training, export and serving.

As in `data.render`, what people typed is tokenised apart from the scaffold, so that no id of a control token can come
out of it; and when turns do not fit, the oldest go first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tokenizers import Tokenizer

from data.chat_files import TOKENIZER, ChatFiles
from data.chat_template import MOST_MESSAGES, ChatRole, ChatTemplate, Part, Utterance
from data.errors import BaseRefused
from data.render import CHARS_PER_TOKEN, Ids, Rendered, padded
from data.schema import BRAND_ROLES, Role

SYSTEM_SHARE = 3
"""What the brand tells its model may take one in so many tokens of the context; what is more is left out, from the end.
"""
LEAST_TURN = 8
"""Tokens of the newest turn that are read whatever else there is to say."""

MARK = re.compile(r"<.+>|\[.+\]", re.DOTALL)
"""What added tokens look like that act on a model, special or not: `<think>`, `[TOOL_CALLS]`."""

Turns = Sequence[tuple[Role, str]]
Piece = tuple[tuple[int, ...], ChatRole | None]
"""Token ids, and whose words they are; None for scaffold."""


@dataclass(frozen=True, slots=True)
class ChatRendered(Rendered):
    """`said` is true for every token that the brand says: its words, and the token that ends its turn."""

    said: tuple[bool, ...] = field(default=())


class ChatRenderer:
    """Turns conversations into ids with one tokenizer and one template. Thread-safe: nothing changes once it is made.

    `context` is what the model reads and writes together, in tokens; `stops` are the ids that end a turn.
    """

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate, context: int, stops: Iterable[int]) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # Two views of one tokenizer: in the scaffold a control token is one, in what people type it is text.
        self._typed = tokenizer
        self._scaffold = Tokenizer.from_str(tokenizer.to_str())
        self._typed.encode_special_tokens = True
        self.template = template
        self.context, self.stops = context, frozenset(stops)
        added = tokenizer.get_added_tokens_decoder().items()
        special = {i for i, token in added if token.special or MARK.fullmatch(token.content)}
        self._control = frozenset(special | self.stops)
        self._unknown = next((i for i in map(tokenizer.token_to_id, ("<unk>", "[UNK]")) if i is not None), None)
        self.vocabulary = tokenizer.get_vocab_size()
        if not self.stops or max(self.stops) >= self.vocabulary or context < 4 * LEAST_TURN:
            raise BaseRefused("A chat model names the tokens that end its turns, and reads more than a few.")
        self._ends_turns()

    @classmethod
    def from_folder(cls, folder: Path, longest: int | None = None) -> ChatRenderer:
        """The renderer of the model in `folder`, over at most `longest` tokens. Raises BaseRefused for what is no chat
        model."""
        said = ChatFiles.read(folder)
        template = ChatTemplate(said.template, said.tokens)
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # the tokenizers library raises bare Exception on a malformed file
            raise BaseRefused(f"The tokenizer file cannot be read ({type(error).__name__}).") from None
        context = said.context if longest is None else min(said.context, longest)
        return cls(tokenizer, template, context, said.stops)

    def prompt(self, turns: Turns, system: Sequence[str] = (), room: int = 0) -> tuple[int, ...]:
        """The ids up to where the brand begins to answer, leaving `room` tokens of the context for it. `system` are the
        lines that the brand tells its model first."""
        pieces = self._fitted(turns, system, self.context - room, opens=True)
        return tuple(i for ids, _ in pieces for i in ids)

    def dialogue(self, turns: Turns, system: Sequence[str] = ()) -> ChatRendered:
        """A whole conversation, to learn from."""
        return self._marked(self._fitted(turns, system, self.context, opens=False))

    def exchange(self, turns: Turns, reply: str, system: Sequence[str] = ()) -> ChatRendered:
        """One reply after `turns`: of all that is said, only this reply is to be learned."""
        said = self.reply(reply)
        asked = self.prompt(turns, system, room=min(len(said), self.context // 2))
        kept = said[: self.context - len(asked)]
        return ChatRendered(asked + kept, said=(False,) * len(asked) + (True,) * len(kept))

    def reply(self, text: str) -> tuple[int, ...]:
        """The ids of a reply and of the end of the turn, as they follow a prompt."""
        return (*self._words(text), self._stop)

    def text(self, ids: Sequence[int]) -> str:
        """What `ids` say; control tokens say nothing."""
        return self._typed.decode([i for i in ids if i not in self._control], skip_special_tokens=True)

    def pad(self, batch: Sequence[Rendered]) -> tuple[Ids, Ids]:
        """(input_ids, attention_mask), int64 [len(batch), longest], filled at the right with a stop token."""
        return padded(batch, self._stop)

    def _ends_turns(self) -> None:
        """Find the token that ends the brand's turn: the first of the scaffold after its words. Raises BaseRefused, too
        where turns are parted by nothing but text, which a visitor could type."""
        parts = self.template.parts(("user", "assistant"), opens=False)
        after = parts[parts.index(Utterance(1)) + 1 :]
        ids = self._scaffold_ids(after[0]) if after else ()
        if not ids or ids[0] not in self.stops:
            raise BaseRefused("The chat template does not end the brand's turn with a token that stops the model.")
        between = parts[parts.index(Utterance(0)) + 1]
        if isinstance(between, Utterance) or self._control.isdisjoint(self._scaffold_ids(between)):
            raise BaseRefused(
                "The chat template parts the customer's turn from the brand's by text that a customer could type.",
                remedy="Take a base whose template has control tokens between turns.",
            )
        self._stop = ids[0]

    def _fitted(self, turns: Turns, system: Sequence[str], room: int, *, opens: bool) -> list[Piece]:
        """The pieces of the newest turns that fit into `room` tokens; the newest alone keeps its beginning and end."""
        told = _alternating(turns)[-(MOST_MESSAGES - 1) :]
        lines = list(system)
        while lines and len(self._words("\n".join(lines))) > self.context // SYSTEM_SHARE:
            lines.pop()
        said: list[tuple[ChatRole, str]] = [("system", "\n".join(lines))] if lines else []
        for first in range(len(told)):
            if opens and told[first][0] == "assistant" and first + 1 < len(told):
                continue  # what is cut begins with the customer, as templates like it
            pieces = self._pieces([*said, *told[first:]], opens=opens)
            if _count(pieces) <= room:
                return pieces
        return self._cut([*said, *told[-1:]], room, opens=opens)

    def _cut(self, messages: Sequence[tuple[ChatRole, str]], room: int, *, opens: bool) -> list[Piece]:
        pieces = self._pieces(messages, opens=opens)
        over = _count(pieces) - room
        newest = max((at for at, (_, whose) in enumerate(pieces) if whose is not None), default=None)
        if newest is None or over <= 0:
            return pieces
        ids, whose = pieces[newest]
        kept = max(len(ids) - over, LEAST_TURN)
        return [*pieces[:newest], (ids[: kept - kept // 2] + ids[len(ids) - kept // 2 :], whose), *pieces[newest + 1 :]]

    def _pieces(self, messages: Sequence[tuple[ChatRole, str]], *, opens: bool) -> list[Piece]:
        """Where the template has no place for a system message, its words stand before the customer's newest; where it
        wants the customer to speak first, they say nothing first."""
        lines: tuple[int, ...] = ()
        if not self.template.takes_system and messages and messages[0][0] == "system":
            lines, messages = self._words(f"{messages[0][1]}\n\n"), messages[1:]
        if not self.template.takes_greeting:
            messages = _begun(messages)
        newest = max((at for at, (role, _) in enumerate(messages) if role == "user"), default=-1)
        pieces: list[Piece] = []
        for part in self.template.parts([role for role, _ in messages], opens=opens):
            if isinstance(part, Utterance):
                role, text = messages[part.at]
                pieces += [(lines, None)] * (part.at == newest and bool(lines))
                pieces.append((self._words(text), role))
            else:
                pieces.append((self._scaffold_ids(part), None))
        return pieces

    def _marked(self, pieces: Sequence[Piece]) -> ChatRendered:
        ids: list[int] = []
        said: list[bool] = []
        before: ChatRole | None = None
        for piece, whose in pieces:
            ids += piece
            ends = whose is None and before == "assistant"
            said += [whose == "assistant" or (ends and at == 0) for at in range(len(piece))]
            before = whose
        return ChatRendered(tuple(ids), said=tuple(said))

    def _scaffold_ids(self, part: Part) -> tuple[int, ...]:
        assert not isinstance(part, Utterance)
        return tuple(self._scaffold.encode(part.text, add_special_tokens=False).ids)

    def _words(self, text: str) -> tuple[int, ...]:
        """Ids of typed text. Vocabularies of some kinds hold their control tokens as ordinary pieces; one that is found
        in text becomes the unknown token, or goes where there is none."""
        limit = self.context * CHARS_PER_TOKEN
        bounded = text if len(text) <= limit else text[: limit // 2] + text[-limit // 2 :]
        ids = self._typed.encode(bounded, add_special_tokens=False).ids
        if self._control.isdisjoint(ids):
            return tuple(ids)
        known = (self._unknown if i in self._control else i for i in ids)
        return tuple(i for i in known if i is not None)


def _alternating(turns: Turns) -> list[tuple[ChatRole, str]]:
    """Turns as templates take them: the customer's and the brand's in alternation, what one side said twice joined."""
    told: list[tuple[ChatRole, str]] = []
    for role, text in turns:
        side: ChatRole = "assistant" if role in BRAND_ROLES else "user"
        if told and told[-1][0] == side:
            told[-1] = (side, f"{told[-1][1]}\n{text}")
        else:
            told.append((side, text))
    return told


def _begun(messages: Sequence[tuple[ChatRole, str]]) -> Sequence[tuple[ChatRole, str]]:
    """With a customer who has said nothing yet before a brand that speaks first."""
    at = next((at for at, (role, _) in enumerate(messages) if role != "system"), 0)
    greets = at < len(messages) and messages[at][0] == "assistant"
    return [*messages[:at], ("user", ""), *messages[at:]] if greets else messages


def _count(pieces: Sequence[Piece]) -> int:
    return sum(len(ids) for ids, _ in pieces)
