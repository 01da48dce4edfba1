"""A model's chat template: from who said what to the text between, with the words themselves left out.

A template is a small program that came with a model. It runs in Jinja's sandbox, and it never sees what anybody typed:
in the place of every utterance it is given a mark that stands for it, and its output is cut at the marks. So scaffold
and utterances stay apart until each is tokenised by itself, whatever the template is, and no text can act as one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from jinja2 import TemplateError, Undefined
from jinja2.ext import Extension
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from data.errors import BaseRefused

ChatRole = Literal["system", "user", "assistant"]
"""As templates name them; whoever speaks for the brand is the assistant."""

MOST_CHARACTERS = 1 << 16
MOST_MESSAGES = 33
"""Turns of a conversation that are rendered at most, the newest, so that every shape there is can be tried."""
_SIDES: tuple[ChatRole, ChatRole] = ("user", "assistant")
OPEN, CLOSE = "\ue000", "\ue001"
"""Private-use characters around the number of an utterance: the mark that stands for it."""
_MARK = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_GIVEN = {"enable_thinking": False, "tools": None, "documents": None}
"""What templates ask for beside: a brand's bot does not think aloud, and calls nothing."""
_REMEDY = "Take a base whose chat template says every message once and in order."


@dataclass(frozen=True, slots=True)
class Scaffold:
    """Text of the template, in which control tokens are control tokens."""

    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """Where the utterance `at` of the messages goes."""

    at: int


Part = Scaffold | Utterance


@dataclass(frozen=True)
class ChatTemplate:
    """`source` as the model's folder holds it; `tokens` are the names that it may ask for (`bos_token`, `eos_token`).
    `takes_system`: whether it has a place for a system message before the others; `takes_greeting`: whether the
    assistant may speak first. Some have none, or want the user to.

    Raises BaseRefused for a template that is too long, cannot be compiled, or does not say every message once and in
    order.
    """

    source: str
    tokens: Mapping[str, str] = field(default_factory=dict)
    takes_system: bool = field(init=False, repr=False, compare=False)
    takes_greeting: bool = field(init=False, repr=False, compare=False)
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.source) > MOST_CHARACTERS:
            raise BaseRefused(f"The chat template has more than {MOST_CHARACTERS} characters.", remedy=_REMEDY)
        if OPEN in self.source or CLOSE in self.source:
            raise BaseRefused("The chat template uses characters that are kept for marks.", remedy=_REMEDY)
        try:
            compiled = _sandbox().from_string(self.source)
        except (TemplateError, RecursionError) as error:
            raise BaseRefused(f"The chat template is no template ({type(error).__name__}).", remedy=_REMEDY) from None
        object.__setattr__(self, "_compiled", compiled)
        self.parts(("user", "assistant", "user"), opens=True)
        self.parts(("user", "assistant"), opens=False)
        object.__setattr__(self, "takes_system", self._says(("system", "user", "assistant", "user")))
        object.__setattr__(self, "takes_greeting", self._says(("assistant", "user")))

    @property
    def digest(self) -> str:
        """What an operator who has looked at the template accepts: its SHA-256."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def parts(self, roles: Sequence[ChatRole], *, opens: bool) -> list[Part]:
        """The scaffold around one utterance for each of `roles`; with `opens`, up to where the assistant begins."""
        messages = [{"role": role, "content": f"{OPEN}{at}{CLOSE}"} for at, role in enumerate(roles)]
        try:
            text = self._compiled.render(messages=messages, add_generation_prompt=opens, **_GIVEN, **self.tokens)
        except BaseRefused:
            raise
        except Exception as error:  # a template fails as any program does
            raise BaseRefused(f"The chat template fails ({type(error).__name__}).", remedy=_REMEDY) from None
        pieces = _MARK.split(text)
        whole = not any(OPEN in piece or CLOSE in piece for piece in pieces[::2])
        if not whole or [int(number) for number in pieces[1::2]] != list(range(len(roles))):
            raise BaseRefused("The chat template leaves messages out, repeats or reorders them.", remedy=_REMEDY)
        found = [Utterance(int(piece)) if at % 2 else Scaffold(piece) for at, piece in enumerate(pieces)]
        return [part for part in found if part != Scaffold("")]

    def rehearse(self) -> None:
        """Render every shape of conversation that will ever be asked for. Raises BaseRefused where one fails."""
        before: tuple[tuple[ChatRole, ...], ...] = ((), ("system",)) if self.takes_system else ((),)
        for length in range(1, MOST_MESSAGES + 1):
            for first in range(2 if self.takes_greeting else 1):
                roles = tuple(_SIDES[(first + at) % 2] for at in range(length))
                for told in before:
                    self.parts((*told, *roles), opens=roles[-1] == "user")

    def _says(self, roles: Sequence[ChatRole]) -> bool:
        try:
            self.parts(roles, opens=True)
        except BaseRefused:
            return False
        return True


class _Plainly(Extension):
    """`{% generation %}` marks what an assistant says, for trainers that look for it there; here it marks nothing."""

    tags = {"generation"}  # noqa: RUF012 - as the base class has it

    def parse(self, parser: Parser) -> list[Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _NoClock(Undefined):
    """Not defined, for templates that ask first; and where they call it unasked, the time of day is no text at all."""

    def __call__(self, *_: Any, **__: Any) -> str:  # type: ignore[override]  # where others fail
        return ""

    def __getattr__(self, name: str) -> Any:  # the sandbox looks for marks of what may not be called
        raise AttributeError(name)


def _sandbox() -> ImmutableSandboxedEnvironment:
    """As models' templates expect it; the time of day, which some would write into a prompt, is not to be had."""
    sandbox = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Plainly], autoescape=False
    )
    sandbox.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    sandbox.globals["raise_exception"] = _refuse
    sandbox.globals["strftime_now"] = _NoClock(name="strftime_now")
    return sandbox


def _refuse(_message: object) -> NoReturn:
    """What a template calls for messages that it does not take."""
    raise BaseRefused("The chat template does not take such a conversation.", remedy=_REMEDY)
