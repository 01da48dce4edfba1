"""`python -m trainer`: what the command line and the worker start as a child. Events are JSON lines on stdout.

job ID          run one queued job to its end (exit 0 succeeded, 1 failed or cancelled, 3 not there to be had)
worker          run the due jobs of all workspaces until told to stop; without the train extra, no trainings
experiment      train on one file, measure on another, no database
bases           the base models: list, import, remove, advise
pretrain        a chat base from scratch, by a plan; goes on where it was stopped
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from data import ingest
from data.erasing.job import run_erasure
from data.erasing.request import KIND as ERASE
from data.errors import AttuneError, JobCancelled
from data.jobs import JobContext, run_job
from data.settings import Settings, load_settings
from data.store import Store, jobs, open_store
from data.store.jobs import Job
from data.suggested import KIND as DISCOVER
from export.unsaid import unsay
from trainer.worker import Worker, die_with_parent, leave

FINDINGS = "findings"
"""The kind of jobs that judge what a training would learn from."""
DONE, FAILED, USAGE, NOT_CLAIMED = 0, 1, 2, 3
NEEDED = ("torch", "lightning", "transformers", "sklearn", "onnx")
"""Packages of the train extra: without any one of them a worker trains nothing."""
WITHOUT_TORCH = (ingest.KIND, ERASE)
Emit = Callable[[Mapping[str, Any]], None]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    emit = _emitter()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, leave)
    if getattr(options, "attended", False):
        die_with_parent()
    try:
        settings = load_settings(options.home)
        verbs = {"job": _job, "worker": _worker, "experiment": _experiment, "bases": _bases, "pretrain": _pretrain}
        return verbs[options.verb](options, settings, emit)
    except AttuneError as error:
        emit({"type": "failed", "error": error.to_wire()})
        return FAILED


def _emitter() -> Emit:
    """Events go to the stdout we were given; whatever libraries print goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def emit(event: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):
            _write(out, event)

    return emit


def _write(out: IO[str], event: Mapping[str, Any]) -> None:
    out.write(json.dumps(event, ensure_ascii=False) + "\n")
    out.flush()


def _job(options: argparse.Namespace, settings: Settings, emit: Emit) -> int:
    opened = open_store(
        settings.store_url,
        home=settings.home,
        busy_seconds=settings.store.busy_seconds,
        max_attempts=settings.jobs.max_attempts,
    )
    with opened as everything:
        store = everything.for_workspace(options.workspace or settings.workspace)
        while True:
            job = _claim(store, settings, options.id)
            if job is None:
                return _not_claimed(store, options.id, emit)
            ended = run_job(store, settings, job, _handler(job, settings, emit))
            if ended.is_over:
                return _said(ended, emit)


def _claim(store: Store, settings: Settings, job_id: str) -> Job | None:
    name = f"{socket.gethostname()}-{os.getpid()}"
    with store.begin() as tx:
        return jobs.claim(tx, name, lease_seconds=settings.jobs.lease_seconds, job_id=job_id)


def _handler(job: Job, settings: Settings, emit: Emit) -> Callable[[JobContext], dict[str, Any]]:
    if job.kind == ingest.KIND:
        return lambda context: ingest.run_import(context, settings)
    if job.kind == ERASE:
        return lambda context: run_erasure(context, settings, unsay)

    if job.kind == FINDINGS:
        return lambda context: _findings(context, settings, emit)
    if job.kind == DISCOVER:
        return lambda context: _discover(context, settings, emit)

    return lambda context: _train(context, settings, emit)


def _train(context: JobContext, settings: Settings, emit: Emit) -> dict[str, Any]:
    from trainer.retraining import bot_of

    bot_of(context.job)  # what is no training is refused before the seconds that torch takes to load
    from trainer.pipeline import retrain

    return retrain(context, settings, emit)


def _findings(context: JobContext, settings: Settings, emit: Emit) -> dict[str, Any]:
    from trainer.insight.findings import look

    return look(context, settings, emit)


def _discover(context: JobContext, settings: Settings, emit: Emit) -> dict[str, Any]:
    from trainer.insight.discover import discover

    return discover(context, settings, emit)


def _not_claimed(store: Store, job_id: str, emit: Emit) -> int:
    with store.read() as tx:
        job = jobs.get(tx, job_id)
    if job.is_over:
        return _said(job, emit)
    emit({"type": "failed", "error": AttuneError("Another worker is at this job.", job=job_id).to_wire()})
    return NOT_CLAIMED


def _said(job: Job, emit: Emit) -> int:
    if job.state == "succeeded":
        emit({"type": "done", "result": job.result})
        return DONE
    error = job.error or JobCancelled("The job was cancelled.", job=job.id).to_wire()
    emit({"type": "failed", "error": error})
    return FAILED


def _worker(options: argparse.Namespace, settings: Settings, emit: Emit) -> int:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing and not options.kinds:  # what is installed can still take logs in, and forget
        emit({"type": "limited", "kinds": list(WITHOUT_TORCH), "missing": missing})
    worker = Worker(settings, kinds=options.kinds or (WITHOUT_TORCH if missing else None))
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    signal.signal(signal.SIGINT, lambda *_: worker.stop())
    worker.run(until_idle=options.until_idle)
    return DONE


def _experiment(options: argparse.Namespace, settings: Settings, emit: Emit) -> int:
    from trainer.experiments.experiment import Question, experiment
    from trainer.recipes import load_recipe
    from trainer.search.budget import Budget

    question = Question(
        train=options.train,
        test=options.test,
        task=options.task,
        out=options.out,
        seed=options.seed,
        per_class=options.per_class,
        recipe=load_recipe(options.recipe) if options.recipe else None,
        base=options.base,
        unlabelled=options.unlabelled,
        folds=options.folds,
        seeds=options.seeds,
        search=Budget.of(options.trials, options.minutes) if options.search else None,
    )
    emit({"type": "done", "result": experiment(question, settings, emit)})
    return DONE


def _bases(options: argparse.Namespace, settings: Settings, emit: Emit) -> int:
    from trainer.bases import shelf

    if options.action == "import":
        wanted = shelf.Wanted(options.source, options.name, options.licence, options.languages, options.accepted)
        result = shelf.import_base(settings, wanted)
    elif options.action == "remove":
        result = shelf.remove_base(settings, options.name)
    elif options.action == "advise":
        from trainer.bases.advice import advise

        result = advise(settings, options.bot)
    else:
        result = {"bases": shelf.listing(settings)}
    emit({"type": "done", "result": result})
    return DONE


def _pretrain(options: argparse.Namespace, settings: Settings, emit: Emit) -> int:
    from trainer.pretraining.pretrain import Wanted, pretrain

    emit({"type": "done", "result": pretrain(Wanted(options.plan, options.corpora, options.out), settings, emit)})
    return DONE


def _parser() -> argparse.ArgumentParser:
    from_home = argparse.ArgumentParser(add_help=False)
    from_home.add_argument("--home", type=Path, default=None)
    parser = argparse.ArgumentParser(prog="python -m trainer", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    job = verbs.add_parser("job", parents=[from_home])
    job.add_argument("id")
    job.add_argument("--workspace", default=None, help="the workspace of the job; that of the settings by default")
    job.add_argument("--attended", action="store_true", help="end when standard input closes")
    worker = verbs.add_parser("worker", parents=[from_home])
    worker.add_argument("--until-idle", action="store_true")
    worker.add_argument("--kinds", nargs="+", default=None, help="only jobs of these kinds")
    worker.add_argument("--attended", action="store_true", help="end when standard input closes")
    experiment = verbs.add_parser("experiment", parents=[from_home])
    experiment.add_argument("train", type=Path)
    experiment.add_argument("test", type=Path)
    experiment.add_argument("--task", required=True)
    experiment.add_argument("--out", type=Path, required=True)
    experiment.add_argument("--seed", type=int, default=None)
    experiment.add_argument("--per-class", type=int, default=None)
    experiment.add_argument("--recipe", type=Path, default=None)
    experiment.add_argument("--base", default=None)
    experiment.add_argument("--unlabelled", type=Path, default=None)
    experiment.add_argument("--folds", type=int, default=None)
    experiment.add_argument("--seeds", type=int, default=1)
    experiment.add_argument("--search", action="store_true")
    experiment.add_argument("--trials", type=int, default=None)
    experiment.add_argument("--minutes", type=float, default=None)
    pretrain = verbs.add_parser("pretrain", parents=[from_home])
    pretrain.add_argument("plan", type=Path)
    pretrain.add_argument("--corpora", type=Path, required=True)
    pretrain.add_argument("--out", type=Path, required=True)
    bases = verbs.add_parser("bases", parents=[from_home]).add_subparsers(dest="action", required=True)
    bases.add_parser("list")
    taken = bases.add_parser("import")
    taken.add_argument("source")
    taken.add_argument("--name", required=True)
    taken.add_argument("--licence", default=None)
    taken.add_argument("--languages", nargs="*", default=())
    taken.add_argument("--accepted", default=None, help="the digest of the terms that were shown")
    bases.add_parser("remove").add_argument("name")
    bases.add_parser("advise").add_argument("bot")
    return parser


if __name__ == "__main__":
    sys.exit(main())
