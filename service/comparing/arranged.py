"""What a comparison is about, before anything is loaded: which two releases, which questions, by which seed.

What nobody names is taken from choices that were begun; else the newest release is held against the live one, on what
its dataset keeps for testing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import NotFound, UsageError
from data.lineage import frozen, of_release
from data.schema import Split
from data.settings import ImportSettings
from data.store import Store, datasets, releases
from data.store.bots import Bot
from data.store.datasets import Dataset
from data.store.releases import Release
from service.answering import chosen_release
from service.comparing.blind import Pin, Side
from service.comparing.questions import Question, digest_of, distinct, drawn, held_out, read_questions

COUNT = 50
"""Questions drawn of a dataset where nobody says how many: half an hour for a person, enough for a clear difference."""
SPLIT: Split = "test"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; None where nobody said. `begun` is what choices that are kept are about."""

    release: int | None = None
    other: int | None = None
    file: Path | None = None
    count: int | None = None
    seed: int | None = None
    begun: Pin | None = None


@dataclass(frozen=True, slots=True)
class Arranged:
    """A comparison that can be held. `repeated`: questions that stood in the file more than once."""

    pin: Pin
    releases: tuple[Release, Release]
    questions: Sequence[Question]
    repeated: int = 0


def arrange(store: Store, bot: Bot, wanted: Wanted, imports: ImportSettings) -> Arranged:
    """Raises NotFound, UsageError, IntegrityError, ImportRefused."""
    wanted = _filled(wanted)
    pair, seed = _two(store, bot, wanted), wanted.seed or 0
    dataset, count, repeated = None, wanted.count, 0
    if wanted.file is not None:
        read = read_questions(wanted.file, imports)
        questions = distinct(read)
        repeated = len(read) - len(questions)
        questions = questions if count is None else drawn(questions, count, seed)
    else:
        one = _dataset(store, bot, pair, wanted.begun)
        dataset, count = one.fingerprint, count or COUNT
        questions = drawn(held_out(frozen(store, one).rows(SPLIT), seed), count, seed)
        if not questions:
            raise NotFound(
                f"Dataset {one.number} keeps nothing for testing, so there is nothing to ask.",
                remedy=_OWN,
                bot=bot.name,
            )
    release, other = (Side(row.number, row.digest or "") for row in pair)
    pin = Pin(bot.name, release, other, seed, dataset, count, len(questions), digest_of(questions))
    return Arranged(pin, pair, questions, repeated)


def _filled(wanted: Wanted) -> Wanted:
    """With what was begun in the place of what nobody said."""
    known = wanted.begun
    if known is None:
        return wanted
    if known.dataset is None and wanted.file is None:
        raise UsageError("These choices are about the questions of a file.", remedy="Name it again: --questions FILE")
    return replace(
        wanted,
        release=wanted.release or known.release.number,
        other=wanted.other or known.other.number,
        count=wanted.count or known.count,
        seed=known.seed if wanted.seed is None else wanted.seed,
    )


def _two(store: Store, bot: Bot, wanted: Wanted) -> tuple[Release, Release]:
    """The release that is asked about, and the one it is held against."""
    with store.read() as tx:
        live = releases.live(tx, bot.id).release
        published = [one.number for one in releases.list_for(tx, bot.id) if one.state == "published"]
    number = wanted.release or max(published, default=None)
    other = wanted.other or (live.number if live else None)
    name_two = f"Name two: attune compare {bot.name} N M; `attune releases {bot.name}` lists them."
    if number is not None and other is None:
        raise NotFound("No release of this bot is live to be held against.", remedy=name_two, bot=bot.name)
    if number is not None and number == other:
        said = "is the live one" if wanted.other is None else "was named twice"
        raise UsageError(f"Release {number} {said}: there is nothing to compare it with.", remedy=name_two)
    return chosen_release(store, bot, number), chosen_release(store, bot, other)


def _dataset(store: Store, bot: Bot, pair: tuple[Release, Release], begun: Pin | None) -> Dataset:
    """The one that was begun with; else the one that a release was made of, the newest where that one is gone. Rows
    never move from train to test, so what one dataset keeps for testing, no release has learned from."""
    with store.read() as tx:
        if begun is not None and begun.dataset is not None:
            found = datasets.find(tx, bot.id, begun.dataset)
            if found is None:
                raise NotFound("The dataset of these choices is not here.", remedy="Begin a new file of choices.")
            return found
        made_of = (of_release(tx, release) for release in pair)
        every = [*(one.dataset for one in made_of if one is not None), *reversed(datasets.list_for(tx, bot.id))]
    found = next((one for one in every if one.erased_at is None), None)
    if found is None:
        raise NotFound("There is no dataset of this bot to draw questions from.", remedy=_OWN, bot=bot.name)
    return found


_OWN = "Name questions of your own: --questions FILE"
