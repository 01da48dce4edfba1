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

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from data.errors import BaseRefused

ChatRole = Literal["system", "user", "assistant"]
"""As templates name them; whoever speaks for the brand is the assistant."""

MOST_CHARACTERS = 1 << 16
OPEN, CLOSE = "\ue000", "\ue001"
"""Private-use characters around the number of an utterance: the mark that stands for it."""
_MARK = re.compile(f"{OPEN}([0-9]+){CLOSE}")
_REMEDY = "Take a base whose chat template says every message once, in order, and takes a system message."


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

    Raises BaseRefused for a template that is too long, cannot be compiled, or does not say every message once and in
    order.
    """

    source: str
    tokens: Mapping[str, str] = field(default_factory=dict)
    _compiled: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.source) > MOST_CHARACTERS:
            raise BaseRefused(f"The chat template has more than {MOST_CHARACTERS} characters.", remedy=_REMEDY)
        if OPEN in self.source or CLOSE in self.source:
            raise BaseRefused("The chat template uses characters that are kept for marks.", remedy=_REMEDY)
        try:
            compiled = _sandbox().from_string(self.source)
        except TemplateError as error:
            raise BaseRefused(f"The chat template is no template ({type(error).__name__}).", remedy=_REMEDY) from None
        object.__setattr__(self, "_compiled", compiled)
        self.parts(("system", "user", "assistant", "user"), opens=True)
        self.parts(("user", "assistant"), opens=False)

    @property
    def digest(self) -> str:
        """What an operator who has looked at the template accepts: its SHA-256."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def parts(self, roles: Sequence[ChatRole], *, opens: bool) -> list[Part]:
        """The scaffold around one utterance for each of `roles`; with `opens`, up to where the assistant begins."""
        messages = [{"role": role, "content": f"{OPEN}{at}{CLOSE}"} for at, role in enumerate(roles)]
        try:
            text = self._compiled.render(messages=messages, add_generation_prompt=opens, **self.tokens)
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


def _sandbox() -> ImmutableSandboxedEnvironment:
    """As models' templates expect it; the time of day, which some would write into a prompt, is not to be had."""
    sandbox = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"], autoescape=False
    )
    sandbox.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    sandbox.globals["raise_exception"] = _refuse
    return sandbox


def _refuse(_message: object) -> NoReturn:
    """What a template calls for messages that it does not take."""
    raise BaseRefused("The chat template does not take such a conversation.", remedy=_REMEDY)
