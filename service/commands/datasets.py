"""`attune datasets`: what was frozen of a bot, looked at, compared, handed out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.console import Group
from rich.text import Text

from data.dataset_card import dataset_card
from data.difference import difference
from data.errors import UsageError
from data.handout import FORMS, Form, hand_out
from data.inventory import slice_rows
from data.lineage import Lineage, counted, frozen, of_dataset
from data.schema import FEEDBACK
from data.store import Store, datasets
from data.store.bots import Bot
from data.store.datasets import Dataset
from service.session import Session
from service.tables import facts, listing, text
from service.terminal import Answer
from service.verbs import BotName, verb

ACTIONS = {"list": 0, "show": 1, "card": 1, "rows": 1, "diff": 2, "export": 1}
"""What can be done, and how many datasets it takes."""
CUT = 60


@dataclass(frozen=True, kw_only=True)
class DatasetsAsked:
    bot: BotName
    action: Annotated[
        str, typer.Argument(metavar="[ACTION]", help="list, show N, card N, rows N, diff A B, or export N.")
    ] = "list"
    numbers: Annotated[list[int], typer.Argument(metavar="[N]", min=1, help="Which datasets, by number.")] = field(
        default_factory=list
    )
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="export: the new folder to write.")] = None
    form: Annotated[
        str, typer.Option("--as", metavar="FORM", help="export: jsonl, or datasets for Hugging Face datasets.")
    ] = "jsonl"
    start: Annotated[int, typer.Option("--start", min=0, help="rows: from which row on.")] = 0
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="rows: how many.")] = 20


def look(session: Session, asked: DatasetsAsked) -> Answer:
    """List the frozen datasets of a bot; show one, its card or its rows; compare two; export one."""
    wanted = ACTIONS.get(asked.action)
    if wanted is None or len(asked.numbers) != wanted:
        raise UsageError(
            f"What to do is one of {', '.join(ACTIONS)}, with the numbers of the datasets it is about.",
            remedy="attune datasets BOT show 1; attune datasets BOT diff 1 2",
        )
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        with store.read() as tx:
            found = [of_dataset(tx, datasets.numbered(tx, bot.id, number)) for number in asked.numbers]
            every = [of_dataset(tx, one) for one in datasets.list_for(tx, bot.id)] if not found else []
        match asked.action:
            case "show":
                return _shown(bot, counted(store, found[0]))
            case "card":
                return _card(bot, counted(store, found[0]))
            case "rows":
                return _rows(store, found[0].dataset, asked)
            case "diff":
                return _difference(store, bot, found[0], found[1])
            case "export":
                return _exported(store, bot, found[0], asked)
        return _listed(bot, every)


def register(app: typer.Typer) -> None:
    verb(app, "datasets")(look)


def lineage_wire(found: Lineage) -> dict[str, Any]:
    """A dataset with what it came of and what came of it."""
    one = found.dataset
    return {
        "dataset": one.id,
        "number": one.number,
        "fingerprint": one.fingerprint,
        "created_at": one.created_at,
        "erased_at": one.erased_at,
        "successor": found.successor,
        "uploads": [source.upload for source in found.sources],
        "sources": [
            {"upload": s.upload, "name": s.name, "digest": s.digest, "state": s.state, "uploaded_by": s.uploaded_by,
             "created_at": s.created_at, "rows": s.rows} for s in found.sources
        ],
        "feedback": found.feedback,
        "runs": list(found.runs),
        "releases": [release.number for release in found.releases],
        "manifest": one.manifest,
    }  # fmt: skip


def sources_table(found: Lineage) -> Any:
    """The files a dataset was built from."""
    rows: list[tuple[object, ...]] = [
        (s.upload, s.name, s.uploaded_by or "command line", f"{s.created_at:%Y-%m-%d}", _splits(s.rows), s.state)
        for s in found.sources
    ]
    if found.feedback and sum(found.feedback.values()):
        rows.append((FEEDBACK, "accepted feedback", "", "", _splits(found.feedback), ""))
    return listing(["upload", "file", "handed in by", "on", "rows", "state"], rows, "It came of no file.")


def _listed(bot: Bot, every: list[Lineage]) -> Answer:
    rows = [
        (found.dataset.number, found.dataset.fingerprint[:12], f"{found.dataset.created_at:%Y-%m-%d %H:%M}",
         len(found.sources), _splits(found.dataset.manifest.get("rows")),
         ", ".join(str(release.number) for release in found.releases), _fate(found)) for found in every
    ]  # fmt: skip
    head = ["dataset", "fingerprint", "frozen (UTC)", "uploads", "rows", "releases", ""]
    wire = {"bot": bot.name, "datasets": [lineage_wire(found) for found in every]}
    return Answer(wire, listing(head, rows, "Nothing was frozen yet."))


def _shown(bot: Bot, found: Lineage) -> Answer:
    one = found.dataset
    head = facts(
        [
            ("dataset", f"{bot.name}, {one.number}"),
            ("fingerprint", one.fingerprint),
            ("frozen (UTC)", f"{one.created_at:%Y-%m-%d %H:%M}"),
            ("rows", _splits(one.manifest.get("rows"))),
            ("conversations", _splits(one.manifest.get("conversations"))),
            ("left out", _splits(one.manifest.get("set_aside"))),
            ("runs", ", ".join(f"{run['run']} ({run['task']}, {run['state']})" for run in found.runs)),
            ("releases", ", ".join(f"{bot.name}@{release.number}" for release in found.releases)),
            ("state", Text(_fate(found), "yellow") if _fate(found) else None),
        ]
    )
    return Answer({"bot": bot.name, **lineage_wire(found)}, Group(head, sources_table(found)))


def _card(bot: Bot, found: Lineage) -> Answer:
    card = dataset_card(bot.name, found)
    return Answer({"bot": bot.name, "number": found.dataset.number, "card": card}, text(card.rstrip("\n")))


def _rows(store: Store, one: Dataset, asked: DatasetsAsked) -> Answer:
    found = slice_rows(frozen(store, one), asked.start, asked.limit)
    wire = [{"place": row.place, "room": row.room, **row.record} for row in found]
    rows = [(row.place, row.record["id"], row.room, row.record["intent"], _cut(row.record["text"]),
             _cut(row.record["reply"] or "")) for row in found]  # fmt: skip
    table = listing(["", "row", "split", "intent", "the customer said", "the brand answered"], rows, "No more rows.")
    return Answer({"number": one.number, "rows": wire}, table)


def _difference(store: Store, bot: Bot, before: Lineage, after: Lineage) -> Answer:
    told = difference(frozen(store, before.dataset), frozen(store, after.dataset)).to_wire()
    names = {source.digest: source.name for found in (before, after) for source in found.sources}
    rows = [(kind, names.get(source, source), _splits(splits)) for kind in ("added", "removed", "relabelled")
            for source, splits in told[kind].items()]  # fmt: skip
    labels = [(one["before"], one["after"], one["rows"]) for one in told["labels"]]
    shown = Group(
        listing(["", "from", "rows"], rows, "The same rows."),
        *([listing(["label before", "after", "rows"], labels, "")] if labels else []),
        text(f"{told['unchanged']} rows are the same."),
    )
    return Answer({"bot": bot.name, "from": before.dataset.number, "to": after.dataset.number, **told}, shown)


def _exported(store: Store, bot: Bot, found: Lineage, asked: DatasetsAsked) -> Answer:
    if asked.to is None or asked.form not in FORMS:
        raise UsageError(
            f"Say where to, and as what: {' or '.join(FORMS)}.",
            remedy="attune datasets BOT export 1 --to DIR --as jsonl",
        )
    form: Form = next(one for one in get_args(Form) if one == asked.form)
    card = dataset_card(bot.name, counted(store, found))
    written = hand_out(frozen(store, found.dataset), card, asked.to, form)
    wire = {"bot": bot.name, "number": found.dataset.number, "as": form, "rows": written}
    return Answer(wire, text(f"Dataset {found.dataset.number} stands in {asked.to} ({_splits(written)})."))


def _fate(found: Lineage) -> str:
    if found.dataset.erased_at is None:
        return ""
    return f"erased; what remained is {found.successor}" if found.successor else "erased"


def _splits(counts: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in dict(counts or {}).items() if count)


def _cut(words: str) -> str:
    return words if len(words) <= CUT else words[: CUT - 1] + "…"
