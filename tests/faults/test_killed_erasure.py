"""An erasure killed with SIGKILL between any two of its effects, and taken up again, ends as the undisturbed one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.erasing.job import run_erasure
from data.jobs import run_job
from data.store import jobs, open_store, uploads
from data.store.erasures import Kind
from export.unsaid import unsay
from tests.brand import VOCABULARY, Brand, brand_at
from tests.erased import traces
from tests.person import MARKER, PERSON, ask_to_erase, settle
from tests.tiny_bert import lay_tiny

pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[2]
TRIED = 6
"""Places at which the quick test kills; the slow one kills at all of them."""
PROGRAM = """
import os, signal, sys
from pathlib import Path

home, job, kill_at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
sys.path.insert(0, sys.argv[4])

from sqlalchemy import Engine, event

from data.erasing.job import run_erasure
from data.jobs import run_job
from data.settings import JobSettings, Settings
from data.store import jobs, open_store
from export.unsaid import unsay

effects = 0

def effect(*_):
    global effects
    effects += 1
    if effects == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

def watch(name, arguments):
    changes = name in ("os.rename", "os.remove", "os.rmdir", "os.truncate")
    written = name == "open" and isinstance(arguments[1], str) and any(sign in arguments[1] for sign in "wxa")
    if (changes or written) and str(home) in str(arguments[0]):
        effect()

settings = Settings(home=home, jobs=JobSettings(lease_seconds=60, heartbeat_seconds=1000))
with open_store(settings.store_url, home=home) as store:
    with store.begin() as tx:
        held = jobs.claim(tx, "test", lease_seconds=60, job_id=job)
    event.listen(Engine, "commit", effect)
    sys.addaudithook(watch)
    done = run_job(store, settings, held, lambda context: run_erasure(context, settings, unsay))
print(done.state, effects)
"""


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brand]:
    folder = tmp_path_factory.mktemp("erased")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = lay_tiny(folder / "tiny", more=VOCABULARY)
    with brand_at(folder / "home", base) as brand:
        settle(brand)
        yield brand


def go_on(brand: Brand, job: str) -> None:
    """What the next worker does once the lease has run out, here and now."""
    later = open_store(
        brand.settings.store_url, home=brand.settings.home, clock=lambda: datetime.now(UTC) + timedelta(hours=1)
    )
    with later as store:
        with store.begin() as tx:
            held = jobs.claim(tx, "test", lease_seconds=60, job_id=job)
        assert held is not None
        settings = brand.settings
        done = run_job(store, settings, held, lambda context: run_erasure(context, settings, unsay))
    assert done.state == "succeeded", done.error


def work(home: Path, job: str, kill_at: int) -> tuple[int, str]:
    command = [sys.executable, "-c", PROGRAM, str(home), job, str(kill_at), str(ROOT)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, timeout=600, check=False)
    return ran.returncode, ran.stdout or ran.stderr


def copied(settled: Brand, home: Path) -> Brand:
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(settled.settings.home, home)
    settings = settled.settings.model_copy(update={"home": home})
    return Brand(open_store(settings.store_url, home=home), settings, settled.base)


def asked(brand: Brand, kind: Kind, *names: str) -> str:
    return ask_to_erase(brand, kind, *names).id


def state(brand: Brand, job: str) -> dict[str, Any]:
    """All that two ends must agree on."""
    with brand.store.read() as tx:
        every = uploads.list_for(tx, brand.bot_id)
        ended = jobs.get(tx, job)
    told = [(one.state, one.conversations, one.original_erased_at is None) for one in every]
    assert ended.state == "succeeded", ended.error
    report = {name: value for name, value in (ended.result or {}).items() if name not in PASSING}
    marks = [(one.trained_on_erased_data is not None, one.revision) for one in brand.releases()]
    return {"report": report, "uploads": told, "releases": marks}


PASSING = {"logs", "backups", "left_in_tmp", "runs"}
"""What a second attempt may find gone that the first had no time to count."""


@pytest.mark.timeout(900)
def test_killed_at_some_places(settled: Brand, tmp_path: Path) -> None:
    kill_and_go_on(settled, tmp_path, TRIED)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_every_place(settled: Brand, tmp_path: Path) -> None:
    kill_and_go_on(settled, tmp_path, None)


def kill_and_go_on(settled: Brand, tmp_path: Path, tried: int | None) -> None:
    brand = copied(settled, tmp_path / "home")
    job = asked(brand, "customer", PERSON)
    status, said = work(brand.settings.home, job, 0)
    assert status == 0, said
    effects = int(said.split()[1])
    undisturbed = state(brand, job)
    brand.store.close()
    assert effects > 50
    places = list(range(1, effects + 1))
    if tried is not None:
        places = sorted(random.Random(7).sample(places, tried))
    for place in places:
        brand = copied(settled, tmp_path / "home")
        job = asked(brand, "customer", PERSON)
        status, _ = work(brand.settings.home, job, place)
        assert status == -signal.SIGKILL
        go_on(brand, job)
        assert state(brand, job) == undisturbed, place
        assert brand.is_sound(), place
        assert said_of_person(brand) == [], place
        brand.store.close()


def said_of_person(brand: Brand) -> list[str]:
    """Where the person's own words still stand; what a visitor said of the marker is another's."""
    return traces(brand.settings.home, f"my {MARKER}", f"about {MARKER}", PERSON)
