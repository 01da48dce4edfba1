"""The worker: whose turn it is, when it stops, and what becomes of a job whose child fails it or is asked to leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data.settings import JobSettings, Settings
from data.store import Store, jobs, open_store, workspaces
from data.store.jobs import Job
from tests.homes import lay_home
from trainer.worker import CHILD_ENDED, Worker, due

ROOT = Path(__file__).parents[3]

CHILD = """
import os, signal, sys, time
sys.path.insert(0, ROOT)
from data.jobs import run_job
from data.settings import load_settings
from data.store import jobs, open_store
from trainer.worker import die_with_parent, leave

signal.signal(signal.SIGTERM, leave)
die_with_parent()
job_id, home, workspace = [*sys.argv[1:], "default"][:3]
settings = load_settings(home)

def forever(context):
    context.event("at work")
    while True:
        time.sleep(0.01)

with open_store(settings.store_url, home=settings.home) as everything:
    store = everything.for_workspace(workspace)

    def claimed():
        with store.begin() as tx:
            return jobs.claim(tx, str(os.getpid()), lease_seconds=LEASE, job_id=job_id)
    BODY
"""
WORKS = "run_job(store, settings, claimed(), lambda context: {'by': os.getpid()})"
WAITS = "run_job(store, settings, claimed(), forever)"
DIES = "claimed(); os.kill(os.getpid(), signal.SIGKILL)"
DIES_ONCE = "held = claimed(); held.attempt > 1 or os.kill(os.getpid(), signal.SIGKILL); " + WORKS.replace(
    "claimed()", "held"
)

Launch = Callable[[str, Path, str], list[str]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", jobs=JobSettings(lease_seconds=0.5, poll_seconds=0.02))


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings.store_url, home=lay_home(settings.home)) as opened:
        yield opened


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., Launch]:
    """What launches a small child that does `body` with the job; its lease lasts `lease` seconds."""

    def make(body: str, lease: float = 0.2) -> Launch:
        script = tmp_path / "child.py"
        text = CHILD.replace("ROOT", repr(str(ROOT))).replace("LEASE", str(lease)).replace("BODY", body)
        script.write_text(text)
        return lambda job_id, home, workspace: [sys.executable, str(script), job_id, str(home)]

    return make


def asked(store: Store, count: int = 1) -> list[Job]:
    with store.begin() as tx:
        return [jobs.enqueue(tx, "train", {"number": number}) for number in range(count)]


def now(store: Store, job: Job) -> Job:
    with store.read() as tx:
        return jobs.get(tx, job.id)


def types(store: Store, job: Job) -> list[str]:
    with store.read() as tx:
        return [event.type for event in jobs.events(tx, job.id)]


def eventually(holds: Callable[[], bool]) -> None:
    while not holds():  # pytest's own time limit ends it
        time.sleep(0.01)


def test_due_are_the_queued_and_the_silent_oldest_first(sqlite_store: Store, clock) -> None:
    made = []
    for _ in range(4):
        made += asked(sqlite_store)
        clock.turn(1)
    with sqlite_store.begin() as tx:
        for job, lease in ((made[0], 5), (made[1], 60), (made[3], 5)):
            jobs.claim(tx, "w", lease_seconds=lease, job_id=job.id)
    assert [job.id for job in due(sqlite_store)] == [made[2].id]
    clock.turn(10)
    # One never tried goes before those that were, so that a job that kills its workers holds up nobody.
    assert [job.id for job in due(sqlite_store)] == [made[2].id, made[0].id, made[3].id]
    with sqlite_store.begin() as tx:
        jobs.cancel(tx, made[0].id)
        jobs.cancel(tx, made[2].id)
    assert [job.id for job in due(sqlite_store)] == [made[3].id]


def test_until_idle_with_nothing_to_do_ends_at_once(settings: Settings) -> None:
    Worker(settings, lambda *_: pytest.fail("nothing to launch")).run(until_idle=True)


def test_every_job_is_worked_on_in_a_child_of_its_own(settings: Settings, store: Store, child) -> None:
    made = asked(store, 3)
    Worker(settings, child(WORKS)).run(until_idle=True)
    results = [now(store, job).result for job in made]
    workers = {result["by"] for result in results if result is not None}
    assert len(workers) == 3
    assert os.getpid() not in workers


def test_a_job_whose_child_died_is_taken_up_when_its_lease_has_run_out(settings: Settings, store: Store, child) -> None:
    (job,) = asked(store)
    Worker(settings, child(DIES_ONCE)).run(until_idle=True)
    done = now(store, job)
    assert (done.state, done.attempt) == ("succeeded", 2)


def test_a_job_that_kills_each_child_fails_and_holds_up_no_other(settings: Settings, store: Store, child) -> None:
    (deadly,) = asked(store)
    Worker(settings, child(DIES)).run(until_idle=True)
    done = now(store, deadly)
    assert (done.state, done.attempt) == ("failed", 3)
    assert done.error is not None
    assert done.error["code"] == "crash_loop"


def test_a_job_whose_child_never_takes_it_fails_in_words(settings: Settings, store: Store) -> None:
    made = asked(store, 2)
    launched = []

    def broken(job_id: str, home: Path, workspace: str) -> list[str]:
        launched.append(job_id)
        return [sys.executable, "-c", "raise SystemExit(9)"]

    Worker(settings, broken).run(until_idle=True)
    for job in made:
        done = now(store, job)
        assert (done.state, done.error and done.error["code"]) == ("failed", "child_lost")
        assert "exit code 9" in str(done.error)
        assert launched.count(job.id) == 3
    assert set(launched[:2]) == {job.id for job in made}  # one that was refused waits for the others


def test_a_job_that_another_worker_has_taken_is_left_to_it(settings: Settings, store: Store) -> None:
    (job,) = asked(store)
    worker: Worker

    def beaten(job_id: str, home: Path, workspace: str) -> list[str]:
        with store.begin() as tx:
            jobs.claim(tx, "other", lease_seconds=60, job_id=job_id)
        worker.stop()
        return [sys.executable, "-c", "raise SystemExit(3)"]

    worker = Worker(settings, beaten)
    worker.run()
    assert (now(store, job).state, now(store, job).lease_owner) == ("running", "other")


def test_a_worker_that_is_stopped_gives_its_job_back_uncounted(settings: Settings, store: Store, child) -> None:
    (job,) = asked(store)
    worker = Worker(settings, child(WAITS, lease=600))
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: types(store, job)[-1] == "at work")
    worker.stop()
    thread.join()
    kept = now(store, job)
    assert (kept.state, kept.attempt, kept.lease_owner) == ("queued", 0, None)
    assert types(store, job)[-1] == "released"


def test_a_child_whose_worker_died_ends(settings: Settings, store: Store, child) -> None:
    (job,) = asked(store)
    command = child(WAITS, lease=600)(job.id, settings.home, "default")
    orphan = subprocess.Popen(command, stdin=subprocess.PIPE)
    eventually(lambda: now(store, job).state == "running")
    assert orphan.stdin is not None
    orphan.stdin.close()
    assert orphan.wait() == CHILD_ENDED
    assert now(store, job).state == "running"  # nobody gave it back: its lease says when it may be taken


def test_the_worker_verb_ends_on_sigterm(settings: Settings, store: Store) -> None:
    command = [sys.executable, "-m", "trainer", "worker", "--home", str(settings.home)]
    environment = {**os.environ, "ATTUNE_JOBS__POLL_SECONDS": "0.05"}
    worker = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, cwd=ROOT)
    with worker.stderr:  # type: ignore[union-attr]
        (job,) = asked(store)  # of a kind that needs a bot: refused by its child, which shows that the worker is up
        eventually(lambda: now(store, job).is_over)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert now(store, job).error["code"] == "usage_invalid"  # type: ignore[index]


def test_a_job_of_an_unknown_kind_is_refused(settings: Settings, store: Store) -> None:
    with store.begin() as tx:
        job = jobs.enqueue(tx, "cook", {})
    Worker(settings).run(until_idle=True)
    done = now(store, job)
    assert (done.state, done.attempt, done.error and done.error["code"]) == ("failed", 1, "usage_invalid")


def test_the_worker_serves_every_workspace(settings: Settings, store: Store, child) -> None:
    others = [workspaces.ensure(store, name) for name in ("acme", "zeta")]
    made = [(place, *asked(place)) for place in (others[0], store, others[1])]
    asked_of: list[str] = []
    launch = child(WORKS)

    def noting(job_id: str, home: Path, workspace: str) -> list[str]:
        asked_of.append(workspace)
        return [*launch(job_id, home, workspace), workspace]

    Worker(settings, noting).run(until_idle=True)
    assert sorted(asked_of) == ["acme", "default", "zeta"]
    assert [now(place, job).state for place, job in made] == ["succeeded"] * 3


def test_the_job_verb_works_in_the_workspace_it_is_given(settings: Settings, store: Store) -> None:
    """The real child: refused, for the job belongs to no bot, which shows that it was found."""
    other = workspaces.ensure(store, "acme")
    (job,) = asked(other)
    Worker(settings).run(until_idle=True)
    assert now(other, job).error["code"] == "usage_invalid"  # type: ignore[index]


def test_a_worker_for_some_kinds_leaves_the_others_alone(settings: Settings, store: Store, child) -> None:
    (left,) = asked(store)
    with store.begin() as tx:
        taken = jobs.enqueue(tx, "import", {})
    Worker(settings, child(WORKS), kinds=("import",)).run(until_idle=True)
    assert (now(store, taken).state, now(store, left).state) == ("succeeded", "queued")
    command = [sys.executable, "-m", "trainer", "worker", "--until-idle", "--home", str(settings.home), "--kinds"]
    assert subprocess.run([*command, "import"], cwd=ROOT).returncode == 0
    assert now(store, left).state == "queued"
    assert subprocess.run([*command, "import", "train"], cwd=ROOT).returncode == 0
    assert now(store, left).state == "failed"


def test_without_the_train_extra_the_worker_takes_logs_in_alone(settings: Settings, store: Store) -> None:
    (left,) = asked(store)
    with store.begin() as tx:
        taken = jobs.enqueue(tx, "import", {"upload": "gone"})
    script = (
        "import sys, trainer.__main__ as main; main.NEEDED = ('no_such_package',);"
        "sys.exit(main.main(['worker', '--until-idle', '--home', sys.argv[1]]))"
    )
    said = subprocess.run([sys.executable, "-c", script, str(settings.home)], cwd=ROOT, stdout=subprocess.PIPE)
    assert said.returncode == 0
    assert json.loads(said.stdout) == {"type": "limited", "kinds": ["import", "erase"], "missing": ["no_such_package"]}
    assert (now(store, taken).state, now(store, left).state) == ("failed", "queued")


def test_an_attended_worker_ends_when_its_parent_is_gone(settings: Settings, store: Store) -> None:
    command = [sys.executable, "-m", "trainer", "worker", "--home", str(settings.home), "--attended"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
    worker.stdin.close()  # type: ignore[union-attr]
    assert worker.wait() == CHILD_ENDED
