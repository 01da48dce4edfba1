"""From a bot's name to the predictor of one of its releases, verified against what the store recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from data.errors import IntegrityError, NotFound
from data.files import release_folder
from data.settings import Settings
from data.store import Store, releases
from data.store.bots import Bot
from data.store.releases import Release
from export.decoder_pool import DecoderPool, Turns
from export.predict import Predictor
from export.release import Release as Folder
from export.release import open_release
from export.runtime import EncoderPool


def chosen_release(store: Store, bot: Bot, number: int | None) -> Release:
    """The release `number`, or the live one. Raises NotFound, with what to do about it."""
    with store.read() as tx:
        found = releases.live(tx, bot.id).release if number is None else releases.get(tx, bot.id, number)
        newest = max((one.number for one in releases.list_for(tx, bot.id) if one.state == "published"), default=None)
    if found is None:
        remedy = (
            f"Train it: attune train {bot.name}"
            if newest is None
            else f"Make one live: attune promote {bot.name} {newest}; or name one with --release."
        )
        raise NotFound("No release of this bot is live.", remedy=remedy, bot=bot.name)
    if found.state == "reserved":
        raise NotFound(
            f"Release {found.number} was begun but never finished.",
            remedy=f"`attune releases {bot.name}` lists those that were.",
            bot=bot.name,
            release=found.number,
        )
    return found


@contextmanager
def predictor_of(settings: Settings, bot: Bot, release: Release) -> Iterator[Predictor]:
    """The predictor of that release. Raises NotFound or IntegrityError when its files are not what was published."""
    with predictors_of(settings, bot, [release]) as (predictor,):
        yield predictor


@contextmanager
def predictors_of(settings: Settings, bot: Bot, chosen: Sequence[Release]) -> Iterator[tuple[Predictor, ...]]:
    """Those of several releases side by side; what they have in common is loaded once. Raises as `predictor_of`."""
    pool, decoders = EncoderPool(settings.home / "encoders", settings.serve.threads), decoder_pool(settings)
    with ExitStack() as stack:
        loaded = []
        for release in chosen:
            folder = release_folder(settings.home, settings.workspace, bot.name, release.number)
            vouched(folder, release)
            loaded.append(stack.enter_context(Predictor.load(folder, pool, decoders, settings.serve.exact_replies)))
        yield tuple(loaded)


def decoder_pool(settings: Settings) -> DecoderPool:
    """What replies are written with, and how many at once."""
    serve = settings.serve
    turns = Turns(serve.writers, serve.writers_waiting, serve.writer_seconds)
    return DecoderPool(settings.home, serve.threads, turns)


def vouched(folder: Path, release: Release) -> Folder:
    """What stands in `folder`, if its manifest is the one that the store recorded: all else follows from that one.

    Raises NotFound or IntegrityError. The files themselves are not read.
    """
    found = open_release(folder, verify=False)
    if found.digest != release.digest:
        raise IntegrityError(
            f"Release {release.number} is not the one that was published.",
            remedy="`attune doctor` says what is damaged; restore it from a backup, or train again.",
            release=release.number,
        )
    return found
