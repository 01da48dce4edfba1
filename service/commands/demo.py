"""`attune demo`: the sample brand from its logs to a conversation with its bot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from service.child import require_train_extra
from service.demonstration import BOT, Demonstration, Said, seconds_of
from service.progress import meter
from service.session import Session
from service.tables import report_table, text, verdict_table
from service.terminal import Answer, Terminal
from service.verbs import verb


@dataclass(frozen=True, kw_only=True)
class DemoAsked:
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="End after the conversation; the demo serves nothing over HTTP yet.")
    ] = False


def demo(session: Session, asked: DemoAsked) -> Answer:
    """Show it all on a sample brand: import logs, train, compare, promote, and talk with the bot (some minutes)."""
    require_train_extra(session.launch)
    with session.new_store() as store:
        steps = Demonstration(session, store)
        started = steps.clock()
        with meter(session.terminal.err) as shown:
            shown.tell({"type": "phase", "phase": "import"})
            bot = steps.bot()
            report = steps.import_logs(bot, shown.tell)
            imported = steps.clock() - started
        _show(session.terminal, report_table({**report, "file": "two logs of the sample brand"}))
        with meter(session.terminal.err) as shown:
            result = steps.train(bot, shown.tell)
        name = f"{BOT}@{result['release']}"
        _show(session.terminal, verdict_table(name, result["verdict"]))
        release = steps.promote(bot, int(result["release"]))
        _show(session.terminal, text(_promoted(name, release.decision)))
        said = []
        for one in steps.talk(bot, release):
            said.append(one)
            _show(session.terminal, text(_line(one)))
        total = steps.clock() - started
    wire: dict[str, Any] = {
        "import": report,
        "verdict": result["verdict"],
        "replies": [one.to_wire() for one in said],
        "release": result["release"],
        "seconds": seconds_of(result, imported, total),
    }
    return Answer(wire, text(_closing(session, int(result["release"]), total)))


def register(app: typer.Typer) -> None:
    verb(app, "demo")(demo)


def _show(terminal: Terminal, renderable: Any) -> None:
    """A step's result as it comes; with --json there is one object at the end and nothing else."""
    if not terminal.as_json:
        terminal.out.print(renderable)


def _promoted(name: str, decision: str | None) -> str:
    if decision == "promote":
        return f"\n{name} is live now, as the verdict says."
    return f"\nThe verdict says {decision}, for the reasons above; {name} goes live all the same, for this is a demo."


def _line(said: Said) -> str:
    one = said.prediction
    gap = "\n" if said.opens else ""
    facts = f"{one.intent or 'no intent'}, {one.confidence:.2f}, {one.source}"
    return f"{gap}visitor> {said.message}\nbot>     {one.reply}\n         [{facts}]"


def _closing(session: Session, number: int, seconds: float) -> str:
    home = f" --home {session.home}" if session.home is not None else ""
    return (
        f"\nDone in {seconds:.0f} s. The model card: releases/{BOT}/{number}/README.md in the home folder."
        f"\nTalk with it yourself: attune chat {BOT} --explain{home}"
    )
