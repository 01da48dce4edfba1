"""`attune compare`: two releases side by side, for a person who does not know which is which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table

from data.errors import UsageError
from service.answering import predictors_of
from service.comparing.arranged import Wanted, arrange
from service.comparing.blind import heard
from service.comparing.contest import Contest, Pair
from service.comparing.ledger import Ledger, begun, kept, open_ledger
from service.comparing.outcome import Outcome
from service.comparing.sheet import judged, read_sheet, told, write_sheet
from service.progress import meter
from service.session import Session, readable_file
from service.tables import facts, listing, text
from service.terminal import Answer, Terminal, typed
from service.verbs import BotName, verb

PROMPT = "choice> "
CHOICES = "[l]eft, [r]ight, both [g]ood, both [b]ad, [s]kip; a note may follow. [u]ndo, [q]uit."
UNDO, QUIT = ("u", "undo"), ("q", "quit")
WORST = 5
"""Questions that the release lost and that are shown with both replies."""


@dataclass(frozen=True, kw_only=True)
class CompareAsked:
    bot: BotName
    release: Annotated[
        int | None, typer.Argument(metavar="[RELEASE]", min=1, help="The one that is asked about; else the newest.")
    ] = None
    other: Annotated[
        int | None, typer.Argument(metavar="[OTHER]", min=1, help="What it is held against; else the live one.")
    ] = None
    questions: Annotated[
        Path | None,
        typer.Option("--questions", metavar="FILE", help="Ask these: a question a line, or JSON Lines of texts or "
                     "conversations. Else questions are drawn from what the dataset keeps for testing."),
    ] = None  # fmt: skip
    count: Annotated[
        int | None,
        typer.Option("--count", metavar="N", min=1, max=1000, help="How many; else 50 of a dataset, all of a file."),
    ] = None
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, max=2**31 - 1, help="What draws begin from; else 0.")
    ] = None
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="FILE", help="Where choices are kept as they are made.")
    ] = None
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE.csv", help="Write a blind table for a reviewer instead.")
    ] = None
    choices: Annotated[
        Path | None, typer.Option("--choices", metavar="FILE.csv", help="Read that table back, and tell who won.")
    ] = None
    report: Annotated[bool, typer.Option("--report", help="Tell who won by the choices that --keep names.")] = False


def compare(session: Session, asked: CompareAsked) -> Answer:
    """Let two releases answer the same questions, and a person choose without knowing which wrote what. The same
    command goes on where it was stopped; at the end it tells who won, and whether that is more than chance."""
    _check(asked)
    with _contest(session, asked) as contest:
        if asked.sheet is not None:
            return _handed_out(contest, asked.sheet, _pairs(contest, session.terminal))
        if asked.choices is not None:
            filled = read_sheet(asked.choices, contest.pin, contest.questions)
            found = [judged(pair, filled) for pair in _pairs(contest, session.terminal)]
            return _lifted(contest, Outcome.of(contest.pin, found))
        assert asked.keep is not None
        if asked.report:
            return _lifted(contest, _outcome(contest, kept(asked.keep, contest.pin, contest.questions)[1]))
        ledger = open_ledger(asked.keep, contest.pin, contest.questions)
        if ledger.mended:
            session.terminal.note("The last choice in the file had been cut off; its question is asked again.")
        _judge(contest, ledger, session.terminal)
        outcome = _outcome(contest, ledger)
    return _lifted(contest, outcome) if not outcome.open else _to_go_on(contest, outcome)


def register(app: typer.Typer) -> None:
    verb(app, "compare")(compare)


def _check(asked: CompareAsked) -> None:
    """Raises UsageError and NotFound before anything is loaded."""
    ways = [asked.sheet is not None, asked.choices is not None, asked.report]
    if sum(ways) > 1:
        raise UsageError("One of --sheet, --choices and --report at a time.")
    if asked.keep is None and not (asked.sheet or asked.choices):
        raise UsageError(
            "Where are the choices kept?", remedy=f"attune compare {asked.bot} --keep FILE; or --sheet FILE.csv"
        )
    if asked.keep is not None and (asked.sheet or asked.choices):
        raise UsageError("--keep is for choices made here; a sheet holds its own.", remedy="Leave one of them out.")
    for path in (asked.questions, asked.choices, asked.keep if asked.report else None):
        if path is not None:
            readable_file(path)


@contextmanager
def _contest(session: Session, asked: CompareAsked) -> Iterator[Contest]:
    known = begun(asked.keep) if asked.keep is not None else None
    wanted = Wanted(asked.release, asked.other, asked.questions, asked.count, asked.seed, known)
    with session.store() as store:
        bot = session.bot(store, asked.bot)
        found = arrange(store, bot, wanted, session.settings.imports)
    if found.repeated:
        session.terminal.note(f"{found.repeated} questions stand in the file again; each is asked once.")
    if asked.keep is not None:
        kept(asked.keep, found.pin, found.questions)  # refused before models are loaded
    with predictors_of(session.settings, bot, found.releases) as (release, other):
        yield Contest(found.pin, found.questions, (release, other))


def _judge(contest: Contest, ledger: Ledger, terminal: Terminal) -> None:
    """Ask about each question that is open, until all are judged or nobody answers any more."""
    screen = terminal.err if terminal.as_json else terminal.out
    said = typed("" if terminal.as_json or not screen.is_terminal else PROMPT)
    left = [one for one in contest.questions if one.id not in ledger.choices]
    asked, at = list[int](), 0
    if left:
        screen.print(text(CHOICES, "dim"))
    while at < len(left):
        pair = contest.pair(left[at])
        if pair.same:
            ledger.add(pair.judged("same"))
            at += 1
            continue
        screen.print(_shown(pair, f"{len(contest.questions) - len(left) + at + 1} of {len(contest.questions)}"))
        word = _answer(said, screen)
        if word is None:
            return
        if word in UNDO:
            at = asked.pop() if asked else at
            continue
        chosen = heard(word)
        assert chosen is not None
        ledger.add(pair.judged(*chosen))
        asked.append(at)
        at += 1


def _answer(said: Iterator[str], screen: Console) -> str | None:
    """The next line that is a choice or says undo; None at the end."""
    for line in said:
        word = line.lower()
        if word in QUIT:
            return None
        if word in UNDO or heard(line) is not None:
            return line if word not in UNDO else word
        screen.print(text(CHOICES, "dim"))
    return None


def _shown(pair: Pair, place: str) -> RenderableType:
    table = Table(box=box.SQUARE, expand=True, show_lines=True)
    for name in ("left", "right"):
        table.add_column(name, ratio=1, overflow="fold")
    table.add_row(*map(text, pair.shown))
    return Group(text(f"\nQuestion {place}", "bold"), text(told(pair.question.turns)), table)


def _outcome(contest: Contest, ledger: Ledger) -> Outcome:
    """In the order of the questions."""
    return Outcome.of(contest.pin, (ledger.choices.get(one.id) for one in contest.questions))


def _pairs(contest: Contest, terminal: Terminal) -> Iterator[Pair]:
    """Both replies to every question; how far that is stands on stderr."""
    with meter(terminal.err) as shown:
        for step, question in enumerate(contest.questions, 1):
            yield contest.pair(question)
            shown.tell({"stage": "Asking both", "step": step, "steps": len(contest.questions)})


def _handed_out(contest: Contest, path: Path, pairs: Iterator[Pair]) -> Answer:
    pin = contest.pin
    rows = write_sheet(path, pin, pairs)
    again = f"attune compare {pin.bot} {pin.release.number} {pin.other.number} --seed {pin.seed}"
    again += f" --count {pin.count}" if pin.count is not None else ""
    again += " --questions FILE" if pin.dataset is None else ""
    same = len(contest.questions) - rows
    wire = {"bot": pin.bot, "release": pin.release.number, "other": pin.other.number, "seed": pin.seed,
            "questions": pin.questions, "same": same, "rows": rows, "sheet": path.name}  # fmt: skip
    alike = f" {same} more got the same reply from both." if same else ""
    return Answer(wire, text(f"{rows} questions stand in {path.name}.{alike}\nRead it back: {again} --choices FILE"))


def _to_go_on(contest: Contest, outcome: Outcome) -> Answer:
    """The blind stays: what is open is still to be judged."""
    pin, count = contest.pin, len(outcome.judged)
    wire = {"bot": pin.bot, "release": pin.release.number, "other": pin.other.number, "questions": pin.questions,
            "judged": count, "open": outcome.open}  # fmt: skip
    return Answer(wire, text(f"{count} of {pin.questions} are judged. The same command goes on with the others."))


def _lifted(contest: Contest, outcome: Outcome) -> Answer:
    worst = [_told(contest, outcome, one.question, one.note) for one in outcome.lost()[:WORST]]
    wire = outcome.to_wire()
    share = wire["share"]
    interval = None if share is None else f"{share['value']:.0%} ({share['low']:.0%} – {share['high']:.0%})"
    name = outcome.name(contest.pin.release.number)
    rows = [(source, *fates.values()) for source, fates in wire["by_source"].items()]
    sources = listing(["its replies", "won", "lost", "both good", "both bad"], rows, "")
    lost = [(one["question"], *(_sourced(one[side]) for side in ("release", "other")), one["note"]) for one in worst]
    table = listing(["lost on", name, outcome.name(contest.pin.other.number), "note"], lost, "")
    head = facts([(f"{name}, of those it won or lost", interval), ("sign test", f"p = {wire['p_value']:.3f}")])
    shown = [text(wire["summary"]), head, *([sources] if rows else []), *([table] if lost else [])]
    return Answer({**wire, "worst": worst}, Group(*shown))


def _told(contest: Contest, outcome: Outcome, question: str, note: str) -> dict[str, Any]:
    pair = contest.pair(next(one for one in contest.questions if one.id == question))
    release, other = (
        {"reply": reply, "source": source} for reply, source in zip(pair.replies, pair.sources, strict=True)
    )
    return {"question": told(pair.question.turns), "release": release, "other": other, "note": note}


def _sourced(reply: Mapping[str, str]) -> str:
    return f"{reply['reply']} [{reply['source']}]"
