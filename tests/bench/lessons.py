"""Conversations of a corpus as a retraining learns to write from them: each reply of the brand, and what a selector
that was trained on the same conversations finds among the brand's earlier replies."""

from __future__ import annotations

import random
import tempfile
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.examples import Origin, examples_of
from data.prepare import ConversationPreparer
from data.profile import BotProfile
from data.redact import Redactor
from data.schema import Conversation, Example, Split
from data.settings import ImportSettings, load_settings
from data.split import split_of
from data.written import Written
from export.drafts import known_names
from export.grounding import Grounding
from tests.bench.corpora import require
from trainer.bases.catalogue import LocalBase, base_for
from trainer.bases.known import DEFAULT
from trainer.core.run_folder import MemoryLedger, RunFolder
from trainer.experiments.reading import read_dialogues
from trainer.generation.drafted import Brand
from trainer.generation.writing import Lessons
from trainer.material import Material, pairs
from trainer.recipes import pick_reply
from trainer.replies.calibrate import meaning_by, worth
from trainer.replies.details import private_details
from trainer.replies.indexing import Sayable, reply_indexes
from trainer.replies.train_reply import mean_length, train_reply

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "samples" / "chats.jsonl"
FILES: Mapping[str, tuple[str, str]] = {
    "taskmaster4": ("taskmaster4/train.jsonl.gz", "taskmaster4/dev.jsonl.gz"),
    "bitext": (
        "bitext_customer_support/dialogues.train.jsonl.gz",
        "bitext_customer_support/dialogues.test.jsonl.gz",
    ),
}
BRAND = "brand"
PROFILE = BotProfile(name="Lantern", target_precision=0.9)


@dataclass(frozen=True)
class Logs:
    """Conversations by split, prepared; `test` stands in a file of its own, or is of other customers."""

    train: Sequence[Conversation]
    validation: Sequence[Conversation]
    test: Sequence[Conversation]

    @classmethod
    def read(cls, name: str, asked: Namespace) -> Logs:
        if name == BRAND:
            parts: dict[str, list[Conversation]] = {"train": [], "validation": [], "test": []}
            for one in _prepared(SAMPLE):
                parts[split_of(one.customer or one.id)].append(one)
            return cls(**parts)
        learned, test = (list(_prepared(path)) for path in require(asked.corpora, *FILES[name]))
        dice = random.Random(0)
        for part in (learned, test):
            dice.shuffle(part)
        held = len(learned) // 10
        return cls(learned[held:][: asked.talks], learned[:held][: asked.talks], test)

    def material(self) -> Material:
        splits: tuple[Split, ...] = ("train", "validation", "test")
        train, validation, test = (_rows(getattr(self, split), split) for split in splits)
        return Material(train, validation, test, PROFILE)


def lessons_of(material: Material, seed: int = 0) -> Lessons:
    """By the default recipe for replies."""
    settings = load_settings()
    base = base_for(settings, DEFAULT)
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder), MemoryLedger(), keep=False)
        return Lessons.of(material, _brand(material, base, settings.imports, run), seed)


def _brand(material: Material, base: LocalBase, imports: ImportSettings, run: RunFolder) -> Brand:
    learned, held = pairs(material.train), pairs(material.validation)
    recipe = pick_reply(len(learned), mean_length(learned, base), base=base.base.name)
    trained = train_reply(recipe, base, learned, held, run)
    details = private_details(material.train, Grounding(Written(imports), known_names(material.profile)))
    index, _ = reply_indexes(trained, material.train, [], Sayable(lambda _: False, details))
    assert index is not None  # a corpus holds replies
    scoring = worth(trained, base, index, held, material.profile.target_precision).scoring
    return Brand(material.profile, imports, trained, index.scored_by(scoring), meaning_by(base))


def _prepared(path: Path) -> Iterable[Conversation]:
    prepare = ConversationPreparer(Redactor(ImportSettings()))
    return (prepare(one).conversation for one in read_dialogues(path, ImportSettings()))


def _rows(conversations: Iterable[Conversation], split: Split) -> list[Example]:
    found = []
    for at, one in enumerate(conversations):
        rows = examples_of(one, Origin(f"{split}{at:06d}".ljust(24, "-"), "bench", split))
        found.extend(row for row in rows if row.reply is not None)
    return found
