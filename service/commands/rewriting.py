"""`attune rewrite`: what a tuned model writes of texts and conversations: summaries, translations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from data.errors import NotFound, UsageError
from data.files import disk
from data.pair_files import as_read, read_sources
from export.rewriters import KEPT, rewriter_path
from service.session import Session, readable_file
from service.tables import text
from service.terminal import Answer
from service.verbs import verb

REPORT = "report.json"
"""What names the model that an experiment left."""


@dataclass(frozen=True, kw_only=True)
class RewriteAsked:
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="The --out of an experiment, or a folder of its `model`.")
    ]
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON Lines of texts or conversations, as in the experiment.")
    ]
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there instead, a JSON object a line.")
    ] = None


def rewrite(session: Session, asked: RewriteAsked) -> Answer:
    """Write what a model of `attune experiment --task summarise`, `translate` or `generate` makes of texts. They are
    cleaned and redacted first, as those that it learned from."""
    from export.seq2seq import Rewriter  # onnxruntime: only this verb of the module needs it

    sources = read_sources(readable_file(asked.file), session.settings.imports)
    if asked.out is not None and asked.out.exists():
        raise UsageError("--out names what is there already.", remedy="Name a new file.")
    rewriter = Rewriter.load(_folder(asked.model), session.settings.serve.threads)
    lines = [{"text": as_read(source), "written": rewriter.rewrite(source)} for source in sources.rows]
    told: dict[str, Any] = {"rows": len(lines), "set_aside": sources.set_aside}
    aside = sum(sources.set_aside.values())
    said = (
        f"Written of {len(lines)} texts; {aside} lines were set aside." if aside else f"Written of {len(lines)} texts."
    )
    if asked.out is None:
        return Answer({**told, "texts": lines}, Group(*(text(line["written"]) for line in lines), text(said, "dim")))
    with disk():
        asked.out.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), encoding="utf-8")
    return Answer(told, text(said))


def _folder(model: Path) -> Path:
    """The rewriter that an experiment left in `model`, or `model` itself. Raises NotFound."""
    if not (model / REPORT).is_file():
        return model
    try:
        digest = json.loads((model / REPORT).read_text(encoding="utf-8"))["model"]
    except (ValueError, KeyError, TypeError, OSError):
        raise NotFound(
            "That experiment left no model that rewrites.",
            remedy="Name the --out of one for summarise or translate, or for generate with a base that rewrites.",
        ) from None
    return rewriter_path(model / KEPT, str(digest))


def register(app: typer.Typer) -> None:
    verb(app, "rewrite")(rewrite)
