"""The generator of a retraining: its run, and what becomes of the release where it fails.

It comes last and is wanted least: where an order asks for all that the data gives, one that fails is left out, and
intents and replies are released without it. Who asks for it by name is told of the failure instead.
"""

from __future__ import annotations

from data.catalogue import finding_of
from data.errors import AttuneError, BaseRefused, DatasetError, TrainingError
from data.frozen import FrozenDataset
from data.schema import Finding
from data.store import releases
from data.store.runs import QUOTES
from export.release import GENERATE
from trainer.core import health
from trainer.generation.drafted import Brand
from trainer.generation.writing import Lessons, Writing, chat_base, write
from trainer.judgement import regressions
from trainer.material import Material
from trainer.retraining import Retraining, run_folder, settling

FAILURES = (TrainingError, DatasetError, BaseRefused)
"""What says that this generator cannot be made. Cancelled jobs, lost leases and full memories are none of these."""


def train_writing(
    work: Retraining, dataset: FrozenDataset, material: Material, brand: Brand, ids: dict[str, str]
) -> tuple[Writing | None, tuple[Finding, ...]]:
    """None where nobody asked for it, too little is known of how the brand writes, or no base is at hand; and where it
    failed and was asked for by nobody, with what there is to say of that. `ids` gains the run that went well.

    Raises what the training does, where the order names a generator.
    """
    if GENERATE not in work.order.tasks:
        return None, ()
    try:
        return _trained(work, dataset, material, brand, ids), ()
    except FAILURES as error:
        if work.order.names_a_writer:
            raise
        work.context.event(GENERATE, left_out=str(error), error=error.code)
        return None, _left_out(work, error)


def _trained(
    work: Retraining, dataset: FrozenDataset, material: Material, brand: Brand, ids: dict[str, str]
) -> Writing | None:
    lessons = Lessons.of(material, brand, work.order.seed)
    base, lack = chat_base(work.settings, work.order, len(lessons.train))
    if base is None:
        work.context.event(GENERATE, left_out=lack)
        return None
    recipe = work.order.generate_recipe(lessons.tokens(base), base)
    run, run_id = run_folder(work, GENERATE, dataset, recipe)
    with settling(work, run_id) as metrics:
        writing = write(recipe, base, lessons, brand, run)
        metrics.update(writing.to_wire())
        metrics["findings"] = [finding.to_wire() for finding in writing.findings]
        metrics[QUOTES] = writing.quotes()
    ids[GENERATE] = run_id
    work.context.event(GENERATE, **writing.to_wire())
    return writing


def _left_out(work: Retraining, error: AttuneError) -> tuple[Finding, ...]:
    """A warning; and what holds the candidate back, where customers are written to today and would be no more."""
    said = f"The generator could not be trained and was left out ({error.code}): {error}"
    found = finding_of(health.KINDS, health.WRITING_LEFT_OUT, 1, said)
    with work.context.store.read() as tx:
        live = releases.live(tx, work.bot.id).release
    if live is None or not (live.manifest or {}).get("decoders"):
        return (found,)
    lost = "The live release writes replies; the candidate, whose generator could not be trained, does not."
    return found, finding_of(regressions.KINDS, regressions.WRITING_LOST, 1, lost)
