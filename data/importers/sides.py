"""On which side of a conversation the values of a table's role column are: customer, bot, colleague or system.

What the owner says comes first: values in the field map (`role.Kunde=user`), then those who speak for the brand
(`brand`). Whoever else is named by no usual name of a role is a customer once the brand is named, and nobody otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from data.importers import records, speakers
from data.importers.hints import SpeakersFound
from data.importers.nouns import ROLE_OF, Item, Reason, Remark
from data.importers.speakers import Person
from data.schema import BRAND_ROLES, ROLES, Role

MAX_KNOWN = 10_000
"""Values that are remembered: a column of roles has few."""


@dataclass(slots=True)
class Sides:
    """`mapped` goes from values, tidy and in lower case, to roles."""

    mapped: Mapping[str, Role] = field(default_factory=dict)
    brand: tuple[str, ...] = ()
    _known: dict[str, Role | Reason] = field(default_factory=dict)
    _named: set[str] = field(default_factory=set)
    _others: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, fields: Mapping[str, str], brand: tuple[str, ...]) -> Sides:
        """Of the owner's field map and of those who speak for the brand."""
        roles: dict[str, Role] = {role: role for role in ROLES}  # type: ignore[misc]
        mapped = {name.removeprefix(ROLE_OF): roles[role] for name, role in fields.items() if name.startswith(ROLE_OF)}
        return cls({_plain(name): role for name, role in mapped.items()}, brand)

    def role_of(self, value: str | None) -> Role | Reason:
        """The role of a value, or why it has none."""
        if value is None:
            return Reason.MISSING_FIELD
        name = _plain(value)
        found = self._known.get(name)
        if found is None:
            found = self._decided(value, name)
            if len(self._known) < MAX_KNOWN:
                self._known[name] = found
        return found

    def summary(self) -> Iterator[Item]:
        """Who spoke for the brand, where the owner named them."""
        if not self.brand:
            return
        if not self._named:
            yield Remark("brand_not_found", 0)
            return
        names = sorted(self._named)
        yield SpeakersFound("named", 1.0, tuple(names[: speakers.MAX_NAMES]), len(names), len(self._others))

    def _decided(self, value: str, name: str) -> Role | Reason:
        if name in self.mapped:
            return self.mapped[name]
        usual = records.role_of(value)
        text = value.strip()
        if self.brand and speakers.is_named(Person(text, text, text if "@" in text else ""), self.brand):
            self._named.add(text)
            return usual if usual in BRAND_ROLES else "agent"
        if self.brand and usual is Reason.UNKNOWN_ROLE and text:
            self._others.add(text)
            return "user"
        return usual


def _plain(value: str) -> str:
    return " ".join(value.split()).casefold()
