"""`attune bases`: which base models there are, which one suits a bot, and how another comes in or goes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from typer.core import TyperGroup

from data.errors import UsageError
from service.child import require_train_extra
from service.commands.bots import NothingAsked
from service.session import Session
from service.tables import facts, listing, text
from service.terminal import Answer
from service.training import run_trainer
from service.verbs import BotName, verb

LOG = "bases.log"
NEXT = {
    "read": "Next: attune train BOT --base {}",
    "write": "Next: attune train BOT --chat-base {}",
    "rewrite": "Next: attune experiment TRAIN TEST --task summarise --base {}",
}
"""What a base of each use is for."""
BaseName = Annotated[str, typer.Argument(metavar="NAME", help="The base's name.", show_default=False)]


@dataclass(frozen=True, kw_only=True)
class ImportAsked:
    source: Annotated[str, typer.Argument(metavar="FOLDER|HUB_ID", help="A folder with a model, or its id on the hub.")]
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is called from now on.")]
    licence: Annotated[
        str | None, typer.Option("--licence", metavar="SPDX", help="Its licence, where the model's card names none.")
    ] = None
    languages: Annotated[
        list[str],
        typer.Option("--languages", metavar="CODE", help="What it reads; mul for many. Else as its card says."),
    ] = field(default_factory=list)
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You accept the terms, which are shown; asks otherwise.")
    ] = False

    def arguments(self, accepted: str | None) -> list[str]:
        """As the trainer reads them."""
        codes = [code for one in self.languages for code in one.split(",") if code.strip()]
        given = ["--name", self.name]
        given += [] if self.licence is None else ["--licence", self.licence]
        given += ["--languages", *codes] if codes else []
        given += [] if accepted is None else ["--accepted", accepted]
        return [*given, "--", self.source]


@dataclass(frozen=True, kw_only=True)
class RemoveAsked:
    name: BaseName


@dataclass(frozen=True, kw_only=True)
class AdviseAsked:
    bot: BotName


class ListedByDefault(TyperGroup):
    """`attune bases` alone lists them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        plain = not args or (args[0].startswith("-") and args[0] != "--help")
        return super().parse_args(ctx, ["list", *args] if plain else args)


def list_bases(session: Session, asked: NothingAsked) -> Answer:
    """List the base models that training can start from: the catalogue's, and those that were imported."""
    found = _run(session, ["list"])["bases"]
    return Answer({"bases": found}, _table(found))


def import_base(session: Session, asked: ImportAsked) -> Answer:
    """Keep a base model, after its licence was shown and accepted. Pickled weights are converted, locked in."""
    require_train_extra(session.launch)
    told = _run(session, ["import", *asked.arguments(None)])
    terms = told["terms"]
    session.terminal.err.print(_terms(asked.name, terms))
    if not asked.accept_licence:
        _ask(session, terms)
    done = _run(session, ["import", *asked.arguments(str(told["digest"]))])
    base = done["base"]
    notes = [
        f"The base {base['name']} is kept; its files are compared with their digests at every use."
        if done["kept"]
        else f"The base {base['name']} was kept before, and is the same.",
        *(["Its weights were pickled; they are kept as safetensors."] if done["converted"] else []),
        *_left(done),
        NEXT[base["use"]].format(base["name"]),
    ]
    return Answer({**done, "terms": terms}, Group(*map(text, notes)))


def remove_base(session: Session, asked: RemoveAsked) -> Answer:
    """Forget an imported base; refused while a release or an unfinished job needs it."""
    done = _run(session, ["remove", "--", asked.name])
    return Answer(done, text(f"The base {asked.name} is removed."))


def advise(session: Session, asked: AdviseAsked) -> Answer:
    """Look at every base with a bot's own messages: terms, languages, words it lacks, speed, what a training takes."""
    require_train_extra(session.launch)
    with session.store() as store:
        session.bot(store, asked.bot)
    told = _run(session, ["advise", "--", asked.bot])
    return Answer(told, Group(_advice(told["bases"]), text(told["reason"], "bold")))


def _run(session: Session, arguments: Sequence[str]) -> dict[str, Any]:
    log = session.settings.home / "logs" / LOG if session.settings.home.is_dir() else None
    home = [] if session.home is None else ["--home", str(session.home)]
    done = run_trainer(session.launch, ["bases", *home, *arguments], log, lambda _: None)
    return dict(done.get("result") or {})


def _ask(session: Session, terms: Mapping[str, Any]) -> None:
    """Raises UsageError unless a person accepts."""
    if sys.stdin is not None and sys.stdin.isatty() and not session.terminal.as_json:
        if typer.confirm("Do you accept these terms?", default=False, err=True):
            return
        raise UsageError("The terms were not accepted; nothing was kept.")
    raise UsageError(
        f"Nobody accepted the licence {terms['licence']}; nothing was kept.",
        remedy="Read the terms above, then say --accept-licence.",
    )


def _terms(name: str, terms: Mapping[str, Any]) -> RenderableType:
    said_by = "as its card says" if terms["said_by"] == "card" else "as you say; the model does not"
    head = facts(
        [
            ("base", name),
            ("licence", f"{terms['licence']} ({said_by})"),
            ("mind", ", ".join(terms["limits"])),
            ("languages", ", ".join(terms["languages"]) or "unknown"),
        ]
    )
    cut = [text("The text goes on; it is kept beside the model.", "dim")] if terms["cut"] else []
    return Group(head, text(terms["text"] or "The model brings no text of its licence.", "dim"), *cut)


def _left(done: Mapping[str, Any]) -> list[str]:
    told = (("settings of its config.json", "settings_left_out"), ("files", "files_left"))
    return [f"Left out were {what}: {', '.join(done[name])}." for what, name in told if done[name]]


def _table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    rows = [
        (
            one["name"],
            f"{one['use']}s",
            ", ".join(one.get("languages", ())) or "unknown",
            _millions(one.get("parameters")),
            ", ".join([str(one.get("licence", "")), *one.get("limits", ())]),
            f"{one['bytes'] / 1e6:.0f} MB" if one.get("bytes") else "",
            " ".join(filter(None, (one.get("origin"), one.get("hub_id")))),
            one.get("state", ""),
        )
        for one in found
    ]
    columns = ["name", "what it does", "languages", "parameters", "licence", "size", "from", "state"]
    return listing(columns, rows, "There are none.")


def _advice(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    rows = [
        (
            one["name"],
            one["terms"],
            ", ".join(one["languages"]) + (f" (not {', '.join(one['missing'])})" if one["missing"] else ""),
            _told(one["unknown_share"], "{:.1%}"),
            _told(one["bytes"], "{:.0f} MB", 1e6),
            _told(one["latency_ms"], "{:.1f} ms"),
            _told(one["seconds"], "{:.0f} s"),
            _told(one["memory_bytes"], "{:.0f} MB", 1e6),
            one["state"],
        )
        for one in found
    ]
    columns = ["name", "terms", "languages", "unknown", "size", "one text", "training", "memory", "state"]
    return listing(columns, rows, "There are none.")


def _told(value: float | None, form: str, unit: float = 1) -> str:
    return "" if value is None else form.format(value / unit)


def _millions(parameters: Any) -> str:
    return f"{parameters / 1e6:.1f} M" if isinstance(parameters, int) else ""


def register(app: typer.Typer) -> None:
    bases = typer.Typer(help="Base models.", rich_markup_mode=None, cls=ListedByDefault)
    verb(bases, "list")(list_bases)
    verb(bases, "import")(import_base)
    verb(bases, "remove")(remove_base)
    verb(bases, "advise")(advise)
    bases.callback()(_bases)
    app.add_typer(bases, name="bases")


def _bases() -> None:
    """The base models that training can start from."""
