"""Reading a help desk or live chat whose files hold whole conversations, or single messages that name theirs.

A product says where its entries stand, what an entry is (`thread`, `said`) and what one message is (`message`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any

from data.importers.documents import key, table
from data.importers.entries import Flaw, Layout, below
from data.importers.helpdesks.threads import Desk, Message, Thread, gathered
from data.importers.kind import Kind, Sample, Source
from data.importers.nouns import ImportOptions, Item, Reason, Remark
from data.importers.talk import SAMPLE_CHARS
from data.schema import SetAside

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Product:
    """What there is to know of one product.

    `signs`: fields of which all show in an entry, one set for each shape it has. `thread` names the conversation of an
    entry, None where it is none; `said` lists its messages, an entry that is a message itself being its only one.
    `message` makes one of them (with its row and entry), or says why it is none. `is_scattered`: its entries are single
    messages, in any order.
    """

    name: str
    title: str
    layout: Layout
    signs: tuple[tuple[str, ...], ...]
    thread: Callable[[Entry], Thread | None]
    said: Callable[[Entry], list[Any]]
    message: Callable[[Entry, int, Entry], Message | Reason]
    is_scattered: bool = False

    def kind(self, confidence: float = 0.93) -> Kind:
        return Kind(self.name, self.title, partial(_read, self), partial(_sniff, self, confidence))


def _sniff(product: Product, confidence: float, sample: Sample) -> float:
    for place in product.layout.shown(sample.paths):
        if any(sample.has(*(below(place, sign) for sign in signs)) for signs in product.signs):
            return confidence
    return 0.0


def _read(product: Product, source: Source, options: ImportOptions) -> Iterator[Item]:
    desk = Desk(options, source.limits)
    for item in gathered(partial(_pieces, product, source), is_scattered=product.is_scattered):
        if not isinstance(item, tuple):
            yield item
            continue
        thread = None
        for row, one, entry in (said for piece in item[1] for said in piece):
            thread = thread or product.thread(entry)
            found = product.message(table(one), row, entry) if isinstance(one, dict) else Reason.WRONG_TYPE
            if isinstance(found, Reason):
                yield SetAside(row, found, str(one)[:SAMPLE_CHARS] if found is Reason.WRONG_TYPE else "")
            elif thread is not None:
                own = key(one.get("id")) or key(one.get("fingerprint")) or key(one.get("msg_id"))
                thread.add(replace(found, key=own), source.limits)
        if thread is not None:
            if thread.is_explained:
                yield Remark("extras_ignored", min((one.row for one in thread.messages), default=0))
            yield from desk.close(thread)
    yield from desk.summary()


def _pieces(product: Product, source: Source) -> Iterator[Item | tuple[str, Any]]:
    """(conversation, its messages with rows and entry)."""
    rows, number = count(1), count(1)
    for member in source.members:
        for found in product.layout.entries(source, member):
            if isinstance(found, Flaw):
                yield SetAside(next(rows), found.reason, found.sample)
                continue
            entry = table(found[1])
            thread = product.thread(entry)
            if thread is None:
                yield SetAside(next(rows), Reason.UNKNOWN_SHAPE, str(found[1])[:SAMPLE_CHARS])
                continue
            said = [(next(rows), one, entry) for one in product.said(entry)]
            if not said:
                yield SetAside(next(rows), Reason.EMPTY_CONVERSATION)
            elif product.is_scattered:
                yield thread.id or f"file {member.name}", said
            else:
                yield str(next(number)), said
