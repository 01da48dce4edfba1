"""Searching a recipe: the default comes first, chance is not taken for gain, and a kill loses no trial."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState

from data.errors import Diverged, JobCancelled, UsageError
from trainer.bases.catalogue import LocalBase
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.intents import intent_work
from trainer.intents.folds import Fold
from trainer.intents.intent_data import IntentData, Utterances
from trainer.recipes import IntentRecipe
from trainer.search.budget import Budget
from trainer.search.held_lock import is_held, taken
from trainer.search.rehearsal import Heard, Rehearsal
from trainer.search.search import Found, Search
from trainer.search.space import space_of
from trainer.search.study import DEFAULT, Trials

Say = Callable[..., Any]
START = IntentRecipe(name="t", method="frozen", folds=3, max_length=16)


@pytest.fixture(autouse=True, scope="module")
def _small_background() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intent_work, "MOST_BACKGROUND", 30)
        yield


@dataclass(frozen=True, slots=True, eq=False)
class Acted(Rehearsal):
    """Answers of which a share is right that the recipe alone decides; `heard` counts the fits."""

    share: Callable[[IntentRecipe], float] = lambda _recipe: 0.5
    heard: list[float] = None  # type: ignore[assignment]
    before: Callable[[int], None] = lambda _number: None

    def hear(self, recipe: IntentRecipe, fold: Fold) -> Heard:
        self.run.check()
        self.before(len(self.heard))
        self.heard.append(recipe.regularisation)
        right = np.random.default_rng(0).permutation(len(fold.score)) < self.share(recipe) * len(fold.score)
        truth = [self.rows.labels[row] for row in fold.score]
        said = [label if yes else "no" for label, yes in zip(truth, right, strict=True)]
        return Heard(fold.score, truth, said, np.array([0.9, 0.8]), np.array([0.1, 0.2]))


def rows_of(count: int = 240) -> Utterances:
    words = [f"{a} {b}" for a in ("alpha", "bravo", "charlie", "delta", "echo") for b in ("golf", "hotel", "india")]
    return Utterances(
        [f"{words[at % len(words)]} {at * 7919} {chr(97 + at % 26) * 9}" for at in range(count)],
        [("refund", "delivery", "hours", "login", "repair")[at % 5] for at in range(count)],
    )


@pytest.fixture
def make(tiny: LocalBase, tmp_path: Path) -> Callable[..., Search]:
    def made(share: Callable[[IntentRecipe], float], budget: Budget | None = None, **given: Any) -> Search:
        rows = rows_of()
        check = given.pop("check", lambda: None)
        tell = given.pop("tell", lambda _event: None)
        run = RunFolder(tmp_path, MemoryLedger(), check=check, keep=False)
        acted = Acted(tiny, rows, run, share=share, heard=[], **given)
        return Search(space_of(START, rows.labels, 2, True), acted, budget or Budget(4), tmp_path / "study", tell)

    return made


def better_when_loose(recipe: IntentRecipe) -> float:
    return 0.6 if recipe.regularisation == START.regularisation else 0.9


def test_a_recipe_that_gains_more_than_chance_takes_the_defaults_place(make: Callable[..., Search]) -> None:
    events: list[Mapping[str, Any]] = []
    search = make(better_when_loose, tell=events.append)
    found = search.found()
    assert found.report["accepted"]
    assert found.recipe.regularisation != START.regularisation
    assert found.report["gain"]["low"] > 0.1
    assert found.report["trials"] == 4
    assert found.report["best"]["regularisation"] == found.recipe.regularisation
    assert [event["over"] for event in events if event["type"] == "search"] == [1, 2, 3, 4]
    assert search.rehearsal.heard[0] == START.regularisation  # type: ignore[attr-defined]


def test_what_may_be_chance_leaves_the_default(make: Callable[..., Search]) -> None:
    found = make(lambda recipe: 0.6 if recipe.regularisation == 20 else 0.605).found()
    assert found.recipe == START
    assert not found.report["accepted"]
    assert "which may be chance" in found.report["why"]


def test_nothing_better_is_said_so(make: Callable[..., Search]) -> None:
    found = make(lambda recipe: 0.9 if recipe.regularisation == 20 else 0.5).found()
    assert found.recipe == START
    assert found.report["gain"] is None
    assert found.report["best"]["score"] == found.report["default"]["score"]


def test_what_falls_behind_is_cut_short(make: Callable[..., Search]) -> None:
    def falling(recipe: IntentRecipe) -> float:
        return 0.9 if recipe.regularisation == 20 else 0.8 - abs(np.log(recipe.regularisation)) / 10

    search = make(falling, Budget(9))
    found = search.found()
    assert found.report["trials"] == 9
    assert 0 < found.report["pruned"] < 9
    assert len(search.rehearsal.heard) < 9 * 3  # type: ignore[attr-defined]


def test_a_recipe_that_diverges_is_no_end_of_the_search(make: Callable[..., Search]) -> None:
    def diverging(recipe: IntentRecipe) -> float:
        if recipe.regularisation != 20:
            raise Diverged("The loss is no number.")
        return 0.5

    report = make(diverging).found().report
    assert (report["trials"], report["pruned"]) == (4, 3)


class Power(BaseException):
    """The cable, pulled."""


def test_a_search_that_died_goes_on_and_counts_no_trial_twice(make: Callable[..., Search], tmp_path: Path) -> None:
    def pull(number: int) -> None:
        if number == 7:
            raise Power

    with pytest.raises(Power):
        make(better_when_loose, before=pull).found()
    search = make(better_when_loose)
    found = search.found()
    assert found.report["trials"] == 4
    assert len(search.rehearsal.heard) == 2 * 3 + 6  # type: ignore[attr-defined]  # 2 trials were over
    (folder := tmp_path / "other").mkdir()
    undisturbed = replace(make(better_when_loose), folder=folder).found()
    assert undisturbed.recipe == found.recipe


def test_a_trial_whose_worker_is_gone_is_tried_again(tmp_path: Path) -> None:
    """A killed process leaves a running trial and a lock that nobody holds."""
    with Trials.opened(tmp_path, "s", 0, lambda: None) as first:
        left = first.begin(3)
        assert left is not None
        with Trials.opened(tmp_path, "s", 0, lambda: None) as second:
            assert second.under_way()  # alive: it is let be
            other = second.begin(3)
            assert other is not None
            assert other.number != left.number
            second.end(other, 0.5)
    with Trials.opened(tmp_path, "s", 0, lambda: None) as third:
        assert not third.under_way()
        again = third.begin(3)
        assert again is not None
        assert DEFAULT in again.user_attrs
        third.end(again, 0.7)
        assert [trial.state for trial in third.all()].count(TrialState.FAIL) == 1
        assert len(third.over()) == 2


@pytest.mark.slow
def test_several_work_on_one_study(make: Callable[..., Search]) -> None:
    meet = threading.Barrier(2, timeout=60)

    def together(number: int) -> None:
        if number == 0:
            meet.wait()

    searches = [make(better_when_loose, Budget(5), before=together) for _ in range(2)]
    found: list[Found] = []
    threads = [threading.Thread(target=lambda one=one: found.append(one.found())) for one in searches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == 2
    assert found[0].recipe == found[1].recipe
    assert {one.report["trials"] for one in found} == {5}


def test_a_cancelled_search_stops_between_fits(make: Callable[..., Search]) -> None:
    told: list[Mapping[str, Any]] = []

    def check() -> None:
        if len(told) >= 4:
            raise JobCancelled("enough")

    with pytest.raises(JobCancelled):
        make(better_when_loose, check=check, tell=told.append).found()
    assert len([event for event in told if event["type"] == "search"]) == 2


@pytest.mark.slow
def test_time_ends_a_search_but_never_before_the_default(make: Callable[..., Search]) -> None:
    report = make(better_when_loose, Budget(1000, 1e-9)).found().report
    assert report["trials"] == 1


@pytest.mark.slow
def test_a_larger_budget_goes_on_where_the_smaller_ended(make: Callable[..., Search]) -> None:
    make(better_when_loose, Budget(2)).found()
    same = make(better_when_loose, Budget(2))
    assert same.found().report["trials"] == 2
    assert not same.rehearsal.heard  # type: ignore[attr-defined]
    assert make(better_when_loose, Budget(3)).found().report["trials"] == 3


@pytest.mark.parametrize("method", ["frozen", "top", "full"])
def test_every_method_is_heard_on_rows_it_has_not_learned(
    tiny: LocalBase, said: Say, method: str, tmp_path: Path
) -> None:
    some = said(10, ("refund", "delivery", "oos"))
    data = IntentData(Utterances(some.texts, some.labels))
    rehearsal = Rehearsal.of(tiny, data, RunFolder(tmp_path, MemoryLedger(), threads=1))
    body = {"method": method, "folds": 0 if method == "full" else 2, "epochs": 1, "precision": "32-true"}
    recipe = IntentRecipe.model_validate({**START.model_dump(), **body})
    score = tuple(range(0, 30, 5))
    heard = rehearsal.hear(recipe, Fold(tuple(row for row in range(30) if row not in score), score))
    assert heard.rows == score
    assert set(heard.predicted) <= {"refund", "delivery", "oos"}
    assert 0 <= heard.apart() <= 1
    assert not list(tmp_path.iterdir())


def test_the_space_holds_what_the_amount_of_data_allows() -> None:
    few, some, many = (["a", "b"] * count for count in (40, 400, 2000))
    assert space_of(START, few, 6, False).methods == ("frozen",)
    assert space_of(START, some, 6, False).methods == ("frozen", "top")
    assert space_of(START, many, 6, False).methods == ("frozen", "top", "full")
    assert space_of(START, many, 6, True).methods == ("frozen",)


def test_a_lock_is_held_as_long_as_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    assert not is_held(path)
    file = taken(path)
    assert file is not None
    assert is_held(path)
    assert taken(path) is None
    file.close()
    assert not is_held(path)


@pytest.mark.parametrize("body", [{"trials": 1}, {"trials": True}, {"trials": 5.0}, {"minutes": 0}, {"minutes": "5"},
                                  {"minutes": float("nan")}, {"hours": 1}, [], {"trials": 10**6}])  # fmt: skip
def test_a_budget_that_makes_no_sense_is_refused(body: Any) -> None:
    with pytest.raises(UsageError):
        Budget.from_wire(body)


def test_a_budget_of_minutes_alone_lets_them_decide() -> None:
    assert Budget.from_wire({}) == Budget(20, None)
    assert Budget.from_wire({"minutes": 5}) == Budget(1000, 5.0)
    assert Budget.from_wire(None) is None
