"""A search for intents killed with SIGKILL wherever it keeps something or goes on, and taken up again: the same result.

Once more as an operator sees it: what looks is killed from outside, and the next worker ends the job.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from data.jobs import run_job
from data.settings import JobSettings, Settings, TrainSettings
from data.store import bots, discoveries, jobs, open_store, suggested_turns, suggestions
from data.store.jobs import Job
from service.discovering import request_discovery
from tests.brand import BOT, VOCABULARY, Brand, brand_at, log
from tests.tiny_bert import lay_tiny
from trainer.insight.discover import discover

pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 600
EVERY = 10_000
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[4])
from pathlib import Path
from tests.faults.test_killed_discovery import discovered
discovered(Path(sys.argv[1]), sys.argv[2], kill_at=int(sys.argv[3]))
"""
WORKER = {
    "ATTUNE_JOBS__LEASE_SECONDS": "2",
    "ATTUNE_JOBS__HEARTBEAT_SECONDS": "0.5",
    "ATTUNE_JOBS__POLL_SECONDS": "0.1",
    "ATTUNE_TRAIN__THREADS": "1",
    "ATTUNE_TRAIN__ACCELERATOR": "cpu",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brand]:
    """A brand whose customers said what nobody labelled."""
    folder = tmp_path_factory.mktemp("unlabelled")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay_tiny(folder / "tiny", more=VOCABULARY)
    with brand_at(folder / "home", base, log(160, labelled=False)) as brand:
        yield brand


def asked(settled: Brand, home: Path) -> tuple[Brand, Job]:
    """A copy of the brand, of which a discovery is asked."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(settled.settings.home, home)
    settings = settled.settings.model_copy(update={"home": home})
    brand = Brand(open_store(settings.store_url, home=home), settings, settled.base)
    with brand.store.begin() as tx:
        return brand, request_discovery(tx, bots.get(tx, BOT), 0, str(settled.base))


def discovered(home: Path, job: str, *, kill_at: int = 0, hours: int = 0) -> int:
    """Work on the job by a clock that is `hours` ahead; how many places there were to be killed at.

    With `kill_at` this process is killed at that one.
    """
    steps = 0

    def step(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(
        home=home,
        jobs=JobSettings(lease_seconds=60, heartbeat_seconds=1000),
        train=TrainSettings(threads=1, accelerator="cpu"),
    )
    ahead = timedelta(hours=hours)
    with open_store(settings.store_url, home=home, clock=lambda: datetime.now(UTC) + ahead) as store:
        with store.begin() as tx:
            held = jobs.claim(tx, "test", lease_seconds=60, job_id=job)
        assert held is not None
        event.listen(Engine, "commit", step)
        try:
            done = run_job(store, settings, held, lambda context: discover(context, settings, step))
        finally:
            event.remove(Engine, "commit", step)
    assert done.state == "succeeded", done.error
    return steps


def kill(brand: Brand, job: Job, at: int) -> None:
    """Have the job worked on by a process that is killed there."""
    command = [sys.executable, "-c", PROGRAM, str(brand.settings.home), job.id, str(at), str(ROOT)]
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=brand.settings.home, env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert ran.returncode == -signal.SIGKILL, ran.stderr


def state(brand: Brand, job: Job) -> dict[str, Any]:
    """All that two ends must agree on: the one discovery, and every suggestion with the turns behind it."""
    with brand.store.read() as tx:
        ended = jobs.get(tx, job.id)
        (kept,) = discoveries.page(tx, brand.bot_id, limit=EVERY)
        found = suggestions.page(tx, brand.bot_id, limit=EVERY)
        told = [
            (one.name, one.terms, one.turns, [said.place for said in suggested_turns.behind(tx, one.id)])
            for one in found
        ]
    assert ended.state == "succeeded", ended.error
    assert ended.result == {"discovery": kept.id, **kept.facts}
    assert told
    places = [place for _, _, _, behind in told for place in behind]
    assert len(set(places)) == len(places) == kept.facts["covered"], "no turn stands behind two"
    return {"facts": {name: value for name, value in kept.facts.items() if name != "seconds"}, "suggestions": told}


def test_killed_before_the_result_is_kept_and_after(settled: Brand, tmp_path: Path) -> None:
    kill_and_go_on(settled, tmp_path, lambda steps: (steps - 1, steps))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_wherever_it_goes_on(settled: Brand, tmp_path: Path) -> None:
    kill_and_go_on(settled, tmp_path, lambda steps: range(1, steps + 1))


def kill_and_go_on(settled: Brand, tmp_path: Path, places: Callable[[int], Iterable[int]]) -> None:
    brand, job = asked(settled, tmp_path / "home")
    steps = discovered(brand.settings.home, job.id)
    undisturbed = state(brand, job)
    brand.store.close()
    assert steps >= 5, "three phases, the discovery, the end of the job"
    for place in places(steps):
        brand, job = asked(settled, tmp_path / "home")
        kill(brand, job, place)
        discovered(brand.settings.home, job.id, hours=1)
        assert state(brand, job) == undisturbed, place
        assert brand.is_sound(), place
        brand.store.close()


def started(brand: Brand, *verb: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trainer", *verb, "--home", str(brand.settings.home)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **WORKER}, stdout=subprocess.PIPE, text=True)


def test_killed_from_outside_while_it_reads_and_ended_by_the_next_worker(settled: Brand, tmp_path: Path) -> None:
    brand, job = asked(settled, tmp_path / "whole")
    discovered(brand.settings.home, job.id)
    undisturbed = state(brand, job)
    brand.store.close()
    brand, job = asked(settled, tmp_path / "killed")
    child = started(brand, "job", job.id)
    assert child.stdout is not None
    assert any('"embeddings"' in line for line in child.stdout), "it told nothing"
    child.kill()
    assert child.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    child.stdout.close()
    assert brand.job(job).state == "running", "it ended before it was killed"
    assert started(brand, "worker", "--until-idle").wait(PATIENCE_SECONDS) == 0
    assert brand.job(job).attempt == 2
    assert state(brand, job) == undisturbed
    assert brand.is_sound()
    brand.store.close()
