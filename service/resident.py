"""What is in memory: which release answers for which bot, who is using it, what it takes, and who leaves first.

One lock guards it all and is held for moments only: nothing is loaded and nothing is closed under it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from export.predict import Predictor


@dataclass(frozen=True, slots=True)
class Address:
    """A bot, in its workspace."""

    workspace: str
    bot_id: str
    bot: str


class Rank(NamedTuple):
    """How right a release is: the version of the pointer it was chosen by, how often erasures had changed releases of
    its bot by then, and whether it is the one pointed at.

    The greater replaces the lesser, never the other way round: what was erased from gives way even to an earlier one.
    """

    version: int
    rewrites: int
    exact: bool


class Held(NamedTuple):
    """A release as it was loaded: its number, and how often an erasure had changed it by then."""

    number: int
    revision: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What should answer for a bot: release `wanted`, which is live; `alarm` is the code of why it does not load."""

    wanted: int
    rank: Rank
    alarm: str | None = None


@dataclass(eq=False, slots=True)
class Holding:
    """A loaded release. Whoever loaded it is its first user; it is closed by its last one, unless it is resident.

    `encoders` are bytes by digest, of them and of what writes, which releases share; `arrays` the bytes that are its
    own. `last_used` is 0 until somebody asks for it.
    """

    predictor: Predictor
    number: int
    revision: int
    encoders: Mapping[str, int]
    arrays: int
    users: int = 1
    is_resident: bool = False
    last_used: float = 0.0

    @property
    def held(self) -> Held:
        return Held(self.number, self.revision)

    @property
    def size_bytes(self) -> int:
        return self.arrays + sum(self.encoders.values())


@dataclass(frozen=True, slots=True)
class Loaded:
    """A bot in memory, or one that should be. `bytes` counts shared encoders too; `last_used` is by the bots' clock.

    `alarm` is set while its live release does not load: the code of the error. Then `release` is the earlier one that
    answers instead; where none does, the one that should, and `bytes` is 0.
    """

    workspace: str
    bot: str
    release: int
    bytes: int
    in_use: int
    last_used: float
    alarm: str | None


@dataclass(slots=True)
class _Place:
    choice: Choice
    holding: Holding | None = None


@dataclass
class Residents:
    """The releases that answer, one for each bot that is in memory, in `budget` bytes."""

    budget: int
    clock: Callable[[], float]
    is_closed: bool = False
    _places: dict[Address, _Place] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, address: Address) -> Holding | None:
        """What answers for this bot, to be given back; None when nothing of it is in memory."""
        with self._lock:
            place = self._places.get(address)
            if place is None or place.holding is None:
                return None
            place.holding.users += 1
            place.holding.last_used = self.clock()
            return place.holding

    def give(self, holding: Holding) -> None:
        """Give back what was taken or loaded; the last user of one that is no longer resident closes it."""
        with self._lock:
            holding.users -= 1
            is_over = holding.users == 0 and not holding.is_resident
        if is_over:
            holding.predictor.close()

    def put(self, address: Address, holding: Holding, choice: Choice) -> bool:
        """Answer with `holding` from now on; what answered so far leaves with its last user.

        False, and nothing done, when something as right or better answers, or a newer pointer was seen.
        """
        with self._lock:
            if self.is_closed:
                return False
            place = self._places.setdefault(address, _Place(choice))
            known = place.choice.rank
            if choice.rank < known or (choice.rank == known and place.holding is not None):
                return False
            before, place.holding, place.choice = place.holding, holding, choice
            holding.is_resident = True
            holding.last_used = before.last_used if before is not None else 0.0
            left = _unseated(before)
        _close(left)
        return True

    def keep(self, address: Address, held: Held, choice: Choice) -> Holding | None:
        """Take what answers already, which is the release `held`, as right for a newer pointer; None when it is not."""
        with self._lock:
            place = self._places.get(address)
            if place is None or place.holding is None or place.holding.held != held:
                return None
            if choice.rank >= place.choice.rank:
                place.choice = choice
            place.holding.users += 1
            return place.holding

    def fail(self, address: Address, choice: Choice) -> None:
        """Note that nothing can be loaded as this version of the pointer says. What answers goes on, unless it may say
        what was erased since."""
        left: list[Holding] = []
        with self._lock:
            place = self._places.setdefault(address, _Place(choice))
            if choice.rank.rewrites > place.choice.rank.rewrites:
                before, place.holding = place.holding, None
                left = _unseated(before)
            if choice.rank >= place.choice.rank:
                place.choice = choice
        _close(left)

    def held(self, address: Address) -> Held | None:
        """The release that answers for this bot."""
        with self._lock:
            place = self._places.get(address)
            return None if place is None or place.holding is None else place.holding.held

    def watched(self) -> dict[Address, Rank]:
        """The bots that are in memory or should be, and how right what answers is."""
        with self._lock:
            return {address: place.choice.rank for address, place in self._places.items() if _is_watched(place)}

    def report(self) -> tuple[Loaded, ...]:
        """All that `watched` names, ordered by workspace and bot."""
        with self._lock:
            places = sorted(self._places.items(), key=lambda one: (one[0].workspace, one[0].bot))
            return tuple(_told(address, place) for address, place in places if _is_watched(place))

    @property
    def size_bytes(self) -> int:
        """What the resident releases take, shared encoders counted once."""
        with self._lock:
            return self._size()

    def make_room(self, stays: Address | None = None) -> None:
        """Let bots that nobody is using leave, the least recently used first, until what is left fits the budget. Of
        those nobody ever asked for, the one that came last leaves first.
        """
        left = []
        with self._lock:
            while self._size() > self.budget:
                idle = [
                    (place.holding.last_used, address)
                    for address, place in reversed(self._places.items())
                    if address != stays and place.holding is not None and place.holding.users == 0
                ]
                if not idle:
                    break
                left += self._unseat_idle(min(idle, key=lambda one: one[0])[1])
        _close(left)

    def close(self) -> None:
        """Take everything out; what is in use leaves with its last user. Nothing can be put in any more."""
        left = []
        with self._lock:
            self.is_closed = True
            for place in self._places.values():
                left += _unseated(place.holding)
                place.holding = None
            self._places.clear()
        _close(left)

    def _size(self) -> int:
        encoders: dict[str, int] = {}
        arrays = 0
        for place in self._places.values():
            if place.holding is not None:
                encoders.update(place.holding.encoders)
                arrays += place.holding.arrays
        return arrays + sum(encoders.values())

    def _unseat_idle(self, address: Address) -> list[Holding]:
        place = self._places.get(address)
        if place is None or place.holding is None or place.holding.users:
            return []
        before, place.holding = place.holding, None
        return _unseated(before)


def _is_watched(place: _Place) -> bool:
    return place.holding is not None or place.choice.alarm is not None


def _unseated(holding: Holding | None) -> list[Holding]:
    """Make `holding` no resident any more; it is returned when nobody is left to close it."""
    if holding is None:
        return []
    holding.is_resident = False
    return [holding] if holding.users == 0 else []


def _close(left: list[Holding]) -> None:
    for holding in left:
        holding.predictor.close()


def _told(address: Address, place: _Place) -> Loaded:
    holding = place.holding
    return Loaded(
        workspace=address.workspace,
        bot=address.bot,
        release=place.choice.wanted if holding is None else holding.number,
        bytes=0 if holding is None else holding.size_bytes,
        in_use=0 if holding is None else holding.users,
        last_used=0.0 if holding is None else holding.last_used,
        alarm=place.choice.alarm,
    )
