"""`attune pretrain`: a chat base from scratch, for who has no other, or no other in a language."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from data.errors import UsageError
from data.files import disk
from service.child import require_train_extra
from service.commands.training import LOG
from service.progress import meter
from service.session import Session, readable_file
from service.tables import text
from service.terminal import Answer
from service.training import run_trainer
from service.verbs import verb


@dataclass(frozen=True, kw_only=True)
class PretrainAsked:
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="What it is made of, in TOML; recipes/chat-base.toml.")]
    corpora: Annotated[Path, typer.Option("--corpora", metavar="DIR", help="The folder the plan's files lie in.")]
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the base goes; the same again goes on.")]


def pretrain(session: Session, asked: PretrainAsked) -> Answer:
    """Make a chat base from scratch, by a plan: hours on a processor, minutes on a GPU. Ctrl-C stops it; the same
    command goes on."""
    require_train_extra(session.launch)
    readable_file(asked.plan)
    if not asked.corpora.is_dir():
        raise UsageError("--corpora names no folder.", remedy="Name the folder that the plan's files lie in.")
    if asked.out.exists() and not asked.out.is_dir():
        raise UsageError("--out names a file; a folder is expected.", remedy="Name a folder, or a new one.")
    with disk():
        asked.out.mkdir(parents=True, exist_ok=True)
    home = [] if session.home is None else ["--home", str(session.home)]
    arguments = ["pretrain", *home, "--corpora", str(asked.corpora), "--out", str(asked.out), "--", str(asked.plan)]
    with meter(session.terminal.err) as shown:
        done = run_trainer(session.launch, arguments, asked.out / LOG, shown.tell)
    made = done.get("result") or {}
    worth = made.get("worth") or {}
    said = (
        f"{made.get('base')}: {worth.get('bits_per_byte', 0.0):.3f} bits per byte; n-grams of the same corpus need "
        f"{worth.get('ngram_bits_per_byte', 0.0):.3f}. README.md tells the rest."
    )
    return Answer(made, text(said))


def register(app: typer.Typer) -> None:
    verb(app, "pretrain")(pretrain)
