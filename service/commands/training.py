"""`attune train`, `experiment`, `worker`: the verbs that start the trainer as a child process."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from data.errors import JobCancelled, UsageError
from data.files import disk
from data.schema import LEAST_TRIALS, MOST_SEARCH_MINUTES, MOST_TRIALS, TASKS
from service.child import Event, require_train_extra
from service.commands.bots import NothingAsked
from service.imports import read_table_file
from service.progress import meter
from service.session import Session, readable_file
from service.tables import report_of_experiment, text, verdict_table
from service.terminal import Answer
from service.training import Order, Training, request_training, run_trainer
from service.verbs import BotName, verb

LOG = "trainer.log"
LIMITED = (
    "Training needs packages that are not installed here, so this worker imports logs only; trainings wait for a worker"
    ' that has them: pip install "attune[train]".'
)


Searching = Annotated[bool, typer.Option("--search", help="Search a recipe first; see docs/recipes.md.")]
Trials = Annotated[
    int | None,
    typer.Option("--trials", min=LEAST_TRIALS, max=MOST_TRIALS, metavar="N", help="Recipes that a search tries; 20."),
]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", min=0.01, max=MOST_SEARCH_MINUTES, metavar="M", help="Minutes of a search's trials."),
]


@dataclass(frozen=True, kw_only=True)
class TrainAsked:
    bot: BotName
    task: Annotated[
        list[str],
        typer.Option("--task", metavar="TASK", help="intent, reply, generate, sentiment, entities; else all."),
    ] = field(default_factory=list)
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="Hyperparameters in TOML or JSON.")
    ] = None
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**31 - 1, help="The same seed, the same model; else the recipe's, or 0."),
    ] = None
    base: Annotated[
        str | None, typer.Option("--base", metavar="B", help="The base model to start from; `attune bases`.")
    ] = None
    chat_base: Annotated[
        str | None, typer.Option("--chat-base", metavar="B", help="The chat model that learns to write replies.")
    ] = None
    search: Searching = False
    trials: Trials = None
    minutes: Minutes = None

    def order(self) -> Order:
        """Raises UsageError, NotFound."""
        unknown = sorted(set(self.task) - set(TASKS))
        if unknown:
            raise UsageError(f"There is no task {unknown[0]!r}.", remedy=f"Tasks are {', '.join(TASKS)}.")
        recipe = None if self.recipe is None else read_table_file(self.recipe)
        tasks = tuple(task for task in TASKS if task in self.task) or TASKS
        budget = _budget(self.search, self.trials, self.minutes)
        return Order(tasks, recipe, self.seed, self.base, budget, self.chat_base)


@dataclass(frozen=True, kw_only=True)
class ExperimentAsked:
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help="Labelled file or logs to learn from.")]
    test: Annotated[Path, typer.Argument(metavar="TEST", help="File of the same kind to measure on.")]
    task: Annotated[
        str,
        typer.Option(
            "--task",
            metavar="TASK",
            help="intent, labels, sentiment, entities, reply, generate, summarise, translate.",
        ),
    ]
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where report.json and predictions.jsonl go.")]
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**31 - 1, help="The same seed, the same result; else the recipe's, or 0."),
    ] = None
    per_class: Annotated[
        int | None, typer.Option("--per-class", min=1, metavar="K", help="Draw K rows of each label; read no others.")
    ] = None
    recipe: Annotated[str | None, typer.Option("--recipe", metavar="R", help="A recipe file, in TOML.")] = None
    base: Annotated[
        str | None, typer.Option("--base", metavar="B", help="The base model (`attune bases`); else the recipe's.")
    ] = None
    unlabelled: Annotated[
        Path | None,
        typer.Option("--unlabelled", metavar="FILE", help="Texts without labels; no recipe learns from them yet."),
    ] = None
    folds: Annotated[
        int | None, typer.Option("--folds", min=2, max=20, metavar="K", help="Cross-validate on K parts of TRAIN too.")
    ] = None
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, max=100, metavar="N", help="Repeat it from N seeds.")
    ] = None
    search: Searching = False
    trials: Trials = None
    minutes: Minutes = None

    def arguments(self) -> list[str]:
        """As the trainer reads them. Raises UsageError."""
        budget = _budget(self.search, self.trials, self.minutes)
        given: list[tuple[str, Any]] = [
            ("--task", self.task), ("--out", self.out), ("--seed", self.seed), ("--per-class", self.per_class),
            ("--recipe", self.recipe), ("--base", self.base), ("--unlabelled", self.unlabelled),
            ("--folds", self.folds), ("--seeds", self.seeds),
            *((f"--{name}", value) for name, value in (budget or {}).items()),
        ]  # fmt: skip
        flags = [part for name, value in given if value is not None for part in (name, str(value))]
        flags += [] if budget is None else ["--search"]
        return [*flags, "--", str(self.train), str(self.test)]


def _budget(search: bool, trials: int | None, minutes: float | None) -> dict[str, float] | None:
    """What is asked of a search, None for none. Raises UsageError."""
    given = {name: value for name, value in (("trials", trials), ("minutes", minutes)) if value is not None}
    if given and not search:
        raise UsageError("--trials and --minutes say how long a search may be.", remedy="Add --search.")
    return given if search else None


def train(session: Session, asked: TrainAsked) -> Answer:
    """Train on all that was imported, compare the result, and publish a release. Ctrl-C cancels."""
    require_train_extra(session.launch)
    order = asked.order()
    with session.store() as store, meter(session.terminal.err) as shown:
        bot = session.bot(store, asked.bot)
        with store.begin() as tx:
            job = request_training(tx, bot, order)
        work = Training(store, session.settings, session.launch, session.terminal.note)
        result = work.work(job, shown.tell).result or {}
    wire = {"bot": bot.name, "job": job.id, **result}
    if "verdict" not in result:
        return Answer(wire, text("The training is done."))
    name = f"{bot.name}@{result.get('release')}"
    after = "" if result.get("state") == "rejected" else f"Next: attune promote {bot.name} {result.get('release')}"
    return Answer(wire, Group(verdict_table(name, result["verdict"]), text(after)))


def experiment(session: Session, asked: ExperimentAsked) -> Answer:
    """Train on one file and measure on another, without a database; writes report.json and predictions.jsonl."""
    require_train_extra(session.launch)
    for path in (asked.train, asked.test, *([asked.unlabelled] if asked.unlabelled else [])):
        readable_file(path)
    if asked.out.exists() and not asked.out.is_dir():
        raise UsageError("--out names a file; a folder is expected.", remedy="Name a folder, or a new one.")
    with disk():
        asked.out.mkdir(parents=True, exist_ok=True)
    with meter(session.terminal.err) as shown:
        done = run_trainer(session.launch, _at("experiment", session) + asked.arguments(), asked.out / LOG, shown.tell)
    report = done.get("report") or done.get("result") or {}
    return Answer(report, Group(report_of_experiment(report), text("report.json and predictions.jsonl are written.")))


def worker(session: Session, asked: NothingAsked) -> Answer:
    """Work on queued jobs until stopped (Ctrl-C): imports, and trainings with the train extra. None is lost."""
    with session.new_store():
        pass
    session.terminal.note("Waiting for jobs; Ctrl-C ends it.")
    home = session.settings.home
    arguments = ["worker", "--home", str(home), "--attended"]
    with meter(session.terminal.err) as shown, suppress(JobCancelled):

        def tell(event: Event) -> None:
            if event["type"] == "limited":
                session.terminal.note(LIMITED)
            shown.tell(event)

        run_trainer(session.launch, arguments, home / "logs" / LOG, tell)
    return Answer({"worker": "stopped"}, text("The worker has stopped."))


def _at(name: str, session: Session) -> list[str]:
    """The trainer's verb, with the home folder where the user named one: its settings hold for the child too."""
    return [name] if session.home is None else [name, "--home", str(session.home)]


def register(app: typer.Typer) -> None:
    verb(app, "train")(train)
    verb(app, "experiment")(experiment)
    verb(app, "worker")(worker)
