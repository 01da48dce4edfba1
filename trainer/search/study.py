"""The trials of a search, kept in a file of their own: several processes work on one study, and a kill loses none.

Who works on a trial holds a lock that ends with the process. A trial whose worker is gone is failed, which does not
count, and what it tried stands first in the queue again.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from trainer.search.held_lock import forget, holding, is_held, taken

FILE = "search.sqlite3"
BUSY_SECONDS = 60
STARTUP = 5
"""Trials that are drawn at large before what was learned of them guides the others, and before any is cut short."""
OVER = (TrialState.COMPLETE, TrialState.PRUNED)
DEFAULT, WORKER, AGAIN = "default", "worker", "again"


@dataclass(frozen=True, slots=True)
class Trials:
    """One study in `folder`, as one worker sees it."""

    study: optuna.Study
    folder: Path
    seed: int
    check: Callable[[], None]
    worker: str

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, name: str, seed: int, check: Callable[[], None]) -> Iterator[Trials]:
        """The study `name`, taken up where it was left; its first trial is the default recipe."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        worker = uuid.uuid4().hex
        alive = folder / f"{worker}.alive"
        with holding(folder / "search.lock", check), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = optuna.storages.RDBStorage(
                f"sqlite:///{folder / FILE}", engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}}
            )
            study = optuna.create_study(
                study_name=name,
                storage=storage,
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=0),
            )
            if not any(DEFAULT in trial.user_attrs for trial in study.get_trials(deepcopy=False)):
                study.enqueue_trial({}, user_attrs={DEFAULT: True})
        held = taken(alive)
        assert held is not None  # nobody else knows the name
        try:
            yield cls(study, folder, seed, check, worker)
        finally:
            storage.remove_session()
            storage.engine.dispose()
            held.close()
            forget(alive)

    def begin(self, most: int) -> Trial | None:
        """The next trial; None where all that may be are over or under way."""
        with holding(self.folder / "search.lock", self.check):
            self._revive()
            states = [trial.state for trial in self.study.get_trials(deepcopy=False)]
            if sum(state in OVER or state == TrialState.RUNNING for state in states) >= most:
                return None
            trial = self.study.ask()
            trial.set_user_attr(WORKER, self.worker)
        # A sampler of its own: a study taken up again draws what it would have drawn.
        self.study.sampler = optuna.samplers.TPESampler(seed=self.seed + trial.number, n_startup_trials=STARTUP)
        return trial

    def end(self, trial: Trial, value: float | None) -> None:
        """`value` None: cut short."""
        if value is None:
            self.study.tell(trial.number, state=TrialState.PRUNED)
        else:
            self.study.tell(trial.number, values=value)

    def give_back(self, trial: Trial) -> None:
        """What stopped says nothing of the trial: somebody tries it again."""
        self._again(next(one for one in self.all() if one.number == trial.number))

    def all(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def over(self) -> list[FrozenTrial]:
        return [trial for trial in self.all() if trial.state in OVER]

    def complete(self) -> list[FrozenTrial]:
        return [trial for trial in self.all() if trial.state == TrialState.COMPLETE]

    def under_way(self) -> bool:
        """Whether another process is at a trial; one that was left is queued again."""
        with holding(self.folder / "search.lock", self.check):
            self._revive()
        return any(trial.state == TrialState.RUNNING for trial in self.all())

    def spent(self) -> float:
        """Seconds of all trials that are over."""
        return sum(trial.duration.total_seconds() for trial in self.over() if trial.duration is not None)

    def outcome(self) -> dict[str, Any] | None:
        found = self.study.user_attrs.get("outcome")
        return dict(found) if found is not None else None

    def conclude(self, outcome: dict[str, Any]) -> None:
        self.study.set_user_attr("outcome", outcome)

    def _revive(self) -> None:
        for trial in self.all():
            worker = trial.user_attrs.get(WORKER)
            if trial.state == TrialState.RUNNING and not (worker and is_held(self.folder / f"{worker}.alive")):
                self._again(trial)
                forget(self.folder / f"{worker}.alive")

    def _again(self, trial: FrozenTrial) -> None:
        """Queued before it is failed, and once however often this is begun: a kill in between loses nothing."""
        if not any(one.user_attrs.get(AGAIN) == trial.number for one in self.all()):
            kept = {name: value for name, value in trial.user_attrs.items() if name != WORKER}
            self.study.enqueue_trial(trial.params, user_attrs={**kept, AGAIN: trial.number})
        self.study.tell(trial.number, state=TrialState.FAIL)
