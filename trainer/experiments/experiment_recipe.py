"""The recipe of an experiment with intents: given, picked or searched, and how steady it is on parts of TRAIN."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from data.settings import Settings
from trainer.bases.catalogue import LocalBase, base_for
from trainer.core.run_folder import RunFolder
from trainer.estimates.dry_run import DryRun
from trainer.estimates.estimate import for_search
from trainer.experiments.question import Settled
from trainer.intents.languages import Suited, suited
from trainer.intents.train_intent import IntentData, Utterances
from trainer.recipes import IntentRecipe, pick_intent
from trainer.search.cross_validation import cross_validated
from trainer.search.rehearsal import Rehearsal
from trainer.search.space import space_of
from trainer.tasks.task import layer_count

FOLDER = "search"
"""Under the folder of the report: the trials, for who asks for more of them."""


def suited_recipe(
    question: Settled, settings: Settings, learned: Utterances, run: RunFolder
) -> tuple[Suited, dict[str, Any]]:
    """The recipe to train by, and what the report says of `search` and `cross_validation`, as far as it was asked."""
    fitting, base = _given(question, settings, learned)
    rehearsal = Rehearsal.of(base, IntentData(learned), run)
    told: dict[str, Any] = {}
    if question.search is not None:
        from trainer.search.search import Search  # Optuna is slow to import, and few ask for it

        foretold = for_search(question.search, fitting.recipe, base, IntentData(learned), DryRun(run)).to_wire()
        run.report({"type": "estimate", "of": "search", **foretold})
        run.report({"type": "phase", "phase": "search"})
        space = space_of(fitting.recipe, learned.labels, layer_count(base.encoder()), question.recipe is not None)
        found = Search(space, rehearsal, question.search, question.out / FOLDER, run.report).found()
        fitting, told["search"] = replace(fitting, recipe=found.recipe), {**found.report, "estimate": foretold}
    if question.folds is not None:
        run.report({"type": "phase", "phase": "folds"})
        told["cross_validation"] = cross_validated(fitting.recipe, rehearsal, question.folds)
    run.report({"type": "phase", "phase": "train"})
    return fitting, told


def _given(question: Settled, settings: Settings, learned: Utterances) -> tuple[Suited, LocalBase]:
    base = base_for(settings, question.base)
    if question.recipe is None:
        picked = pick_intent(learned.labels, base=question.base, seed=question.seed)
        return suited(picked, base, learned), base
    assert isinstance(question.recipe, IntentRecipe)  # experiment() has compared the tasks
    return Suited(question.recipe), base
