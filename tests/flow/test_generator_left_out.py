"""A generator that cannot be trained takes nothing with it: unless somebody asked for it, the release comes without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.errors import AttuneError, BaseRefused, DatasetError, Diverged, JobCancelled, ParityFailed
from data.schema import TASKS
from data.store import runs
from data.store.jobs import Job
from data.store.runs import Run
from export.release import open_release
from tests.brand import FROZEN, Brand, brand_at, brand_like, log
from tests.tiny_chat import lay_chat
from trainer import order as orders
from trainer.generation import generator_work

RECIPE = {
    "name": "test", "task": "generate", "method": "full", "max_length": 128, "epochs": 1, "batch_tokens": 1024,
    "learning_rate": 1e-2, "precision": "32-true",
}  # fmt: skip
EVERYTHING: dict[str, Any] = {"tasks": list(TASKS), "recipe": FROZEN}
"""What is ordered by who names no task, with quick intents."""


@pytest.fixture(scope="module")
def laid(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home with a log and no release, and a chat base."""
    place = tmp_path_factory.mktemp("laid")
    with brand_at(place / "home", base, log(160)):
        pass
    return place / "home", lay_chat(place / "chat")


@pytest.fixture
def brand(laid: tuple[Path, Path], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Brand]:
    """Whose usual chat base is a tiny one."""
    home, chat = laid
    monkeypatch.setattr(orders, "CHAT", str(chat))
    with brand_like(home, tmp_path / "home", base) as made:
        yield made


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def write(*_: Any) -> None:
        raise error

    monkeypatch.setattr(generator_work, "write", write)


def generator_runs(brand: Brand, job: Job) -> list[Run]:
    with brand.store.read() as tx:
        return [run for run in runs.list_for(tx, brand.bot_id, job.id) if run.task == "generate"]


FAILURES: list[AttuneError] = [
    Diverged("The loss is not a number.", remedy="Lower the learning rate."),
    DatasetError("Too few replies."),
    ParityFailed("The export differs."),
    BaseRefused("The weights are not those."),
]


@pytest.mark.parametrize("error", FAILURES[:1] + FAILURES[-1:], ids=lambda error: error.code)
def test_the_release_comes_without_it_and_says_so(
    brand: Brand, monkeypatch: pytest.MonkeyPatch, error: AttuneError
) -> None:
    failing(monkeypatch, error)
    job = brand.retrain(**EVERYTHING)
    assert job.state == "succeeded", job.error
    (left,) = [event.data for event in brand.events(job) if event.type == "generate"]
    assert (left["error"], left["left_out"]) == (error.code, str(error))
    (run,) = generator_runs(brand, job)
    assert run.state == "failed"
    assert run.error is not None
    assert run.error["code"] == error.code
    assert not (brand.settings.home / "runs" / run.id).exists()
    release = open_release(brand.folder(1))
    assert release.facts.decoders == {}
    assert release.facts.encoders.keys() == {"intent", "reply"}
    assert run.id not in release.facts.lineage["runs"].values()
    verdict = brand.releases()[-1].verdict
    assert verdict is not None
    told = {finding["code"]: finding for finding in verdict["findings"]}
    assert told["writing_left_out"]["severity"] == "warning"
    assert str(error) in told["writing_left_out"]["sentence"]
    assert "writing_lost" not in told, "nobody is written to today"
    assert "writing_left_out" in (brand.folder(1) / "README.md").read_text()
    assert brand.is_sound()


@pytest.mark.parametrize("error", FAILURES[::2], ids=lambda error: error.code)
def test_who_asks_for_it_is_told_of_the_failure(
    brand: Brand, laid: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, error: AttuneError
) -> None:
    failing(monkeypatch, error)
    job = brand.retrain(tasks=["reply", "generate"], recipe={**RECIPE, "base": str(laid[1])})
    assert job.state == "failed"
    assert job.error is not None
    assert job.error["code"] == error.code
    assert [run.state for run in generator_runs(brand, job)] == ["failed"]
    assert brand.releases() == []


@pytest.mark.parametrize(
    ("error", "state", "run_state"),
    [(JobCancelled("Enough."), "cancelled", "failed"), (MemoryError(), "queued", "running")],
    ids=["cancelled", "out of memory"],
)
def test_what_ends_the_job_ends_it(
    brand: Brand, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str, run_state: str
) -> None:
    failing(monkeypatch, error)
    job = brand.retrain(**EVERYTHING)
    assert job.state == state
    assert [run.state for run in generator_runs(brand, job)] == [run_state]
    assert brand.releases() == []


def test_an_unusable_usual_base_is_no_reason_to_release_nothing(
    brand: Brand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(orders, "CHAT", str(tmp_path / "nowhere"))
    job = brand.retrain(**EVERYTHING)
    assert job.state == "succeeded", job.error
    assert [event.data["error"] for event in brand.events(job) if event.type == "generate"] == ["base_refused"]
    assert generator_runs(brand, job) == []
    assert open_release(brand.folder(1)).facts.decoders == {}
