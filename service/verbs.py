"""How a function becomes a verb of the command line.

A verb is a function of two things: the session, and a frozen dataclass of what was asked. Each field of that dataclass
is an argument or an option; `--home` and `--json` come with every verb, so that none can lack them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand

from service.child import trainer_command
from service.session import Session
from service.terminal import Answer, Terminal

Asked = TypeVar("Asked")
Verb = Callable[[Session, Asked], Answer | None]

BotName = Annotated[str, typer.Argument(metavar="BOT", help="The bot's name.", show_default=False)]
HOME = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="The home folder; else ATTUNE_HOME, else ./attune-home."),
]
JSON = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on stdout.")]


def verb(app: typer.Typer, name: str) -> Callable[[Verb[Asked]], Verb[Asked]]:
    """Register the function as the verb `name` of `app`; the function itself stays as it is."""

    def register(run: Verb[Asked]) -> Verb[Asked]:
        asked_type: Any = get_type_hints(run)["asked"]

        def call(ctx: typer.Context, **given: Any) -> int:
            terminal = Terminal(as_json=given.pop("json"))
            session = Session(given.pop("home"), terminal, ctx.obj or trainer_command)
            answer = run(session, asked_type(**given))
            return 0 if answer is None else terminal.give(answer)

        call.__signature__ = _signature(asked_type)  # type: ignore[attr-defined]
        call.__annotations__ = {}
        call.__doc__ = run.__doc__
        app.command(name, cls=SeveralValues)(call)
        return run

    return register


class SeveralValues(TyperCommand):
    """Lets an option that may be repeated take several values at once: `--train a b` means `--train a --train b`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        several = {name for one in self.params if getattr(one, "multiple", False) for name in one.opts}
        positional = any(one.param_type_name == "argument" for one in self.params)
        return super().parse_args(ctx, args if positional else _repeated(args, several))


def _repeated(args: list[str], several: set[str]) -> list[str]:
    out: list[str] = []
    current, used = None, False
    for arg in args:
        if arg.startswith("-"):
            current, used = (arg if arg in several else None), False
            out.append(arg)
        else:
            out += [current, arg] if current is not None and used else [arg]
            used = True
    return out


def _signature(asked_type: Any) -> Signature:
    hints = get_type_hints(asked_type, include_extras=True)
    found = [Parameter("ctx", Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    for one in fields(asked_type):
        default = one.default if one.default is not MISSING else Parameter.empty
        if one.default_factory is not MISSING:
            default = one.default_factory()
        found.append(Parameter(one.name, Parameter.KEYWORD_ONLY, annotation=hints[one.name], default=default))
    found.append(Parameter("home", Parameter.KEYWORD_ONLY, annotation=HOME, default=None))
    found.append(Parameter("json", Parameter.KEYWORD_ONLY, annotation=JSON, default=False))
    return Signature(found)
