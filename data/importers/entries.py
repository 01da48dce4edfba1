"""JSON files whose entries are read one by one: one document, several after each other, or one on each line.

A format says at which places its entries may stand and by which fields an entry is told; a file is read at those of
the places where its beginning shows such a field. Where every line is a document of its own, a broken line costs
itself alone; where one document breaks off, what stood before the break holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from data.importers import strict_json
from data.importers.container import Member
from data.importers.kind import Sample, Source
from data.importers.nouns import Reason
from data.importers.strict_json import JsonError

SAMPLE_CHARS = 400


@dataclass(frozen=True, slots=True)
class Flaw:
    """An entry, or the rest of a file, that cannot be read."""

    reason: Reason
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the entries of a format stand (`conversations.item`; "" is the document itself), and the fields any one
    of which tells an entry (`author.type`)."""

    places: tuple[str, ...]
    fields: tuple[str, ...]

    def shown(self, paths: Collection[str]) -> tuple[str, ...]:
        """The places where a file with these paths holds entries; none inside an entry."""
        return self._outermost(
            place for place in self.places if any(below(place, name) in paths for name in self.fields)
        )

    def entries(self, source: Source, member: Member) -> Iterator[tuple[str, Any] | Flaw]:
        """(place, entry) one at a time, in the order of the file."""
        if _is_by_line(source, member):
            yield from self._by_line(source, member)
            return
        places = self.shown(Sample(member, source.written(member).encoding).paths) or ("",)
        try:
            yield from source.values(member, places)
        except JsonError as error:
            yield Flaw(error.reason, member.name)

    def _by_line(self, source: Source, member: Member) -> Iterator[tuple[str, Any] | Flaw]:
        for line in source.lines(member):
            if line.flaw is not None:
                yield Flaw(line.flaw, line.text[:SAMPLE_CHARS])
            elif line.text.strip():
                try:
                    body = strict_json.loads(line.text)
                except JsonError as error:
                    yield Flaw(error.reason, line.text[:SAMPLE_CHARS])
                    continue
                yield from self._inside(body)

    def _inside(self, body: Any) -> Iterator[tuple[str, Any]]:
        """The entries in one document; the document itself where it holds none."""
        found = {place: list(filter(self._fits, standing_at(body, place))) for place in self.places}
        for place in self._outermost(place for place, entries in found.items() if entries) or ("",):
            for entry in found.get(place) or [body]:
                yield place, entry

    def _fits(self, entry: Any) -> bool:
        return any(next(standing_at(entry, name), None) is not None for name in self.fields)

    @staticmethod
    def _outermost(places: Iterable[str]) -> tuple[str, ...]:
        known = tuple(places)
        return (
            ("",)
            if "" in known
            else tuple(place for place in known if not any(place.startswith(f"{other}.") for other in known))
        )


def below(place: str, name: str) -> str:
    """The path of a field of what stands at a place."""
    return f"{place}.{name}" if place else name


def standing_at(body: Any, path: str) -> Iterator[Any]:
    """What stands at a path below `body`; `item` is any entry of a list, "" is `body` itself."""
    if not path:
        yield body
        return
    name, _, rest = path.partition(".")
    if isinstance(body, list) and name == "item":
        inner = body
    elif isinstance(body, dict) and name in body:
        inner = [body[name]]
    else:
        return
    for one in inner:
        if rest:
            yield from standing_at(one, rest)
        else:
            yield one


def _is_by_line(source: Source, member: Member) -> bool:
    """Whether the first two lines that are not blank are JSON documents of their own."""
    lines = (line for line in source.lines(member) if line.text.strip())
    first = list(islice(lines, 2))
    if len(first) < 2 or first[0].flaw is not None or first[1].text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        return isinstance(strict_json.loads(first[0].text), dict | list)
    except JsonError:
        return False
