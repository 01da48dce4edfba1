"""The search of a recipe within a retraining: a run of its own, whose trials outlive a killed worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.frozen import FrozenDataset
from trainer.bases.catalogue import LocalBase
from trainer.intents.intent_data import IntentData
from trainer.intents.languages import Suited
from trainer.recipes import IntentRecipe
from trainer.retraining import Retraining, run_folder, settling
from trainer.search.rehearsal import Rehearsal
from trainer.search.space import space_of
from trainer.tasks.task import layer_count

RUN = "search"


def better(
    work: Retraining, dataset: FrozenDataset, data: IntentData, base: LocalBase, fitting: Suited
) -> tuple[Suited, dict[str, str]]:
    """`fitting` with the recipe that was found, and the run by its name; as it is where no search is asked for."""
    if work.order.search is None:
        return fitting, {}
    from trainer.search.search import Search  # Optuna is slow to import, and few ask for it

    start = fitting.recipe

    def tell(event: Mapping[str, Any]) -> None:
        work.report(event)
        if event["type"] == "search":
            work.context.event("search", **{name: value for name, value in event.items() if name != "type"})

    run, run_id = run_folder(work, RUN, dataset, start)
    with settling(work, run_id) as metrics:
        rehearsal = Rehearsal.of(base, data, run)
        chosen = isinstance(work.order.recipe, IntentRecipe)
        space = space_of(start, rehearsal.rows.labels, layer_count(base.encoder()), chosen)
        found = Search(space, rehearsal, work.order.search, run.folder, tell).found()
        metrics.update(found.report)
    work.context.event("searched", **found.report)
    return Suited(found.recipe, fitting.findings), {RUN: run_id}
