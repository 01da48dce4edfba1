"""Which conversations are trained on and which are measured on. Pure: the same members give the same splits.

Conversations that share a customer or a near-duplicate cluster belong together, and what they connect, directly or
through others, is a group: all of it stands in one split. A row that has a split keeps it for good; a new row joins
the split of the group it touches; one that touches groups of two splits is set aside; a group of new rows only is
hashed. A row whose split was promised before anybody looked at what it touches keeps the promise or is set aside. Not
everything that repeats may connect, or "hi" would make one group of a whole log (docs/decisions/0003):

- an utterance connects only when it says enough (`connects`), and only what users say, never the brand's macros;
- a cluster that is found in more than `MAX_SPAN` conversations is common speech and connects nothing;
- a customer id that stands for nobody in particular ("guest", "unknown") connects nothing.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from data.errors import UsageError
from data.schema import Split

SALT = "attune"
MAX_SPAN = 5
"""Conversations a near-duplicate cluster may be found in and still connect them."""
MIN_LETTERS = 16
"""Letters and digits of an utterance that says enough to connect conversations."""
MIN_WORDS = 4
DENSE_SCRIPT_LETTERS = 3
"""What one character counts in scripts that write a syllable or a word with each: Chinese, Japanese, Korean."""
OVERSIZE = 0.5
"""A new group larger than this part of the smallest share goes to train, so that no customer is most of a test."""
BRIDGES_SPLITS = "bridges_splits"
NOBODY = frozenset(("", "-", "0", "anonymous", "anon", "guest", "n/a", "nan", "none", "null", "unknown", "visitor"))
"""Customer ids, lower-cased, that exports write where they know none."""


@dataclass(frozen=True, slots=True)
class Member:
    """A conversation as splitting sees it.

    `age` orders conversations by arrival, the oldest first. `mark` is hashed for a new group: something that follows
    from content, so that the same logs split the same way everywhere; `key` when empty. `near` are the clusters of
    its utterances that may connect. `promised`: its `split` was said before it was placed among the others, so that it
    is set aside where it touches a group of another split.
    """

    key: str
    age: int
    customer: str | None = None
    near: tuple[str, ...] = ()
    split: Split | None = None
    mark: str = ""
    promised: bool = False


@dataclass(frozen=True, slots=True)
class Shares:
    """The part of new groups each split gets; they add up to 1, and train gets some."""

    train: float = 0.8
    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        parts = (self.train, self.validation, self.test)
        if not all(0 <= part <= 1 for part in parts) or abs(sum(parts) - 1) > 1e-9 or self.train == 0:
            raise UsageError(
                "The shares of train, validation and test lie in 0..1 and add up to 1, and train is not 0.",
                remedy="Try 0.8, 0.1, 0.1.",
            )

    @property
    def smallest(self) -> float:
        """The smallest share that is not 0."""
        return min(part for part in (self.train, self.validation, self.test) if part > 0)

    def at(self, point: float) -> Split:
        """The split that `point` in [0, 1) falls into."""
        if point < self.test:
            return "test"
        return "validation" if point < self.test + self.validation else "train"


DEFAULT_SHARES = Shares()


@dataclass(frozen=True, slots=True)
class Assignment:
    """`splits` and `groups` by key; a group is named by the key of its oldest member. `set_aside`: key to reason."""

    splits: dict[str, Split] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)

    @property
    def largest_group(self) -> int:
        """Members of the largest group."""
        return max(Counter(self.groups.values()).values(), default=0)


def assign(members: Iterable[Member], shares: Shares = DEFAULT_SHARES, salt: str = SALT) -> Assignment:
    """The split and group of every member, in whatever order they come. Keys must differ."""
    ordered = sorted(members, key=lambda member: (member.split is None, member.promised, member.age, member.key))
    groups = _Groups(ordered, _common(ordered))
    for place in range(len(ordered)):
        groups.place(place)
    return groups.settled(shares, salt)


def split_of(mark: str, shares: Shares = DEFAULT_SHARES, salt: str = SALT) -> Split:
    """The split of a new group by the mark of its oldest member."""
    digest = hashlib.sha256(f"{salt}\x1f{mark}".encode("utf-8", "surrogatepass")).digest()
    return shares.at(int.from_bytes(digest[:6], "big") / 2**48)


def connects(text: str) -> bool:
    """Whether an utterance says enough that its near-duplicates belong into one split.

    That is `MIN_WORDS` words and `MIN_LETTERS` letters or digits; where a script does without spaces, letters alone.
    """
    letters = dense = 0
    for char in text:
        if char.isalnum():
            letters += 1
            dense += _is_dense(char)
    weighed = letters + dense * (DENSE_SCRIPT_LETTERS - 1)
    return weighed >= MIN_LETTERS and (2 * dense > letters or len(text.split()) >= MIN_WORDS)


def _is_dense(char: str) -> bool:
    return char > "\u2e7f" and unicodedata.east_asian_width(char) == "W"


def _common(members: Iterable[Member]) -> frozenset[str]:
    """The clusters found in too many conversations to connect any."""
    spans = Counter(cluster for member in members for cluster in set(member.near))
    return frozenset(cluster for cluster, span in spans.items() if span > MAX_SPAN)


class _Groups:
    """Union-find over members, grown one member at a time: those with a split first, then the new, oldest first."""

    def __init__(self, members: Sequence[Member], common: frozenset[str]) -> None:
        self._members = members
        self._common = common
        self._parent = list(range(len(members)))
        self._split: list[Split | None] = [member.split for member in members]
        self._seen: dict[str, list[int]] = {}
        self._aside: set[int] = set()

    def place(self, place: int) -> None:
        """Join the member with all it is connected to, or set it aside."""
        links = list(self._links(self._members[place]))
        touched = {self._find(other) for link in links for other in self._seen.get(link, ())}
        split = self._split[place]
        settled = {self._split[root] for root in touched} - {None, split}
        if split is not None and self._members[place].promised and settled:
            self._aside.add(place)
            return
        if split is not None:  # it was placed before, and stays: it joins those of its own split
            touched = {root for root in touched if self._split[root] == split}
        elif len(settled) > 1:
            self._aside.add(place)
            return
        for root in touched:
            self._join(place, root)
        for link in links:
            there = self._seen.setdefault(link, [])
            if self._find(place) not in {self._find(other) for other in there}:
                there.append(place)

    def settled(self, shares: Shares, salt: str) -> Assignment:
        """All splits and groups, the new groups hashed."""
        members, result = self._members, Assignment()
        kept = [place for place in range(len(members)) if place not in self._aside]
        oldest: dict[int, Member] = {}
        size: Counter[int] = Counter()
        for place in kept:
            root, member = self._find(place), members[place]
            size[root] += 1
            first = oldest.setdefault(root, member)
            if (member.age, member.key) < (first.age, first.key):
                oldest[root] = member
        limit = max(1.0, OVERSIZE * shares.smallest * len(members))
        for root, first in oldest.items():
            if self._split[root] is None:
                self._split[root] = "train" if size[root] > limit else split_of(first.mark or first.key, shares, salt)
        for place in kept:
            root, key = self._find(place), members[place].key
            split = self._split[root]
            assert split is not None, "every group has a split by now"
            result.splits[key] = split
            result.groups[key] = oldest[root].key
        result.set_aside.update((members[place].key, BRIDGES_SPLITS) for place in sorted(self._aside))
        return result

    def _links(self, member: Member) -> Iterator[str]:
        """What connects this member to others, each named once."""
        if member.customer is not None and member.customer.strip().lower() not in NOBODY:
            yield f"customer {member.customer}"
        yield from (f"near {cluster}" for cluster in dict.fromkeys(member.near) if cluster not in self._common)

    def _find(self, place: int) -> int:
        parent = self._parent
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    def _join(self, one: int, other: int) -> None:
        """The older root stays, so that depth stays small: members come in order and point back to the first."""
        low, high = sorted((self._find(one), self._find(other)))
        if low != high:
            self._parent[high] = low
            self._split[low] = self._split[low] or self._split[high]
