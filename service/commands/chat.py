"""`attune chat`: talk with a release in the terminal, or line by line from a pipe."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from export.hear import Spoken
from export.predict import Prediction, Predictor
from service.answering import chosen_release, predictor_of
from service.session import Session
from service.tables import text
from service.terminal import Terminal, typed
from service.verbs import BotName, verb

MEMORY = 40
"""Turns that are kept in mind; models look at fewer."""
PROMPT = "you> "


@dataclass(frozen=True, kw_only=True)
class ChatAsked:
    bot: BotName
    release: Annotated[
        int | None, typer.Option("--release", min=1, metavar="N", help="Which release; the live one otherwise.")
    ] = None
    explain: Annotated[bool, typer.Option("--explain", help="Show intent, confidence, source and reason.")] = False


def chat(session: Session, asked: ChatAsked) -> None:
    """Talk with a bot. Reads a message per line; the end of the input ends it. --json: one object per reply."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        release = chosen_release(store, bot, asked.release)
    with predictor_of(session.settings, bot, release) as predictor:
        _talk(predictor, session.terminal, explain=asked.explain)


def register(app: typer.Typer) -> None:
    verb(app, "chat")(chat)


def said(prediction: Prediction, *, explain: bool) -> str:
    """A reply as it is printed."""
    if not explain:
        return prediction.reply
    in_short = f"{prediction.intent or 'no intent'}, {prediction.confidence:.2f}, {prediction.source}"
    return f"{prediction.reply}\n     [{in_short}: {prediction.reason}]"


def _talk(predictor: Predictor, terminal: Terminal, *, explain: bool) -> None:
    turns: list[Spoken] = []
    asks = sys.stdin.isatty() and not terminal.as_json
    if asks:
        terminal.note(f"This is {predictor.release}. Ctrl-D ends the conversation.")
        _say(terminal, predictor.reply([]), explain=False)
    for message in typed(PROMPT if asks else ""):
        turns = [*turns, ("user", message)][-MEMORY:]
        prediction = predictor.reply(turns)
        turns.append(("assistant", prediction.reply))
        if terminal.as_json:
            terminal.line({"message": message, **prediction.to_wire()})
        else:
            _say(terminal, prediction, explain=explain)


def _say(terminal: Terminal, prediction: Prediction, *, explain: bool) -> None:
    terminal.out.print(text(f"bot> {said(prediction, explain=explain)}"))
