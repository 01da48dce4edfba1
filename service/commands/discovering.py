"""`attune discover` and `attune intents`: intents found in what nobody labelled, and what is made of them."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Group

from data import suggested
from data.errors import UsageError
from data.store import Store, Tx, suggested_turns, suggestions
from data.store.bots import Bot
from data.store.suggestions import Place, Suggestion
from data.suggested import Review
from service.child import require_train_extra
from service.discovering import outlook_wire, request_discovery, suggestion_wire, utterance_wire
from service.progress import meter
from service.session import Session
from service.tables import facts, listing, text
from service.terminal import Answer
from service.training import Training
from service.verbs import BotName, verb

SHOWN = 500
SHOWN_TERMS = 4
STATES = ("proposed", "accepted", "dismissed", "all")
ACTIONS = ("accept", "dismiss", "rename", "merge", "split")


@dataclass(frozen=True, kw_only=True)
class DiscoverAsked:
    bot: BotName
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="What random draws begin from.", min=0, max=2**31 - 1)
    ] = 0
    base: Annotated[
        str | None, typer.Option("--base", metavar="B", help="The model that reads the messages; `attune bases`.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class IntentsAsked:
    bot: BotName
    ids: Annotated[
        list[str], typer.Argument(metavar="[ID]", help="One of them, with what was said; or more for an action.")
    ] = field(default_factory=list)
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="Which: proposed, accepted, dismissed or all.")
    ] = "proposed"
    accept: Annotated[
        list[str], typer.Option("--accept", metavar="ID", help="Its turns are examples of the intent from now on.")
    ] = field(default_factory=list)
    dismiss: Annotated[list[str], typer.Option("--dismiss", metavar="ID", help="It is no intent, or not any more.")] = (
        field(default_factory=list)
    )
    rename: Annotated[str | None, typer.Option("--rename", metavar="ID", help="Call it as --as says.")] = None
    merge: Annotated[
        list[str], typer.Option("--merge", metavar="ID", help="Make one of several; the first keeps its name.")
    ] = field(default_factory=list)
    split: Annotated[
        str | None, typer.Option("--split", metavar="ID", help="Undo its merge, part it in two, or take --turn out.")
    ] = None
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="The intent's name.")] = None
    turn: Annotated[
        list[str], typer.Option("--turn", metavar="CONVERSATION:PLACE", help="A turn that leaves what is split.")
    ] = field(default_factory=list)
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="Utterances that are shown of one.", min=0, max=1000)
    ] = 20


def discover(session: Session, asked: DiscoverAsked) -> Answer:
    """Look for intents in all user turns that nobody labelled, and suggest them to a reviewer."""
    require_train_extra(session.launch)
    with session.store() as store, meter(session.terminal.err) as shown:
        bot = session.bot(store, asked.bot)
        with store.begin() as tx:
            job = request_discovery(tx, bot, asked.seed, asked.base)
        work = Training(store, session.settings, session.launch, session.terminal.note)
        result = work.work(job, shown.tell).result or {}
        listed = _listed(store, bot, "proposed")
    head = facts(_looked_at(result))
    wire = {"bot": bot.name, "job": job.id, **result, **listed.wire}
    return Answer(wire, Group(head, listed.shown, text(f"Next: attune intents {bot.name} ID")))


def _looked_at(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What there is to say of a discovery; whatever was not looked at is counted."""
    told = [
        ("looked at", f"{result['turns']:,} messages without a label, {result['texts']:,} of them different"),
        ("covered", f"{result['coverage']:.0%} by {result['suggestions']:,} suggested intents"),
        ("like none", f"{result['outliers']:,} messages"),
    ]
    left = [
        f"{result[name]:,} {why}"
        for name, why in (("labelled", "with a label"), ("decided", "that reviewers decided on"),
                          ("not_looked_at", "beyond what one discovery reads"))
        if result[name]
    ]  # fmt: skip
    return [*told, *([("left out", ", ".join(left))] if left else []), ("took", f"{result['seconds']:.0f} s")]


def intents(session: Session, asked: IntentsAsked) -> Answer:
    """List suggested intents, or show one; accept, dismiss, rename, merge or split them."""
    action = _action(asked)
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        if action is not None:
            with store.begin() as tx:
                return _decide(tx, bot, action, asked)
        if asked.ids:
            with store.read() as tx:
                return _shown(tx, bot, asked.ids[0], asked.limit)
        return _listed(store, bot, asked.state)


def register(app: typer.Typer) -> None:
    verb(app, "discover")(discover)
    verb(app, "intents")(intents)


def _action(asked: IntentsAsked) -> str | None:
    if asked.state not in STATES:
        raise UsageError(f"--state is one of {', '.join(STATES)}.")
    named = [action for action in ACTIONS if getattr(asked, action)]
    action = named[0] if named else None
    if len(named) > 1 or (len(asked.ids) > 1 and action is None) or (asked.ids and action in ("rename", "split")):
        raise UsageError("Do one thing at a time.", remedy="`attune intents BOT --accept ID`, for example.")
    if (action == "rename") > (asked.name is not None) or (asked.name and action not in ("rename", "accept")):
        raise UsageError("--as names what --rename or --accept speak of.", remedy="--rename ID --as NAME")
    if asked.name and len([*asked.accept, *asked.ids]) > 1:
        raise UsageError("Several suggestions cannot be called the same.", remedy="Merge them, then accept.")
    if asked.turn and action != "split":
        raise UsageError("--turn names what --split takes out.")
    return action


def _decide(tx: Tx, bot: Bot, action: str, asked: IntentsAsked) -> Answer:
    review = Review(f"cli:{getpass.getuser()}")
    if action == "accept":
        found = [suggested.accept(tx, bot.id, one, review, asked.name) for one in [*asked.accept, *asked.ids]]
        return _accepted(tx, bot, found)
    if action == "dismiss":
        return _told(bot, [suggested.dismiss(tx, bot.id, one, review) for one in [*asked.dismiss, *asked.ids]])
    if action == "merge":
        return _told(bot, [suggested.merge(tx, bot.id, [*asked.merge, *asked.ids], review)])
    if action == "rename":
        return _told(bot, [suggested.rename(tx, bot.id, asked.rename or "", review, asked.name or "")])
    return _told(bot, suggested.split(tx, bot.id, asked.split or "", review, [_place(one) for one in asked.turn]))


def _place(named: str) -> Place:
    conversation, _, place = named.rpartition(":")
    if not conversation or not place.isdecimal() or not place.isascii() or len(place) > len("999999999"):
        raise UsageError("--turn is CONVERSATION:PLACE, as `attune intents BOT ID` shows it.")
    return Place(conversation, int(place))


def _accepted(tx: Tx, bot: Bot, found: Sequence[Suggestion]) -> Answer:
    wires, lines = [], []
    for one in found:
        seen = suggested.outlook(tx, one)
        wires.append({**suggestion_wire(bot, one), "outlook": outlook_wire(seen)})
        lines.append(text(f"{one.name} is accepted. {seen.why}"))
    return Answer({"suggestions": wires}, Group(*lines, text(f"Next: attune train {bot.name}")))


def _told(bot: Bot, found: Sequence[Suggestion]) -> Answer:
    return Answer({"suggestions": [suggestion_wire(bot, one) for one in found]}, _table(found))


def _listed(store: Store, bot: Bot, state: str) -> Answer:
    chosen: Any = None if state == "all" else state
    with store.read() as tx:
        found = suggestions.page(tx, bot.id, state=chosen, limit=SHOWN + 1)
    told = _told(bot, found[:SHOWN])
    if not found:
        return Answer(told.wire, text(f"There is none. `attune discover {bot.name}` looks for some."))
    return told if len(found) <= SHOWN else Answer(told.wire, Group(told.shown, text(f"The first {SHOWN} of more.")))


def _table(found: Sequence[Suggestion]) -> Any:
    rows = [(one.id, one.state, one.name, one.turns, ", ".join(one.terms[:SHOWN_TERMS])) for one in found]
    return listing(["suggestion", "state", "name", "turns", "telling words"], rows, "There is none.")


def _shown(tx: Tx, bot: Bot, suggestion_id: str, limit: int) -> Answer:
    one = suggestions.get(tx, bot.id, suggestion_id)
    said = [utterance_wire(turn) for turn in suggested_turns.utterances(tx, one.id, limit)]
    seen = suggested.outlook(tx, one)
    head = facts(
        [("name", one.name), ("state", one.state), ("turns", f"{one.turns} in {one.conversations} conversations"),
         ("telling words", ", ".join(one.terms)), ("means", seen.why)]
    )  # fmt: skip
    rows = [(f"{turn['conversation']}:{turn['place']}", turn["split"], turn["text"]) for turn in said]
    wire = {**suggestion_wire(bot, one), "outlook": outlook_wire(seen), "utterances": said}
    return Answer(wire, Group(head, listing(["turn", "split", "the customer said"], rows, "Nothing is left of it.")))
