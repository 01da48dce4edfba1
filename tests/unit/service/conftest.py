"""The command line run in this process, with a small script in the place of the trainer."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.child import trainer_command
from service.cli import run
from tests.homes import lay_home

ROOT = Path(__file__).parents[3]
LOG = "\n".join(
    json.dumps(
        {
            "id": f"c{number}",
            "messages": [
                {"role": "user", "content": f"where is parcel {name}", "intent": "order_status"},
                {"role": "agent", "content": "It left on Monday."},
            ],
        }
    )
    for number, name in enumerate(["alpha", "beta", "gamma"])
)

VERDICT = {
    "decision": "hold",
    "reasons": ["The test set holds 3 messages; fewer than 50 cannot carry a decision."],
    "models": {
        "floor": {"macro_f1": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "base": {"macro_f1": {"value": 0.6, "low": 0.5, "high": 0.7}},
        "candidate": {"macro_f1": {"value": 0.8, "low": 0.7, "high": 0.9}},
    },
    "flips": [],
    "parity": {"passed": True},
    "slices": [],
}


@dataclass(frozen=True)
class Ran:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """In which nothing was done yet."""
    return lay_home(tmp_path / "home")


@pytest.fixture
def no_home(home: Path) -> Path:
    """Where the home folder will be: there is none yet."""
    shutil.rmtree(home)
    return home


@pytest.fixture
def attune(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`attune("bots", "--json")` in a home folder of its own."""

    def call(*arguments: str | Path, launch: Any = trainer_command, at: Path | None = home) -> Ran:
        capsys.readouterr()
        where = [] if at is None else ["--home", str(at)]
        code = run([*map(str, arguments), *where], launch)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "chats.jsonl"
    path.write_text(LOG, encoding="utf-8")
    return path


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[[str], Any]:
    """A launch that runs this Python text in the place of the trainer, with the store at hand."""

    def make(body: str) -> Any:
        script = tmp_path / "fake_trainer.py"
        script.write_text(PREFACE.replace("ROOT", repr(str(ROOT))) + body, encoding="utf-8")
        return lambda arguments: [sys.executable, str(script), *arguments]

    return make


PREFACE = """
import json, os, signal, sys, time
from pathlib import Path
sys.path.insert(0, ROOT)
def say(type, **body):
    print(json.dumps({"type": type, **body}), flush=True)
def claimed():
    from data.settings import load_settings
    from data.store import jobs, open_store
    settings = load_settings(sys.argv[sys.argv.index("--home") + 1])
    store = open_store(settings.store_url, home=settings.home)
    with store.begin() as tx:
        job = jobs.claim(tx, "fake", lease_seconds=settings.jobs.lease_seconds, job_id=sys.argv[2])
    return store, job
"""

DOES_IT = """
from data.store import jobs
store, job = claimed()
say("phase", phase="train")
say("progress", stage="intent", step=1, steps=2, eta_seconds=61.0, loss=0.5)
say("validated", macro_f1=0.75)
print("a library has something to say")
result = {"release": 1, "state": "published", "verdict": VERDICT, "seconds": {"train": 1.0, "evaluate": 0.5,
          "export": 0.25}, "dataset": "ab", "payload": job.payload}
with store.begin() as tx:
    jobs.finish(tx, job, result)
say("done", result=result)
""".replace("VERDICT", repr(VERDICT))


@pytest.fixture
def does_it() -> str:
    """A fake trainer that finishes the job it was given."""
    return DOES_IT


@pytest.fixture
def verdict() -> dict[str, Any]:
    return VERDICT
