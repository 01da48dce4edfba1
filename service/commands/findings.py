"""`attune data ...`: what there is to say about files, uploads and the dataset that a training would learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from data.check import leakage
from data.errors import NotFound, UsageError
from data.importers.nouns import FAIL_ON
from data.store import uploads
from data.store.bots import Bot
from data.store.uploads import Upload
from service.child import require_train_extra
from service.findings import dataset_report, request_findings
from service.progress import meter
from service.report_page import report_page
from service.session import Session, readable_file
from service.tables import dataset_table, facts, findings_table, listing, report_table, text
from service.terminal import Answer
from service.training import Training
from service.verbs import BotName, verb

FailOn = Annotated[
    str, typer.Option("--fail-on", metavar="LEVEL", help="From which finding on it fails: error, warning, info, never.")
]
SHOWN = 50
"""Rows of a check that a terminal shows."""
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the report as one page, too.")]


@dataclass(frozen=True, kw_only=True)
class CheckAsked:
    train: Annotated[list[Path], typer.Option("--train", metavar="FILE", help="What a model learns from.")]
    test: Annotated[list[Path], typer.Option("--test", metavar="FILE", help="What it is measured on.")]
    fail_on: FailOn = "never"


@dataclass(frozen=True, kw_only=True)
class ReportAsked:
    bot: BotName
    upload: Annotated[
        str | None, typer.Argument(metavar="[UPLOAD]", help="The upload's id; without it, all are listed.")
    ] = None
    html: Html = None
    fail_on: FailOn = "never"


@dataclass(frozen=True, kw_only=True)
class FindingsAsked:
    bot: BotName
    html: Html = None
    fail_on: FailOn = "never"


def check(session: Session, asked: CheckAsked) -> Answer:
    """Find out whether test files hold what a model is trained on."""
    fails((), asked.fail_on)
    wire = leakage(
        [readable_file(path) for path in asked.train],
        [readable_file(path) for path in asked.test],
        session.settings.imports,
    )
    code = fails(wire["findings"], asked.fail_on)
    shown = [(name, wire[name]) for name in ("train_rows", "test_rows", "exact_duplicates", "near_duplicates")]
    rows = [(row["kind"], f"{row['test_file']}:{row['test_row']}", f"{row['train_file']}:{row['train_row']}",
             row["text"]) for row in wire["rows"][:SHOWN]]  # fmt: skip
    table = listing(["kind", "test file:row", "train file:row", "text"], rows, "Nothing of the test stands in train.")
    head = facts((name.replace("_", " "), str(value)) for name, value in shown)
    every = len(wire["rows"])
    more = [text(f"The first {SHOWN} of {every}; --json tells them all.")] if every > SHOWN else []
    return Answer(wire, Group(head, findings_table(wire["findings"], ""), table, *more), code)


def report(session: Session, asked: ReportAsked) -> Answer:
    """List the uploads of a bot, or show the report of one again."""
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        with store.read() as tx:
            if asked.upload is None:
                return _uploads(bot, uploads.list_for(tx, bot.id))
            upload = uploads.get(tx, asked.upload)
    if upload.bot_id != bot.id or upload.report is None:
        raise NotFound("There is no such report.", remedy=f"`attune data report {bot.name}` lists the uploads.")
    wire = {**upload.report, "file": upload.name}
    if asked.html is not None:
        write_page(asked.html, report_page([wire]))
    return Answer(wire, report_table(wire), fails(wire["findings"], asked.fail_on))


def _uploads(bot: Bot, found: Sequence[Upload]) -> Answer:
    wires = [
        {"upload": one.id, "file": one.name, "state": one.state, "conversations": one.conversations,
         "rows_in": (one.report or {}).get("rows_in"), "rows_used": (one.report or {}).get("rows_used"),
         "created_at": one.created_at} for one in found
    ]  # fmt: skip
    rows = [(one["upload"], one["file"], one["state"], one["rows_in"], one["rows_used"],
             f"{one['created_at']:%Y-%m-%d %H:%M}") for one in wires]  # fmt: skip
    head = ["upload", "file", "state", "rows", "used", "at (UTC)"]
    empty = f"There is none yet; `attune import {bot.name} FILE` makes one."
    return Answer({"bot": bot.name, "uploads": wires}, listing(head, rows, empty))


def findings(session: Session, asked: FindingsAsked) -> Answer:
    """Judge all that a training would learn from now: likely label errors, what is missing, what the base knows."""
    fails((), asked.fail_on)
    check_page(asked.html)
    require_train_extra(session.launch)
    with session.store() as store, meter(session.terminal.err) as shown:
        bot = session.bot(store, asked.bot)
        with store.begin() as tx:
            job = request_findings(tx, bot)
        work = Training(store, session.settings, session.launch, session.terminal.note)
        result = work.work(job, shown.tell).result or {}
    wire = {"bot": bot.name, "job": job.id, **result}
    if asked.html is not None:
        write_page(asked.html, report_page([dataset_report(bot.name, wire)], "What the data teach"))
    return Answer(wire, dataset_table(wire), fails(wire["findings"], asked.fail_on))


def fails(found: Sequence[Mapping[str, Any]], level: str) -> int:
    """The exit code: 1 where a finding is as bad as `level`, or worse. Raises UsageError for a level that is none."""
    if level not in FAIL_ON:
        raise UsageError(f"--fail-on is one of {', '.join(FAIL_ON)}.", remedy="`--fail-on warning`, for example.")
    bad = FAIL_ON[: FAIL_ON.index(level) + 1] if level != "never" else ()
    return int(any(one["severity"] in bad for one in found))


def check_page(path: Path | None) -> None:
    """Raises UsageError, before any work, where the page that is asked for cannot be."""
    if path is not None and path.is_dir():
        raise UsageError("--html names a folder; a file is expected.", remedy="Name a file, such as report.html.")
    if path is not None and not path.parent.is_dir():
        raise UsageError("--html names a file in a folder that is not there.", remedy="Create the folder first.")


def write_page(path: Path, page: str) -> None:
    """Write a page where the user asked for it. Raises UsageError where that cannot be."""
    check_page(path)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The page cannot be written: {error.strerror or type(error).__name__}.", remedy="Name another file."
        ) from None


def register(app: typer.Typer) -> None:
    data = typer.Typer(help="What there is to say about data.", rich_markup_mode=None)
    verb(data, "check")(check)
    verb(data, "report")(report)
    verb(data, "findings")(findings)
    data.callback()(_data)
    app.add_typer(data, name="data")


def _data() -> None:
    """What there is to say about data."""
