"""A retraining that searches its recipe first: what it tells, what a kill costs, how it is cancelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.errors import RecipeError, UsageError
from data.store import bots, jobs, runs
from data.store.jobs import Job
from service.training import Order as Asked
from service.training import enqueue_training
from tests.brand import FROZEN, Brand, brand_at, log
from trainer.order import Order
from trainer.pipeline import retrain
from trainer.search.budget import Budget
from trainer.search.rehearsal import Heard, Rehearsal
from trainer.search.search import FOLDS

# As `python -m trainer` does: torch and the exporter warn of what is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


class Power(BaseException):
    """The cable, pulled."""


def worked(brand: Brand, job: Job) -> Job:
    """One attempt at the job."""
    return brand.work(job, lambda context: retrain(context, brand.settings, lambda _event: None))


def interrupted(monkeypatch: pytest.MonkeyPatch, at: int, stop: Any) -> list[int]:
    """The numbers of the fits that are heard; before that of number `at`, `stop` is called."""
    heard: list[int] = []
    hear = Rehearsal.hear

    def counted(self: Rehearsal, *given: Any) -> Heard:
        if len(heard) == at:
            heard.append(at)
            stop()
        heard.append(len(heard))
        return hear(self, *given)

    monkeypatch.setattr(Rehearsal, "hear", counted)
    return heard


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on_and_trains_what_it_found(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pull() -> None:
        raise Power

    with brand_at(tmp_path / "home", base, log(100)) as brand:
        heard = interrupted(monkeypatch, FOLDS + 1, pull)
        job = brand.order(recipe=FROZEN, tasks=["intent"], search={"trials": 2})
        with pytest.raises(Power):
            worked(brand, job)
        before = len(heard)
        done = worked(brand, job)
        assert done.state == "succeeded", done.error
        assert len(heard) - before in (FOLDS, 3 * FOLDS)  # the second trial; and the comparison, where it is better
        told = [event.data for event in brand.events(done) if event.type == "search"]
        assert [event["over"] for event in told] == [1, 2]
        (end,) = [event.data for event in brand.events(done) if event.type == "searched"]
        assert end["trials"] == 2
        assert end["best"]["score"] >= end["default"]["score"]
        with brand.store.read() as tx:
            kept = {run.task: run for run in runs.list_for(tx, brand.bot_id, done.id)}
        assert kept["search"].state == kept["intent"].state == "succeeded"
        assert kept["intent"].recipe == end["recipe"]
        assert not list((brand.settings.home / "runs").iterdir())
        assert brand.is_sound()


@pytest.mark.slow
def test_a_search_is_cancelled_between_two_fits(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with brand_at(tmp_path / "home", base, log(100)) as brand:
        job = brand.order(recipe=FROZEN, tasks=["intent"], search={"trials": 50})

        def cancel() -> None:
            with brand.store.begin() as tx:
                jobs.cancel(tx, job.id)

        heard = interrupted(monkeypatch, FOLDS, cancel)
        ended = worked(brand, job)
        assert ended.state == "cancelled"
        assert len(heard) < 49 * FOLDS
        assert not list((brand.settings.home / "runs").iterdir())


def test_the_same_search_on_the_same_data_is_one_job(base: Path, tmp_path: Path) -> None:
    with brand_at(tmp_path / "home", base, log(20)) as brand, brand.store.begin() as tx:
        (bot,) = bots.list_all(tx)
        made = [
            enqueue_training(tx, bot, Asked(search=search)).id
            for search in ({"trials": 5}, {"trials": 5}, {"trials": 6}, None)
        ]
    assert made[0] == made[1]
    assert len(set(made)) == 3


def test_what_is_asked_of_a_search_is_read_from_the_job() -> None:
    assert Order.from_payload({"search": {"trials": 5}}).search == Budget(5)
    assert Order.from_payload({}).search is None
    for body in ({"tasks": ["reply"], "search": {}}, {"search": {"trials": 0}}, {"search": 5}):
        with pytest.raises(UsageError):
            Order.from_payload(body)
    with pytest.raises(RecipeError):
        Asked(("reply",), search={}).to_wire()
    assert "search" not in Asked().to_wire()
