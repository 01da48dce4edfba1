"""Who speaks for the brand in a log that names people and not roles. Pure: participants and counts in, a decision out.

In this order: those whom the owner names; the roles that the format states; an e-mail domain that takes part in several
conversations; the few who take part in most conversations while the others come and go; in each chat, who answers the
one that began. The last two follow from habits: they are guesses, and told as such.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data.importers.hints import SpeakersFound
from data.schema import BRAND_ROLES, Role

SURE = 0.8
"""A decision less sure than this counts as guessed, and so does any that follows from habits alone."""
GUESSES = ("common", "first_answer")
MAX_NAMES = 5
MAX_STAFF = 50
MOST = 0.6
PRIVATE_DOMAINS = frozenset(
    [
        "126.com", "163.com", "aol.com", "example.com", "free.fr", "gmail.com", "gmx.de", "gmx.net", "googlemail.com",
        "hotmail.com", "icloud.com", "libero.it", "live.com", "mac.com", "mail.ru", "me.com", "msn.com", "orange.fr",
        "outlook.com", "proton.me", "protonmail.com", "qq.com", "t-online.de", "web.de", "yahoo.com", "yandex.ru",
    ]
)  # fmt: skip
"""Where anybody has an address: they tell no brand."""


@dataclass(frozen=True, slots=True)
class Person:
    """A participant: a key that stays the same within the log, and what else is known."""

    key: str
    name: str = ""
    address: str = ""
    role: Role | None = None

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Chat:
    """Who takes part in one chat or thread, each once, in the order in which they first spoke; and how often each
    was the first to answer somebody else's opening."""

    speakers: tuple[int, ...]
    answers: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Who the brand is: the numbers of people, or, for each chat by its number, one of them."""

    decided_by: str
    confidence: float
    people: frozenset[int] = frozenset()
    by_chat: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_guess(self) -> bool:
        return self.decided_by in GUESSES or self.confidence < SURE

    def role(self, number: int, chat: int, person: Person) -> Role:
        """The role of a person in a chat."""
        if person.role is not None and self.decided_by != "named":
            return person.role
        if person.role == "assistant":  # a bot stays one, whoever else is named
            return "assistant"
        return "agent" if number in self.people or self.by_chat.get(chat) == number else "user"

    def found(self, people: Sequence[Person], chats: Sequence[Chat]) -> SpeakersFound:
        """What the report says."""
        brand: set[int] = set()
        for number, chat in enumerate(chats):
            brand.update(one for one in chat.speakers if self.role(one, number, people[one]) in BRAND_ROLES)
        names = sorted(filter(None, (people[one].name.strip() or people[one].key.strip() for one in brand)))
        everyone = {one for chat in chats for one in chat.speakers}
        return SpeakersFound(
            self.decided_by, self.confidence, tuple(names[:MAX_NAMES]), len(brand), len(everyone - brand)
        )


def decide(people: Sequence[Person], chats: Sequence[Chat], named: Sequence[str] = ()) -> Decision:
    """Who speaks for the brand."""
    if named:
        told = frozenset(number for number, person in enumerate(people) if is_named(person, named))
        if told:
            return Decision("named", 1.0, told)
    unknown = {number for number, person in enumerate(people) if person.role is None}
    if not unknown:
        return Decision("roles", 1.0)
    stated = {person.role in BRAND_ROLES for person in people if person.role is not None}
    if stated == {True, False}:  # both sides are stated: the rest are guests
        return Decision("roles", 0.9)
    if stated == {False}:
        return Decision("roles", 0.9, frozenset(unknown))
    found = _by_domain(people, chats) or _by_presence(unknown, chats) or _by_answer(unknown, chats)
    return Decision("roles", SURE) if stated and not (found.people or found.by_chat) else found


def is_named(person: Person, named: Iterable[str]) -> bool:
    """Whether one of the names, addresses or domains is this person's."""
    own = {person.key.casefold(), person.name.casefold(), person.address.casefold()} - {""}
    for name in (one.strip().casefold() for one in named):
        if name in own or name.removeprefix("@") in own:
            return True
        if person.domain and name.removeprefix("@") == person.domain:
            return True
    return False


def customer_of(key: str) -> str:
    """What stands for a customer whom the log names: the same digest for the same key, and nobody's name."""
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def _by_domain(people: Sequence[Person], chats: Sequence[Chat]) -> Decision | None:
    """The business domain that takes part in most chats, if it does so in two or more and others take part too."""
    presence = Counter(
        domain for chat in chats for domain in {people[one].domain for one in chat.speakers} - PRIVATE_DOMAINS - {""}
    )
    ranked = presence.most_common(2)
    if not ranked or ranked[0][1] < 2 or (len(ranked) > 1 and ranked[1][1] == ranked[0][1]):
        return None
    domain, count = ranked[0]
    members = frozenset(number for number, person in enumerate(people) if person.domain == domain)
    if len(members) == len(people):
        return None
    return Decision("domain", round(0.7 + 0.3 * count / len(chats), 3), members)


def _by_presence(unknown: set[int], chats: Sequence[Chat]) -> Decision | None:
    """The few who together take part in most chats, each in many, while each of the others takes part in few."""
    shared = [{one for one in chat.speakers if one in unknown} for chat in chats]
    shared = [speakers for speakers in shared if len(speakers) > 1]
    if len(shared) < 2:
        return None
    staff: set[int] = set()
    uncovered = shared
    while uncovered and len(staff) < MAX_STAFF:
        one, count = Counter(one for speakers in uncovered for one in sorted(speakers)).most_common(1)[0]
        if count < max(2, len(shared) // 20):
            break
        staff.add(one)
        uncovered = [speakers for speakers in uncovered if one not in speakers]
    presence = Counter(one for speakers in shared for one in speakers)
    guests = [count for one, count in presence.items() if one not in staff]
    both = sum(bool(speakers & staff) and bool(speakers - staff) for speakers in shared) / len(shared)
    if not staff or not guests or both < MOST:
        return None
    if sum(presence[one] for one in staff) / len(staff) < 2 * sum(guests) / len(guests):
        return None
    return Decision("common", round(both * (1 - 1 / (len(shared) + 1)), 3), frozenset(staff))


def _by_answer(unknown: set[int], chats: Sequence[Chat]) -> Decision:
    """In every chat, whoever most often answered first. Between two people who both do, that is a toss-up."""
    chosen: dict[int, int] = {}
    sure: list[float] = []
    votes: defaultdict[int, int] = defaultdict(int)
    for chat in chats:
        for one, count in chat.answers.items():
            votes[one] += count
    for number, chat in enumerate(chats):
        speakers = [one for one in chat.speakers if one in unknown]
        if len(speakers) < 2:
            continue
        place = {one: -at for at, one in enumerate(speakers)}
        best = max(speakers[1:] + speakers[:1], key=lambda one: (chat.answers.get(one, 0), votes[one], -place[one]))
        total = sum(chat.answers.get(one, 0) for one in speakers)
        sure.append(chat.answers.get(best, 0) / total if total else 0.3)
        chosen[number] = best
    return Decision("first_answer", round(0.6 * sum(sure) / len(sure), 3) if sure else 0.0, by_chat=chosen)
