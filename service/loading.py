"""From a bot to the release that should answer for it, loaded, warm and tried: the live one, else an earlier one.

What does not load is not read again until one of its files changes, or a minute has passed: hashing the files of all
that was ever live is no work for every message.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import structlog

from data.errors import AttuneError, IntegrityError, NotFound, StorageError
from data.files import release_folder
from data.store import Store, releases
from data.store.census import models_of
from data.store.releases import Live, Release
from export.decoder_pool import DecoderPool
from export.encoders import encoder_path
from export.hear import Spoken
from export.predict import Parts, Predictor
from export.runtime import EncoderPool
from export.sealed import REMEDY
from service.answering import vouched
from service.resident import Address, Choice, Held, Holding, Rank

_log = structlog.get_logger("attune.bots")

AGAIN_SECONDS = 60.0
"""What did not load is tried again after this, though none of its files changed: perhaps memory was short."""

TRIAL: tuple[Sequence[Spoken], ...] = (
    (),
    (("user", "hello"),),
    (("user", "hello"), ("assistant", "Hello."), ("user", "where is my order")),
)
"""What every release must have an answer to before it may answer anybody."""

Traces = tuple[tuple[str, int, int, int], ...]
"""Of every file: name, inode, size, and when it was last changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """What should answer: the release `held`, None where nothing loads. `holding` is None where it is in memory."""

    choice: Choice
    held: Held | None
    holding: Holding | None = None


@dataclass(frozen=True, slots=True)
class _Bad:
    """A release that did not load: why, what its files were like then, and when to look again in any case."""

    code: str
    models: tuple[str, ...]
    traces: Traces
    until: float


class Loader:
    """Loads releases of all workspaces, sharing their encoders. Thread-safe; keeps nothing that it gave away."""

    def __init__(
        self,
        store: Store,
        home: Path,
        pools: tuple[EncoderPool, DecoderPool],
        clock: Callable[[], float] = time.monotonic,
        exact_replies: int | None = None,
    ) -> None:
        self._store = store
        self._home = home
        self._pool, self._decoders = pools
        self._clock = clock
        self._exact_replies = exact_replies
        self._bad: dict[tuple[Address, int], _Bad] = {}

    def find(self, address: Address, held: Held | None) -> Found:
        """What should answer for this bot, where release `held` is in memory: the live release; when it does not load,
        the newest of those deployed before that does.

        Raises NotFound when nothing is live, StorageError.
        """
        with self._store.for_workspace(address.workspace).read() as tx:
            live = releases.live(tx, address.bot_id)
            moves = releases.history(tx, address.bot_id)
        if live.release is None:
            raise NotFound("No release of this bot is live.", remedy="Promote one.", bot=address.bot)
        wanted, alarm = live.release.number, None
        for number in dict.fromkeys([wanted, *(move.number for move in moves)]):
            choice = Choice(wanted, Rank(live.version, live.rewrites, number == wanted), alarm)
            row = self._row(address, live, number)
            if held == (row.number, row.revision):
                return Found(choice, held)
            tried = self._tried(address, row)
            if isinstance(tried, Holding):
                return Found(choice, tried.held, tried)
            alarm = alarm or tried
        return Found(Choice(wanted, Rank(live.version, live.rewrites, False), alarm), None)

    def load(self, address: Address, number: int) -> Holding:
        """That release, warm and tried. Raises NotFound or IntegrityError."""
        with self._store.for_workspace(address.workspace).read() as tx:
            release = releases.get(tx, address.bot_id, number)
        try:
            return self._load(address, release)
        except (AttuneError, MemoryError):
            raise
        except Exception as error:  # whatever a library makes of a file that is not what it should be
            raise IntegrityError(
                f"Release {number} cannot be loaded ({type(error).__name__}).", remedy=REMEDY, release=number
            ) from error

    def is_worth_trying(self, address: Address, number: int) -> bool:
        """Whether this release could load though it did not when it was last tried."""
        bad = self._bad.get((address, number))
        return bad is None or self._clock() >= bad.until or bad.traces != self._traces(address, number, bad.models)

    def _row(self, address: Address, live: Live, number: int) -> Release:
        if live.release is not None and live.release.number == number:
            return live.release
        with self._store.for_workspace(address.workspace).read() as tx:
            return releases.get(tx, address.bot_id, number)

    def _tried(self, address: Address, release: Release) -> Holding | str:
        """The release, loaded; or the code of what is wrong with it."""
        known = self._bad.get((address, release.number))
        if known is not None and not self.is_worth_trying(address, release.number):
            return known.code
        models = _models(release)
        traces = self._traces(address, release.number, models)
        try:
            holding = self._load(address, release)
        except StorageError:
            raise
        except Exception as error:  # one release that cannot be loaded must not silence a bot that has another
            code = error.code if isinstance(error, AttuneError) else type(error).__name__
            _log.error(
                "release_does_not_load",
                workspace=address.workspace,
                bot=address.bot_id,
                release=release.number,
                code=code,
            )
            self._bad[address, release.number] = _Bad(code, models, traces, self._clock() + AGAIN_SECONDS)
            return code
        self._bad.pop((address, release.number), None)
        return holding

    def _load(self, address: Address, release: Release) -> Holding:
        if release.state == "reserved":
            raise NotFound(f"Release {release.number} was begun but never finished.", release=release.number)
        folder = release_folder(self._home, address.workspace, address.bot, release.number)
        facts = vouched(folder, release).facts
        digests = {*facts.encoders.values(), *facts.decoders.values(), *facts.adapters.values()}
        with ExitStack() as stack:
            predictor = stack.enter_context(Predictor.load(folder, self._pool, self._decoders, self._exact_replies))
            self._tell_of_cells(address, release.number, predictor.parts)
            _try_out(predictor)
            usage = (*self._pool.usage(), *self._decoders.usage())
            sizes = {use.digest: use.size_bytes for use in usage if use.digest in digests}
            stack.pop_all()
        _trim()
        return Holding(predictor, release.number, release.revision, sizes, _arrays(predictor.parts))

    def _tell_of_cells(self, address: Address, number: int, parts: Parts) -> None:
        """An operator with very many replies wants to know how they are searched."""
        replies = 0 if parts.reply is None else len(parts.reply.index)
        if parts.reply is not None and self._exact_replies is not None and replies > self._exact_replies:
            which = {"workspace": address.workspace, "bot": address.bot_id, "release": number}
            _log.info("replies_in_cells", **which, replies=replies, in_cells=not parts.reply.index.is_exact)

    def _traces(self, address: Address, number: int, models: Sequence[str]) -> Traces:
        folders = [release_folder(self._home, address.workspace, address.bot, number)]
        for name in models:
            kind, _, digest = name.partition("/")
            with suppress(IntegrityError):
                folders.append(encoder_path(self._home / kind, digest))
        return tuple(trace for folder in folders for trace in _traced(folder))


def _traced(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    for path in sorted([folder, *folder.rglob("*")]):
        with suppress(OSError):
            is_now = os.lstat(path)
            yield str(path), is_now.st_ino, is_now.st_size, is_now.st_ctime_ns


def _models(release: Release) -> tuple[str, ...]:
    """The folders of a release's models by what the store recorded, since its own manifest may be what is damaged."""
    return tuple(sorted(models_of(release.manifest)))


def _try_out(predictor: Predictor) -> None:
    """Let it answer, so that it is warm, and look at what it says. Raises IntegrityError."""
    for said in predictor.reply_many(TRIAL):
        if not (said.reply and isfinite(said.confidence) and isfinite(said.in_scope)):
            raise IntegrityError("The release does not answer as it should.", remedy=REMEDY)


def _trim() -> None:
    """Give back to the system what reading the graphs took: glibc would keep it for a next time that may never come."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # other C libraries have no such call, and no such habit
            ctypes.CDLL(None).malloc_trim(0)


def _arrays(parts: Parts) -> int:
    """Bytes of what a release does not share."""
    head = 0 if parts.intent is None else parts.intent.head.size_bytes
    index = 0 if parts.reply is None else parts.reply.index.size_bytes
    corrections = 0 if parts.corrections is None else parts.corrections.vectors.nbytes
    return head + index + corrections
