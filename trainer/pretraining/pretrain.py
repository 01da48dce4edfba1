"""One pre-training from top to bottom: corpus, tokenizer, decoder, fit, what it is worth, the folder it is kept in.

A run that was killed is taken up again in the same folder: what was finished is not done twice.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.chat_files import CONFIG, GENERATION, TEMPLATE, TOKENIZER, TOKENIZER_CONFIG
from data.chat_render import ChatRenderer
from data.errors import UsageError
from data.files import disk, make_folder, sync
from data.settings import Settings
from trainer.bases.catalogue import LocalBase
from trainer.bases.chat_base import ChatBase
from trainer.bases.known import Base
from trainer.core.datamodule import Sizes, TextData
from trainer.core.fit import fit
from trainer.core.ledger import FileLedger
from trainer.core.run_folder import RunFolder
from trainer.generation.lines import rendered
from trainer.pretraining.about import CARD, CURVE, Made, write_about
from trainer.pretraining.corpus import Corpus, read_corpus
from trainer.pretraining.decoder import WEIGHTS, new_decoder, write_config, write_weights
from trainer.pretraining.plan import Plan, load_plan
from trainer.pretraining.tokenizer import train_tokenizer
from trainer.pretraining.worth import measured
from trainer.tasks.generate import GenerateRows, GenerateTask

Emit = Callable[[Mapping[str, Any]], None]
WORK, BEGUN, PLAN = "work", "begun.json", "plan.toml"
STAGE = "decoder"
TOKENIZER_FILES = (TOKENIZER, "tokenizer.model", TOKENIZER_CONFIG, TEMPLATE, GENERATION)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A plan, the folder its corpora lie in, and where the base goes."""

    plan: Path
    corpora: Path
    out: Path


def pretrain(wanted: Wanted, settings: Settings, emit: Emit) -> dict[str, Any]:
    """Make the base; returns what its card says. Raises RecipeError, DatasetError, UsageError."""
    plan = load_plan(wanted.plan)
    work = wanted.out / WORK
    emit({"type": "phase", "phase": "corpus"})
    corpus = read_corpus(plan, wanted.corpora, settings.imports)
    _begin(work, plan, corpus)
    emit({"type": "phase", "phase": "tokenizer"})
    renderer = _tokenizer(work, plan, corpus)
    rows, held = (GenerateRows(rendered(part, renderer), everyone=True) for part in (corpus.train, corpus.held))
    emit({"type": "phase", "phase": "train"})
    task = GenerateTask(new_decoder(plan.sizes, plan.recipe.seed), plan.recipe.dropout)
    train = settings.train
    run = RunFolder(
        work,
        FileLedger(work),
        emit,
        threads=train.threads,
        accelerator=train.accelerator,
        checkpoint_seconds=train.checkpoint_seconds,
    )
    sizes = Sizes.of(plan.recipe, plan.recipe.batch_tokens)
    fitted = fit(task, TextData(rows, held, renderer, sizes, plan.recipe.seed), plan.recipe, run, STAGE)
    emit({"type": "phase", "phase": "evaluate"})
    write_weights(task.model, work)
    kept = ChatBase(LocalBase(Base(plan.name, plan.licence, plan.languages, plan.sizes.context, plan.name), work))
    made = Made(plan, corpus, fitted, measured(kept.model(), kept.renderer(), corpus, (rows, held)))
    write_about(made, work)
    _publish(work, wanted)
    return made.to_wire()


def _begin(work: Path, plan: Plan, corpus: Corpus) -> None:
    """A folder is for one plan and one corpus: what another has begun there is not gone on with."""
    said = {"plan": json.loads(plan.model_dump_json()), "corpus": corpus.digest}
    with disk():
        make_folder(work)
        if (work / BEGUN).is_file() and json.loads((work / BEGUN).read_text(encoding="utf-8")) != said:
            raise UsageError(
                "Another plan, or another corpus, has begun in this folder.", remedy="Name a new folder with --out."
            )
        (work / BEGUN).write_text(json.dumps(said, ensure_ascii=False) + "\n", encoding="utf-8")


def _tokenizer(work: Path, plan: Plan, corpus: Corpus) -> ChatRenderer:
    if not all((work / name).is_file() for name in TOKENIZER_FILES):
        texts = (text for document in corpus.train for _, text in document)
        train_tokenizer(texts, plan.sizes.vocabulary, work)
    write_config(plan.sizes, work)
    return ChatRenderer.from_folder(work)


def _publish(work: Path, wanted: Wanted) -> None:
    """Copy what a base is made of out of the folder that was worked in."""
    with disk():
        shutil.copyfile(wanted.plan, wanted.out / PLAN)
        for name in (CONFIG, WEIGHTS, *TOKENIZER_FILES, CARD, CURVE):
            shutil.copyfile(work / name, wanted.out / name)
            sync(wanted.out / name)
