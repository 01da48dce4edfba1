"""`attune demo`: the sample brand from its logs to a conversation with its bot, in the terminal and on a page."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from data.settings import load_settings
from data.store import Store
from service.child import require_train_extra
from service.demonstration import BOT, Beside, Demonstration, Said, seconds_of
from service.progress import meter
from service.session import Session
from service.showroom import LOOK_SECONDS, Correction, Keys, Served, Showroom
from service.tables import report_table, text, verdict_table
from service.terminal import Answer, Terminal
from service.verbs import verb


@dataclass(frozen=True, kw_only=True)
class DemoAsked:
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the conversation; serve nothing.")] = False
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="Port of the page.")] = 8000


def demo(session: Session, asked: DemoAsked) -> Answer | None:
    """Show it all on a sample brand: import logs, train, compare, promote, talk, and serve a page to chat on."""
    require_train_extra(session.launch)
    with session.new_store() as store:
        answer = _main_job(session, store)
        if asked.no_serve:
            return answer
        session.terminal.give(answer)
        _serve(session, store, asked.port)
    return None


def register(app: typer.Typer) -> None:
    verb(app, "demo")(demo)


def _main_job(session: Session, store: Store) -> Answer:
    """From the logs to a bot that has answered."""
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
    written = list(steps.write(bot, release))
    _show(session.terminal, text(written_beside(written)))
    total = steps.clock() - started
    wire: dict[str, Any] = {
        "import": report,
        "verdict": result["verdict"],
        "replies": [one.to_wire() for one in said],
        "written": [one.to_wire() for one in written],
        "release": result["release"],
        "seconds": seconds_of(result, imported, total),
    }
    return Answer(wire, text(_closing(session, int(result["release"]), total)))


def _serve(session: Session, store: Store, port: int) -> None:
    """Serve the page until Ctrl-C, and show what corrections given on it do."""
    settings = load_settings(session.home, {"serve.port": port})
    room = Showroom(store, settings, session.bot(store, BOT))
    keys = room.make_keys(f"http://127.0.0.1:{port}")
    try:
        with room.serving(port, keys.public) as served:
            _welcome(session.terminal, served.address, keys)
            _watch(session, room, served)
    except KeyboardInterrupt:
        session.terminal.note("Stopped.")


def _watch(session: Session, room: Showroom, served: Served) -> None:
    told: set[tuple[str, int]] = set()
    while True:
        for correction in room.corrections():
            mark = (correction.feedback.id, correction.feedback.revision)
            if mark not in told:
                told.add(mark)
                _offer(session, room, correction)
        time.sleep(LOOK_SECONDS)
        served.check()


def _offer(session: Session, room: Showroom, correction: Correction) -> None:
    """Tell of a correction; where somebody sits at the terminal, do what they decide."""
    terminal, home = session.terminal, f" --home {session.home}" if session.home is not None else ""
    terminal.note(
        f"\nA correction came from the page.\n  visitor   {correction.message}\n  bot       {correction.reply}"
        f"\n  should be {correction.wanted}"
    )
    if not sys.stdin.isatty() or terminal.as_json:
        terminal.note(
            f"To take it in:\n  attune feedback {BOT} --accept {correction.feedback.id}{home}"
            f"\n  attune train {BOT}{home}"
            f'\n  attune promote {BOT} N --override-reason "a correction"{home}'
        )
        return
    if input("Accept it, retrain and promote? It takes a few minutes. [Y/n] ").strip().lower() in ("", "y", "yes"):
        _learn(session, room, correction)


def _learn(session: Session, room: Showroom, correction: Correction) -> None:
    terminal = session.terminal
    outlook = room.accept(correction)
    terminal.note(f"Accepted. {outlook.why}")
    with meter(terminal.err) as shown:
        job = room.retrain(shown.tell)
    result: Mapping[str, Any] = job.result or {}
    if job.state != "succeeded" or "release" not in result:
        terminal.note(f"The training {job.state}: {(job.error or {}).get('message', '')}")
        return
    number = int(result["release"])
    room.promote(number)
    terminal.note(
        f"{BOT}@{number} is live now.\n  visitor   {correction.message}\n  before    {correction.reply}"
        f"\n  now       {room.ask(number, correction.message)}"
        f"\nAsk again on the page; `attune rollback {BOT}` goes back."
    )


def _welcome(terminal: Terminal, address: str, keys: Keys) -> None:
    said = '{"message": "Do you deliver to Norway?"}'
    wire = {"serving": address, "admin_key": keys.admin, "public_key": keys.public, "visitor_token": keys.visitor}
    lines = [
        f"\nTalk with it at {address}  (Ctrl-C ends it; the contract is at {address}/docs)",
        f"Admin key, shown this once: {keys.admin}",
        f"Public key of the page:     {keys.public}",
        f"\ncurl {address}/v1/bots/{BOT}/chat -H 'Authorization: Bearer {keys.visitor}' \\",
        f"  -H 'Content-Type: application/json' -d '{said}'",
        "\nCorrect a reply on the page, and watch here what becomes of it.",
    ]
    terminal.give(Answer(wire, text("\n".join(lines))))


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


def written_beside(written: Sequence[Beside]) -> str:
    """Selected and written replies to the same messages, one below the other, and whether each would be said."""
    if not written:
        return "\nThis release writes no replies of its own."
    lines = ["\nThe same replies, chosen among the brand's own and written by its chat model:"]
    for one in written:
        lines.append(f"\nvisitor> {one.message}")
        if one.selected is not None:
            told = f"{one.selected.score:.2f}, {_bar(one.selected.score, one.bars[0])}"
            lines.append(f"chosen>  {one.selected.text}\n         [{one.selected.source}, {told}]")
        said = "; ".join(one.written.flaws) or _bar(one.written.score, one.bars[1])
        lines.append(f"written> {one.written.text}\n         [generated, {one.written.score:.2f}, {said}]")
    return "\n".join(lines)


def _bar(score: float, bar: float | None) -> str:
    if bar is None:
        return "no bar keeps the promised precision, so it is not said"
    return f"{'reaches' if score >= bar else 'below'} its bar of {bar:.2f}"


def _closing(session: Session, number: int, seconds: float) -> str:
    home = f" --home {session.home}" if session.home is not None else ""
    return (
        f"\nDone in {seconds:.0f} s. The model card: releases/{BOT}/{number}/README.md in the home folder."
        f"\nTalk with it here: attune chat {BOT} --explain{home}"
    )
