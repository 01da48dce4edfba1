"""Ten trainings, each killed once with SIGKILL at a seeded point: each ends once, as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.settings import JobSettings
from data.store.jobs import Job
from tests.brand import TOP, VOCABULARY, Brand, brand_at, log, metrics
from tests.tiny_bert import lay_tiny

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 900
"""A machine that is shared may hold a process up for minutes."""
AIMS = ("start", "dataset", "train", "train", "train", "train", "export", "evaluate", "publish", "publish")
ENVIRONMENT = {
    "ATTUNE_JOBS__LEASE_SECONDS": "2",
    "ATTUNE_JOBS__HEARTBEAT_SECONDS": "0.5",
    "ATTUNE_JOBS__POLL_SECONDS": "0.1",
    "ATTUNE_TRAIN__CHECKPOINT_SECONDS": "0.5",
    "ATTUNE_TRAIN__THREADS": "1",
    "ATTUNE_TRAIN__ACCELERATOR": "cpu",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture(scope="module")
def brand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brand]:
    """A brand whose log has been imported."""
    folder = tmp_path_factory.mktemp("killed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay_tiny(folder / "tiny", more=VOCABULARY)
    with brand_at(folder / "home", base, log(480), job_settings=JobSettings(max_attempts=3)) as opened:
        yield opened


@pytest.fixture(scope="module")
def undisturbed(brand: Brand) -> Job:
    """A training that nobody disturbs."""
    job = brand.order(recipe=TOP)
    assert work(brand).wait(PATIENCE_SECONDS) == 0
    return ended_well(brand, job)


def work(brand: Brand) -> subprocess.Popen[bytes]:
    """A worker that stops once nothing is left to do, leading a process group of its own."""
    command = [sys.executable, "-m", "trainer", "worker", "--home", str(brand.settings.home), "--until-idle"]
    return subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, start_new_session=True)


def ended_well(brand: Brand, job: Job) -> Job:
    """The job, which succeeded exactly once and left exactly one release."""
    done = brand.job(job)
    assert done.state == "succeeded", (done.state, done.error, [event.type for event in brand.events(job)])
    types = [event.type for event in brand.events(job)]
    assert types.count("succeeded") == types.count("reserved") == types.count("published") == 1
    assert done.result is not None
    (row,) = [one for one in brand.releases() if one.number == done.result["release"]]
    assert row.state == done.result["state"]
    assert row.verdict == done.result["verdict"]
    return done


def wait_for(brand: Brand, job: Job, phase: str, worker: subprocess.Popen[bytes]) -> None:
    """Return once the job has entered the phase (or is over)."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and worker.poll() is None:
        if phase == "start":
            return
        if any(event.type == "phase" and event.data["phase"] == phase for event in brand.events(job)):
            return
        time.sleep(0.02)


def wait_for_end(pid: int) -> None:
    """Return once the process is gone, or a zombie that nobody has looked at yet."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.05)
    raise AssertionError("the child of a killed worker trains on")


def seconds_in(reference: Job, phase: str) -> float:
    """How long the undisturbed training was in the phase."""
    assert reference.result is not None
    return 3.0 if phase == "start" else max(float(reference.result["seconds"][phase]), 0.3)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes under /proc")
@pytest.mark.parametrize("number", range(len(AIMS)))
def test_a_killed_training_ends_as_the_undisturbed_one(brand: Brand, undisturbed: Job, number: int) -> None:
    dice = random.Random(number)
    phase, alone = AIMS[number], bool(number % 2)
    job = brand.order(recipe=TOP)
    worker = work(brand)
    wait_for(brand, job, phase, worker)
    time.sleep(dice.uniform(0, seconds_in(undisturbed, phase)))
    owner = brand.job(job).lease_owner
    if alone:
        worker.kill()
    else:
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait(PATIENCE_SECONDS)
    if owner is not None:
        wait_for_end(int(owner.rsplit("-", 1)[1]))

    killed_at = [event.type for event in brand.events(job)][-1], brand.job(job).attempt
    assert work(brand).wait(PATIENCE_SECONDS) == 0
    done = ended_well(brand, job)
    print(f"{number}: aimed at {phase}, last event {killed_at[0]} in attempt {killed_at[1]}, ended in {done.attempt}")

    assert undisturbed.result is not None
    assert done.result is not None
    ours, theirs = done.result["verdict"], undisturbed.result["verdict"]
    assert metrics(ours) == metrics(theirs)
    assert (ours["decision"], ours["flips"], ours["slices"]) == (theirs["decision"], theirs["flips"], theirs["slices"])
    assert brand.is_sound()
    home = brand.settings.home
    assert not [path for path in home.rglob("*.part") if not path.is_relative_to(home / "tmp")]
    numbers = [row.number for row in brand.releases()]
    assert sorted(int(path.name) for path in brand.folder(0).parent.iterdir()) == numbers
    assert all(row.state != "reserved" for row in brand.releases())
